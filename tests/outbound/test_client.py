"""Calls to local apps over real sockets; the checked address is the one that is connected to."""

import asyncio
import contextlib
import itertools
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.support.patience import PATIENCE_S
from tests.support.receiver import Receiver, receiver
from wacrmd.http.address_policy import AddressPolicy
from wacrmd.http_client import dns
from wacrmd.http_client.client import MAX_DRAINING
from wacrmd.outbound.client import MAX_ANSWER_BYTES, DeliveryResult, WebhookClient

pytestmark = pytest.mark.anyio


class Names:
    """A resolver whose look-ups return the next list of addresses, and the last list from then on."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def resolve(self, host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
        self.asked += 1
        addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [(socket.AF_INET, address) for address in addresses]


@asynccontextmanager
async def calling(
    *allowed: str, names: Names | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[WebhookClient, Receiver]]:
    async with receiver(tls) as app:
        client = WebhookClient(lambda: AddressPolicy(allowed), resolve=names.resolve if names else None)
        try:
            yield client, app
        finally:
            await client.aclose()


async def post(client: WebhookClient, url: str) -> DeliveryResult:
    return await client.post(url, {"X-Test": "1"}, b'{"a": 1}', PATIENCE_S)


async def test_a_call_carries_body_headers_and_the_name_as_host() -> None:
    async with calling("crm.lan", names=Names(["127.0.0.1"])) as (client, app):
        port = app.url.rsplit(":", 1)[1]
        answer = await post(client, f"http://crm.lan:{port}/hook?x=1")
        assert (answer.succeeded, answer.status, answer.error) == (True, 200, None)
        (got,) = app.requests
        assert got.body == b'{"a": 1}'
        assert got.headers["Host"] == f"crm.lan:{port}"
        assert got.headers["X-Test"] == "1"
        assert got.headers["User-Agent"].startswith("wacrmd/")


async def test_a_name_that_resolves_to_a_private_address_is_not_called() -> None:
    """DNS rebinding: a public address when the webhook is created, 127.0.0.1 when it is called."""
    names = Names(["93.184.216.34"], ["127.0.0.1"])
    async with calling(names=names) as (client, app):
        port = int(app.url.rsplit(":", 1)[1])
        await names.resolve("rebind.example", port)  # the check when the webhook was created
        answer = await post(client, f"http://rebind.example:{port}/")
        assert not answer.succeeded
        assert answer.error is not None
        assert "rebind.example is not public" in answer.error
        assert "127.0.0.1" not in answer.error
        assert "rebind.example has the address 127.0.0.1, which is not public" in (answer.detail or "")
        assert app.requests == []
        assert names.asked == 2, "resolved once for the call"


async def test_an_open_connection_is_not_used_again_once_its_address_is_not_allowed_any_more() -> None:
    """The configuration is read again while deliveries are under way."""
    policy = [AddressPolicy(["127.0.0.1"])]
    async with receiver() as app:
        client = WebhookClient(lambda: policy[0])
        try:
            assert (await post(client, app.url)).succeeded
            policy[0] = AddressPolicy([])
            assert "is not public" in ((await post(client, app.url)).error or "")
            policy[0] = AddressPolicy(["127.0.0.1"])
            assert (await post(client, app.url)).succeeded
        finally:
            await client.aclose()
    assert len(app.requests) == 2


@pytest.mark.parametrize("addresses", [["10.0.0.1", "127.0.0.1"], ["0.0.0.0"], ["127.8.8.8"]])
async def test_only_allowed_addresses_of_a_name_are_tried(addresses: list[str]) -> None:
    async with calling(names=Names(addresses)) as (client, app):
        answer = await post(client, f"http://many.example:{app.url.rsplit(':', 1)[1]}/")
        assert "not public" in (answer.error or "")
        assert app.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "localhost"])
async def test_an_address_or_name_in_the_url_is_checked_too(host: str) -> None:
    async with calling() as (client, app):
        answer = await post(client, f"http://{host}:{app.url.rsplit(':', 1)[1]}/")
        assert "not public" in (answer.error or "")
        assert app.requests == []


async def test_an_allowed_host_does_not_allow_its_address_for_other_names() -> None:
    async with calling("crm.lan", names=Names(["127.0.0.1"])) as (client, app):
        port = app.url.rsplit(":", 1)[1]
        assert (await post(client, f"http://crm.lan:{port}/")).succeeded
        assert not (await post(client, f"http://evil.example:{port}/")).succeeded
        assert not (await post(client, f"http://127.0.0.1:{port}/")).succeeded
        assert len(app.requests) == 1


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """A server's TLS for `name`, signed by itself; `folder`/ca.pem is what trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(Encoding.PEM)
    (folder / "ca.pem").write_bytes(pem)
    (folder / "server.pem").write_bytes(
        pem + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem")
    return context


@pytest.mark.parametrize(("name", "accepted"), [("crm.lan", True), ("other.lan", False)])
async def test_the_certificate_must_be_that_of_the_name_in_the_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, accepted: bool
) -> None:
    tls = certificate(tmp_path, name)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    async with calling("crm.lan", names=Names(["127.0.0.1"]), tls=tls) as (client, app):
        answer = await post(client, f"https://crm.lan:{app.url.rsplit(':', 1)[1]}/")
        assert answer.succeeded is accepted, answer
        assert len(app.requests) == int(accepted)
        assert accepted or "certificate" in (answer.error or "").lower()


