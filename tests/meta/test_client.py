"""Management calls: paging, and a clear error for each failure."""

import json
import socket
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.meta.peer import Script, Talk, peer
from wacrmd.meta.client import NUMBER_FIELDS, MetaCallError, MetaClient
from wacrmd.meta.management import Health, NumberInfo
from wacrmd.meta.outcome import MetaError
from wacrmd.meta.upload_form import FileToUpload

pytestmark = pytest.mark.anyio

WABA = "102290129340398"
NOW = 1_795_000_000_000


def meta(url: str) -> MetaClient:
    return MetaClient(url, "v25.0", connect_timeout_s=20, read_timeout_s=20, max_connections=2)


def answering(*answers: tuple[str, Any]) -> Script:
    """Respond to each request in turn, over one connection or more."""

    async def script(talk: Talk) -> None:
        while len(talk.peer.requests) < len(answers):
            await talk.request()
            status, document = answers[len(talk.peer.requests) - 1]
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            await talk.answer(body, status, "Set-Cookie: a=b")

    return script


def target(head: bytes) -> tuple[str, str, dict[str, list[str]]]:
    method, path, _ = head.decode().split("\r\n")[0].split(" ")
    parts = urlsplit(path)
    return method, parts.path, parse_qs(parts.query)


def listed(name: str) -> dict[str, str]:
    return {"name": name, "language": "en"}


async def test_templates_are_read_page_by_page_and_the_token_stays_in_the_header() -> None:
    following = {"cursors": {"before": "x", "after": "a=b&c"}, "next": "https://evil.example/?access_token=x"}
    pages = [
        ("200 OK", {"data": [listed("a"), listed("b")], "paging": following}),
        ("200 OK", {"data": [listed("c"), "?"], "paging": {"cursors": {"after": "end"}}}),
    ]
    async with peer(answering(*pages)) as seen:
        client = meta(seen.url)
        templates = await client.templates(WABA, "EAAG", NOW)
        assert [(each.name, each.waba_id, each.synced_at) for each in templates] == [
            ("a", WABA, NOW),
            ("b", WABA, NOW),
            ("c", WABA, NOW),
        ]
        await client.aclose()
    first, second = (target(head) for head, _ in seen.requests)
    assert first[:2] == second[:2] == ("GET", f"/v25.0/{WABA}/message_templates")
    assert first[2]["limit"] == ["100"]
    assert "components" in first[2]["fields"][0]
    assert second[2]["after"] == ["a=b&c"]
    assert all(b"Authorization: Bearer EAAG\r\n" in head for head, _ in seen.requests)
    assert all(b"cookie" not in head.lower() for head, _ in seen.requests)


async def test_a_list_with_too_many_pages_is_an_error() -> None:
    async def script(talk: Talk) -> None:
        while True:
            await talk.request()
            await talk.answer(b'{"data":[],"paging":{"next":"n","cursors":{"after":"same"}}}')

    async with peer(script) as seen:
        client = meta(seen.url)
        with pytest.raises(MetaCallError, match="more than"):
            await client.templates(WABA, "EAAG", NOW)
        await client.aclose()


async def test_number_health_and_subscription_are_read() -> None:
    answers = [
        ("200 OK", {"id": "1", "quality_rating": "GREEN"}),
        ("200 OK", {"health_status": {"can_send_message": "AVAILABLE"}, "id": "1"}),
        ("200 OK", {"data": [{"whatsapp_business_api_data": {"id": "7"}}]}),
        ("200 OK", {"success": True}),
    ]
    async with peer(answering(*answers)) as seen:
        client = meta(seen.url)
        assert await client.number("1", "EAAG") == NumberInfo.of({"quality_rating": "GREEN"})
        assert await client.health("1", "EAAG") == Health.of({"can_send_message": "AVAILABLE"})
        assert await client.subscribed_apps(WABA, "EAAG") == ["7"]
        await client.subscribe(WABA, "EAAG")
        await client.aclose()
    assert [target(head)[:2] for head, _ in seen.requests] == [
        ("GET", "/v25.0/1"),
        ("GET", "/v25.0/1"),
        ("GET", f"/v25.0/{WABA}/subscribed_apps"),
        ("POST", f"/v25.0/{WABA}/subscribed_apps"),
    ]
    assert target(seen.requests[0][0])[2] == {"fields": [NUMBER_FIELDS]}
    assert target(seen.requests[1][0])[2] == {"fields": ["health_status"]}


EXPIRED = {"error": {"code": 190, "message": "Session has expired.", "error_data": {"details": "On Monday."}}}


