"""No body that the limit of size admits holds the loop for long or takes much memory, whatever it holds.

Bodies of every kind of excess go to every operation of the table that takes a body, to the webhooks' listener and to the
admin socket; a new operation is among them by itself. Processor time is measured, not time: load does not matter.
"""

import gzip
import hashlib
import hmac
import http.client
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import anyio.to_thread
import orjson
import pytest

from tests.support.exhaustive import IS_EXHAUSTIVE
from tests.support.loop_cost import frozen_heap, measured, slowness
from tests.support.patience import PATIENCE_S
from tests.support.site import APP_SECRET, site
from tests.support.worst_bodies import Body, bodies, broken, carousels, values
from wacrmd import log
from wacrmd.admin.protocol import MAX_REQUEST
from wacrmd.api.app import ENDPOINTS, described
from wacrmd.api.form import Form
from wacrmd.operations.operation import Operation
from wacrmd.operations.table import OPERATIONS

pytestmark = pytest.mark.anyio

HELD_S = 0.05
TRIES = 10
MEMORY = 20
"""Times its size that a body may take."""
SMALL = 16 << 20
"""Bytes that a body may take however small it is."""
LIMIT = 5 << 20
"""`[api] max_body_bytes`."""
LONGEST_ANSWER = 400_000
"""Bytes. The description of the API has some 250,000."""
FROM_STRANGERS = 4
"""Webhooks that are sent without a right signature too: nothing that they hold is looked at."""
STEP = 1 if IS_EXHAUSTIVE else 8
"""Every so many of the bodies one is tried. Each field gets 13 values, so that each value goes into some fields."""
SIZE = 200_000
"""Of a body of which only the kind matters."""

WITH_BODY = [operation for operation, _ in ENDPOINTS if Form.of(operation).body is not None]


@dataclass
class Worst:
    """The bodies that cost too much."""

    slowness: float
    found: list[str] = field(default_factory=list)
    count: int = 0

    async def send(self, name: str, body: bytes, call: partial[tuple[int, bytes]]) -> None:
        """Only what costs too much each time is found: what else the machine does can add to a cost, and make it slower."""
        self.count += 1
        for number in range(TRIES):
            await anyio.sleep(number / 10)  # until what else the machine does is over
            async with measured() as cost:
                status, answer = await anyio.to_thread.run_sync(call, body)
            assert status < 500, (name, answer[:500])
            most = max(MEMORY * len(body), SMALL)
            if (
                cost.held_s <= HELD_S * self.slowness
                and cost.taken_bytes <= most
                and len(answer) <= LONGEST_ANSWER
            ):
                return
            self.slowness = max(self.slowness, slowness())
        self.found.append(
            f"{name}: {len(body)} bytes, {cost.held_s * 1000:.0f} ms, {cost.taken_bytes >> 20} MiB,"
            f" {status}, {len(answer)} bytes of answer"
        )


def post(address: str, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    host, port = address.rsplit(":", 1)
    client = http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S)
    try:
        client.request(method, path, body, {"Content-Type": "application/json", **headers})
        answer = client.getresponse()
        return answer.status, answer.read()
    finally:
        client.close()


def cases(operation: Operation) -> Iterator[Body]:
    model = Form.of(operation).body
    assert model is not None
    yield from bodies(model, SIZE, 500_000)
    if operation.name == "broadcast.create":
        yield from broken(LIMIT)
        yield from (
            (f"recipients: {what}", b'{"recipients":%s}' % value) for what, value in values(2_000_000)
        )


