"""The listener for Meta's webhooks, over real sockets: what it answers."""

import gzip
import hmac
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from tests.support.meta import post, post_body
from tests.support.site import APP_SECRET, VERIFY_TOKEN, Site, site
from wacrmd.store.database import Tx

pytestmark = pytest.mark.anyio

PATH = "/webhooks/meta"
GZIP = {"Content-Encoding": "gzip"}


async def test_what_the_listener_answers(tmp_path: Path) -> None:
    async with site(tmp_path, extra="[webhooks]\nmax_body_bytes = 4096\n") as here:
        await another_path_is_404(here)
        await another_method_is_405(here)
        await options_are_answered(here)
        await gzip_is_signed_as_it_is_sent(here)
        await the_challenge_is_the_whole_answer(here)
        await bodies_are_limited_and_verified(here)
        await a_signed_webhook_is_an_empty_200(here)


async def another_path_is_404(here: Site) -> None:
    for path in ("/", "/webhooks", f"{PATH}/more", f"{PATH}//", "/api/v1/me", "/livez"):
        answer = await here.hook.post(path, content=b"{}")
        assert answer.status_code == 404, path
        assert answer.json()["error"]["code"] == "not_found"
        assert len(answer.headers["x-request-id"]) == 32


async def another_method_is_405(here: Site) -> None:
    for method in ("PUT", "DELETE", "PATCH", "FOO"):
        answer = await here.hook.request(method, PATH)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
        assert answer.json()["error"]["code"] == "method_not_allowed"


async def options_are_answered(here: Site) -> None:
    for path in (PATH, f"{PATH}/", "*"):
        answer = await here.hook.send(options(here, path))
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
        assert len(answer.headers["x-request-id"]) == 32
    assert (await here.hook.options("/livez")).status_code == 404


def options(here: Site, target: str) -> httpx.Request:
    request = here.hook.build_request("OPTIONS", "/")
    request.extensions["target"] = target.encode()
    return request


async def gzip_is_signed_as_it_is_sent(here: Site) -> None:
    content = b'{"object": "whatsapp_business_account", "entry": []}'
    for body, signed, status in (
        (gzip.compress(content), gzip.compress(content), 200),
        (gzip.compress(content), content, 401),
        (gzip.compress(b" " * 4097), gzip.compress(b" " * 4097), 413),
        (gzip.compress(content)[:-1], gzip.compress(content)[:-1], 400),
        (gzip.compress(b" " * 4097), b"", 401),  # of a stranger nothing is decoded
    ):
        answer = await here.hook.post(PATH, content=body, headers=signature(signed) | GZIP)
        assert answer.status_code == status, answer.text
    answer = await here.hook.post(
        PATH, content=content, headers=signature(content) | {"Content-Encoding": "br"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")
    assert answer.headers["accept-encoding"] == "gzip, identity"


def signature(body: bytes) -> dict[str, str]:
    return {"X-Hub-Signature-256": f"sha256={hmac.new(APP_SECRET.encode(), body, 'sha256').hexdigest()}"}


async def the_challenge_is_the_whole_answer(here: Site) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "11 58&<"}
    for path in (PATH, f"{PATH}/"):
        answer = await here.hook.get(path, params=query)
        assert (answer.status_code, answer.text) == (200, "11 58&<")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    head = await here.hook.head(PATH, params=query)
    assert (head.status_code, head.content) == (200, b"")
    for wrong in ({"hub.mode": "other"}, {"hub.verify_token": "wrong"}, {"hub.verify_token": ""}):
        assert (await here.hook.get(PATH, params=query | wrong)).status_code == 403
    assert (await here.hook.get(f"{PATH}?%ff=%")).status_code == 403


async def bodies_are_limited_and_verified(here: Site) -> None:
    large = await here.hook.post(PATH, content=b" " * 4097, headers=signature(b""))
    assert (large.status_code, large.json()["error"]["code"]) == (413, "payload_too_large")
    unsigned = await here.hook.post(PATH, content=b"{}", headers={"X-Request-Id": "mine"})
    assert (unsigned.status_code, unsigned.json()["error"]["code"]) == (401, "unauthorized")
    assert unsigned.headers["x-request-id"] == "mine"
    assert (await post(here.hook, {}, secret="wrong")).status_code == 401
    assert (await post(here.hook, {}, secret="")).status_code == 401


async def a_signed_webhook_is_an_empty_200(here: Site) -> None:
    answer = await post(here.hook, {"object": "whatsapp_business_account", "entry": []})
    assert (answer.status_code, answer.content) == (200, b"")
    assert len(answer.headers["x-request-id"]) == 32


async def test_an_app_secret_that_cannot_be_decrypted_stops_the_webhooks_of_its_number_only(
    tmp_path: Path,
) -> None:
    secret, body = "of the other number", b'{"object": "whatsapp_business_account", "entry": []}'
    async with site(tmp_path) as here:
        other = await here.admin(
            "number.add",
            account="shop",
            phone_number_id="2",
            waba_id="3",
            access_token="EAA",
            app_secret=secret,
            verify_token="x",
        )
        ctx = here.running.ctx

        def damage(tx: Tx) -> None:
            tx.execute("UPDATE app_secret SET secret = randomblob(60) WHERE number_id = ?", (other["id"],))

        await ctx.db.write(damage)
        with capture_logs() as events:
            for _ in range(2):
                ctx.app_secrets.invalidate()
                assert (await post_body(here.hook, body)).status_code == 200
                assert (await post_body(here.hook, body, secret=secret)).status_code == 401
        assert [each["event"] for each in events].count("app_secret_undecryptable") == 1
        checks = (await here.admin("doctor"))["checks"]
        (found,) = [each for each in checks if each["check"] == "app secret"]
        assert (found["about"], found["state"]) == ("number 2", "fail")
        assert "--app-secret-file" in found["advice"]
        await here.admin("number.set", id="2", app_secret=secret)
        assert (await post_body(here.hook, body, secret=secret)).status_code == 200
        assert not [each for each in (await here.admin("doctor"))["checks"] if each["check"] == "app secret"]