@pytest.mark.parametrize(
    ("status", "document", "sentence"),
    [
        (
            "401 Unauthorized",
            EXPIRED,
            (
                "Meta refused 1: Session has expired (code 190): On Monday. "
                "Set a valid system user token for the number, then resume the number."
            ),
        ),
        (
            "502 Bad Gateway",
            b"<html>",
            (
                "Meta answered 1 with HTTP 502 and no usable JSON; "
                "check [meta] graph_url and api_version, or try again later."
            ),
        ),
        (
            "200 OK",
            [1],
            (
                "Meta answered 1 with HTTP 200 and no usable JSON; "
                "check [meta] graph_url and api_version, or try again later."
            ),
        ),
    ],
)
async def test_the_error_of_a_rejected_call_is_one_sentence(
    status: str, document: Any, sentence: str
) -> None:
    async with peer(answering((status, document))) as seen:
        client = meta(seen.url)
        with pytest.raises(MetaCallError) as raised:
            await client.number("1", "EAAG")
        await client.aclose()
    assert str(raised.value) == sentence
    expected = MetaError(190, "Session has expired.", "On Monday.") if document is EXPIRED else None
    assert raised.value.error == expected


@pytest.mark.parametrize("document", [{"data": "x"}, {}, {"success": False}])
async def test_an_answer_of_another_shape_is_an_error(document: Any) -> None:
    async with peer(answering(*[("200 OK", document)] * 3)) as seen:
        client = meta(seen.url)
        for call in (partial(client.templates, now=NOW), client.health, client.subscribe):
            with pytest.raises(MetaCallError, match="Meta"):
                await call(WABA, "EAAG")
        await client.aclose()


async def test_the_error_of_a_failed_connection_does_not_contain_the_token() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_at_once:
        port = closed_at_once.getsockname()[1]
    client = meta(f"http://127.0.0.1:{port}")
    with pytest.raises(MetaCallError, match="The request to Meta for 1 failed: ") as raised:
        await client.number("1", "EAAG")
    await client.aclose()
    assert "EAAG" not in str(raised.value)


async def test_a_token_that_no_header_can_carry_is_not_sent() -> None:
    client = meta("http://127.0.0.1:9")
    with pytest.raises(MetaCallError, match=r"^The access token holds characters") as raised:
        await client.number("1", "EAAG\n")
    await client.aclose()
    assert raised.value.error is not None
    assert "EAAG" not in str(raised.value)


async def test_a_get_is_repeated_on_a_new_connection_if_the_idle_one_is_broken() -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        if talk.peer.connections == 1:
            await talk.answer(b'{"status":"first"}')
            await talk.request()
        else:
            await talk.answer(b'{"status":"second"}')

    async with peer(script) as seen:
        client = meta(seen.url)
        assert (await client.number("1", "EAAG")).status == "first"
        assert (await client.number("1", "EAAG")).status == "second"
        await client.aclose()
    assert seen.connections == 2


async def test_a_file_is_uploaded_as_a_form_in_its_parts() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"%PDF-"
        yield b"1.7"

    async with peer(answering(("200 OK", {"id": 1037543291543636}))) as seen:
        client = meta(seen.url)
        file = FileToUpload("application/pdf", "a.pdf", 8, parts())
        assert await client.upload("106540352242922", "EAAG", file) == "1037543291543636"
        await client.aclose()
    ((head, body),) = seen.requests
    assert target(head) == ("POST", "/v25.0/106540352242922/media", {})
    assert b"Authorization: Bearer EAAG\r\n" in head
    assert b"Content-Type: multipart/form-data; boundary=wacrmd" in head
    assert b"%PDF-1.7" in body


async def test_an_upload_that_fails_says_why() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"x"

    refused = {"error": {"code": 100, "message": "(#100) Param file must be a file with one of …"}}
    for answer, words, code in (
        (("400 Bad Request", refused), "Meta refused", 100),
        (("200 OK", {"success": True}), "has no id", None),
        (("502 Bad Gateway", b"<html>"), "HTTP 502", None),
    ):
        async with peer(answering(answer)) as seen:
            client = meta(seen.url)
            with pytest.raises(MetaCallError, match=words) as failed:
                await client.upload("1", "EAAG", FileToUpload("text/plain", "a.txt", 1, parts()))
            assert (failed.value.error.code if failed.value.error else None) == code
            with pytest.raises(MetaCallError, match="access token"):
                await client.upload("1", "EAA\nG", FileToUpload("text/plain", "a.txt", 1, parts()))
            await client.aclose()