async def test_a_long_response_is_cut_and_its_status_counts() -> None:
    async with calling("127.0.0.0/8") as (client, app):
        app.bodies["/long"] = b"x" * (50 * MAX_ANSWER_BYTES)
        answer = await post(client, f"{app.url}/long")
        assert (answer.succeeded, answer.status) == (True, 200)


async def test_a_url_that_was_stored_by_mistake_is_not_called() -> None:
    async with calling("127.0.0.0/8") as (client, app):
        for url in (
            app.url.replace("http://", "http://user:pass@"),
            "file:///etc/passwd",
            "gopher://127.0.0.1/",
        ):
            assert not (await post(client, url)).succeeded
        assert app.requests == []


@asynccontextmanager
async def raw_app(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]],
) -> AsyncIterator[tuple[WebhookClient, str]]:
    """A server whose connections `handle` serves, with the number of the connection; and a client."""
    count = itertools.count(1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await handle(reader, writer, next(count))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = WebhookClient(lambda: AddressPolicy(("127.0.0.0/8",)))
    try:
        yield client, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        await client.aclose()
        server.close()


async def read_request(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    (length,) = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if b"content-length" in line]
    await reader.readexactly(int(length))


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


async def test_a_used_connection_that_is_closed_before_any_answer_is_replaced_at_once() -> None:
    """All idle ones were closed by the server: the second try opens a new one, and it is one attempt."""
    requests: list[int] = []
    all_here = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await read_request(reader)
        if number <= 3:
            if number == 3:
                all_here.set()
            await all_here.wait()
            writer.write(OK)
            await read_request(reader)
            requests.append(number)
            return  # closed without an answer
        requests.append(number)
        writer.write(OK)

    async with raw_app(handle) as (client, url):
        first = await asyncio.gather(*(post(client, url) for _ in range(3)))
        assert all(each.succeeded for each in first)
        answer = await post(client, url)
        assert (answer.succeeded, answer.status, answer.error) == (True, 200, None)
        assert len(requests) == 2
        assert requests[1] == 4, "a new connection, not another one that the server may have closed too"


async def test_a_new_connection_that_is_closed_without_an_answer_is_a_failure() -> None:
    requests: list[int] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await read_request(reader)
        requests.append(number)

    async with raw_app(handle) as (client, url):
        answer = await post(client, url)
        assert (answer.succeeded, answer.status) == (False, None)
        assert requests == [1]


async def test_the_status_is_the_answer_and_a_body_that_never_ends_is_not_waited_for() -> None:
    closed = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\nx")
        await reader.read()
        closed.set()

    async with raw_app(handle) as (client, url):
        with anyio.fail_after(PATIENCE_S / 2):
            answer = await client.post(url, {}, b"{}", PATIENCE_S)
            assert (answer.succeeded, answer.status) == (True, 202)
            await closed.wait()


async def test_only_a_few_unfinished_bodies_are_read_on_for_one_server() -> None:
    open_now: set[int] = set()
    served: list[int] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await read_request(reader)
        open_now.add(number)
        served.append(len(open_now))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
        await reader.read()
        open_now.discard(number)

    async with raw_app(handle) as (client, url):
        for _ in range(10 * MAX_DRAINING):
            assert (await post(client, url)).succeeded
        assert max(served) <= MAX_DRAINING + 2


async def test_a_connection_is_used_again_once_the_rest_of_the_body_has_come() -> None:
    requests: list[int] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            await read_request(reader)
            requests.append(number)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.write(b"ok")

    async with raw_app(handle) as (client, url):
        for _ in range(3):
            assert (await post(client, url)).succeeded
            await asyncio.sleep(0.2)
    assert requests == [1, 1, 1]


async def test_names_that_nobody_answers_for_take_no_thread_from_other_look_ups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The system's resolver hangs for the names of many apps: Meta's name is still found."""
    released, look_up = threading.Event(), socket.getaddrinfo

    def slow(host: str, *args: Any, **options: Any) -> Any:
        if host.endswith(".example"):
            released.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return look_up("127.0.0.1" if host == "meta.test" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    try:
        async with calling("127.0.0.0/8") as (client, app), anyio.create_task_group() as tasks:
            for number in range(60):
                tasks.start_soon(post, client, f"http://app{number}.example/")
            with anyio.fail_after(PATIENCE_S / 2):
                await anyio.sleep(0.1)
                assert await dns.resolve("meta.test", 443) == [(socket.AF_INET, "127.0.0.1")]
                assert (await post(client, app.url)).succeeded
            tasks.cancel_scope.cancel()
    finally:
        released.set()