@pytest.mark.exhaustive(enough=3)
@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.name)
async def test_no_body_of_a_request_costs_much(operation: Operation, tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        log.set_level("error")
        assert operation.http is not None
        path = operation.http.path.replace("{id}", "x").replace("{delivery_id}", "x")
        headers = {"Authorization": f"Bearer {here.key}", "Idempotency-Key": "k"}
        call = partial(post, str(here.running.api_address), operation.http.method, path, headers)
        with frozen_heap():
            worst = Worst(slowness())
            for name, body in islice(cases(operation), 0, None, STEP):
                await worst.send(name, body, call)
    assert worst.count > 10 // STEP, "one field alone makes 13"
    assert worst.found == []


async def test_a_broadcast_of_the_largest_size_that_is_right_costs_no_more(tmp_path: Path) -> None:
    """1,000 recipients with a carousel of ten cards each: 4 MB, 360,000 values."""
    async with site(tmp_path) as here:
        log.set_level("error")
        headers = {"Authorization": f"Bearer {here.key}", "Idempotency-Key": "k"}
        call = partial(
            post, str(here.running.api_address), "POST", "/api/v1/broadcasts?dry_run=true", headers
        )
        body = orjson.dumps({"template_name": "hello", "recipients": carousels(1000)})
        with frozen_heap():
            worst = Worst(slowness())
            await worst.send("1,000 carousels", body, call)
            packed = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
            status, answer = await anyio.to_thread.run_sync(call, packed)
    assert worst.found == []
    assert status == 200, answer[:500]
    assert orjson.loads(answer)["data"]["accepted"] == 1000


@pytest.mark.exhaustive(only=True)
async def test_no_query_costs_much(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        log.set_level("error")
        with frozen_heap():
            worst = Worst(slowness())
            for query in (
                "a=1&" * 7000,
                "&" * 30_000,
                "limit=" + "9" * 30_000,
                "cursor=" + "A" * 30_000,
                "%" * 30_000,
            ):
                for operation, http_ in ENDPOINTS:
                    if http_.open:
                        continue
                    path = http_.path.replace("{", "").replace("}", "") + "?" + query
                    call = partial(
                        post,
                        str(here.running.api_address),
                        http_.method,
                        path,
                        {"Authorization": f"Bearer {here.key}"},
                    )
                    await worst.send(f"{operation.name}: {query[:10]}", b"", call)
    assert worst.found == []


@pytest.mark.exhaustive(only=True)
async def test_the_description_of_the_api_is_made_beside_the_loop(tmp_path: Path) -> None:
    """It takes some 70 ms, once; anybody may ask for it."""
    async with site(tmp_path) as here:
        described.cache_clear()
        call = partial(post, str(here.running.api_address), "GET", "/api/v1/openapi.json", {})
        with frozen_heap():
            worst = Worst(slowness())
            await worst.send("openapi", b"", call)
    assert worst.found == []


def line_of(method: str, params: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":1,"method":"%s","params":%s}\n' % (method.encode(), params)


def ask(path: Path, line: bytes) -> tuple[int, bytes]:
    """The answer on the admin socket, and 200."""
    with socket.socket(socket.AF_UNIX) as client, client.makefile("rb") as lines:
        client.settimeout(PATIENCE_S)
        client.connect(str(path))
        lines.readline()
        client.sendall(line)
        return 200, lines.readline()


def admin_lines() -> Iterator[Body]:
    size = MAX_REQUEST - 200
    yield from (
        (name, value + b"\n") for name, value in broken(size) if value.strip()
    )  # a blank line gets no answer
    for name, value in values(size):
        yield f"params: {name}", line_of("broadcast.create", value)
        yield f"id: {name}", b'{"jsonrpc":"2.0","method":"status","id":%s}\n' % value
        yield f"method: {name}", b'{"jsonrpc":"2.0","id":1,"method":%s}\n' % value
    for operation in OPERATIONS:
        if operation.admin is None:
            continue
        unknown = b"{" + b",".join(b'"x%d":1' % each for each in range(20_000)) + b"}"
        yield f"{operation.name}: unknown", line_of(operation.name, unknown)
        for what, value in (("ones", b"[1%s]" % (b",1" * 8000)), ("objects", b"[{}%s]" % (b",{}" * 1500))):
            names = (found.alias or each for each, found in operation.admin_params.model_fields.items())
            params = b"{%s}" % b",".join(b'"%s":%s' % (name.encode(), value) for name in names)
            yield f"{operation.name}: {what}", line_of(operation.name, params)


@pytest.mark.exhaustive(only=True)
@pytest.mark.exhaustive
async def test_no_line_on_the_admin_socket_costs_much(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        log.set_level("critical")
        with frozen_heap():
            worst = Worst(slowness())
            for name, line in islice(admin_lines(), 0, None, STEP):
                await worst.send(name, line, partial(ask, here.socket))
    assert worst.found == []


def webhooks() -> Iterator[Body]:
    yield from broken(1 << 20)
    for name, value in values(SIZE):
        yield f"entry: {name}", b'{"object":"whatsapp_business_account","entry":%s}' % value
        for inner in ("changes", "id"):
            entry = b'{"%s":%s}' % (inner.encode(), value)
            yield f"{inner}: {name}", b'{"object":"whatsapp_business_account","entry":[%s]}' % entry
        for inner in ("statuses", "messages", "contacts", "metadata"):
            change = b'{"field":"messages","value":{"%s":%s}}' % (inner.encode(), value)
            yield (
                f"{inner}: {name}",
                b'{"object":"whatsapp_business_account","entry":[{"changes":[%s]}]}' % change,
            )


@pytest.mark.exhaustive(only=True)
@pytest.mark.exhaustive
async def test_no_webhook_costs_much(tmp_path: Path) -> None:
    """Unsigned, forged, and signed by somebody who has the app secret."""
    async with site(tmp_path) as here:
        log.set_level("critical")
        with frozen_heap():
            worst = Worst(slowness())
            for number, (name, body) in enumerate(islice(webhooks(), 0, None, STEP)):
                signed = hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
                for kind, digest in (("signed", signed), ("unsigned", ""), ("forged", "a" * 64)):
                    if kind != "signed" and number >= FROM_STRANGERS:
                        continue
                    header = {"X-Hub-Signature-256": f"sha256={digest}"} if digest else {}
                    call = partial(
                        post, str(here.running.meta_webhooks_address), "POST", "/webhooks/meta", header
                    )
                    await worst.send(f"{kind}: {name}", body, call)
    assert worst.found == []
