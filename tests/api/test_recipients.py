"""The recipients of a broadcast over HTTP: pages, one recipient with its history, and exports."""

import csv
import io
import json
import logging
import tracemalloc
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support.exhaustive import IS_EXHAUSTIVE
from tests.support.patience import eventually
from tests.support.site import Site, people, phones, site
from wacrmd.domain.actor import Actor
from wacrmd.domain.export_format import ExportFormat
from wacrmd.operations.recipients import wanted_media
from wacrmd.services.broadcasts.read import broadcast_of
from wacrmd.services.broadcasts.recipients import COLUMNS, export

pytestmark = pytest.mark.anyio
PEOPLE = 1000 if IS_EXHAUSTIVE else 200

FIELDS = {
    "id",
    "to",
    "status",
    "whatsapp_message_id",
    "error",
    "attempts",
    "sent_at",
    "delivered_at",
    "read_at",
    "replied_at",
    "failed_at",
    "held",
    "pricing",
    "conversation",
}


async def pages(here: Site, path: str, **query: Any) -> list[list[dict[str, Any]]]:
    """All pages of a list."""
    found = []
    cursor: str | None = None
    while True:
        given = query | ({"cursor": cursor} if cursor else {})
        answer = await here.api.get(path, params=given)
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["data"])
        cursor = answer.json()["meta"]["next_cursor"]
        if cursor is None:
            return found


async def test_a_page_shows_the_state_of_each_recipient(tmp_path: Path) -> None:
    refused, fails, silent = phones(3)
    async with site(
        tmp_path,
        refused_recipients=(f"{refused}=131026",),
        failed_recipients=(f"{fails}=131049",),
        delivered_share=1.0,
        read_share=0.0,
    ) as here:
        broadcast_id = await here.send(people(3))
        await here.until_status(broadcast_id, "sent")
        await here.sim.idle()
        answer = await here.api.get(f"/api/v1/broadcasts/{broadcast_id}/recipients")
        assert answer.headers["content-type"] == "application/json"
        found = {row["to"]: row for row in answer.json()["data"]}
        assert [row["to"] for row in answer.json()["data"]] == [silent, fails, refused]  # newest first
        assert all(row.keys() == FIELDS for row in found.values())
        assert found[silent]["status"] == "delivered"
        assert found[silent]["whatsapp_message_id"].startswith("wamid.")
        assert found[silent]["error"] is None
        assert found[silent]["attempts"] == 1
        assert found[silent]["delivered_at"].endswith("Z")
        for phone, code in ((refused, 131026), (fails, 131049)):
            row = found[phone]
            assert row["status"] == "failed"
            assert row["error"].keys() == {"code", "title", "details"}
            assert row["error"]["code"] == code
            assert row["error"]["title"]
            assert row["failed_at"] is not None
        assert found[refused]["whatsapp_message_id"] is None

        row_id = found[fails]["id"]
        one = await here.api.get(f"/api/v1/broadcasts/{broadcast_id}/recipients/{row_id}")
        assert one.status_code == 200
        data = one.json()["data"]
        history = data.pop("history")
        assert data.pop("next_attempt_at") is None
        assert data == found[fails]
        assert [event["event"] for event in history] == ["attempt", "failed"]
        assert history[0]["outcome"] == "sent"
        assert history[0]["attempt"] == 1
        assert history[0]["started_at"] <= history[0]["at"]
        assert history[1]["error"]["code"] == 131049


async def test_pages_are_full_with_any_filter(tmp_path: Path) -> None:
    some = phones(60)
    async with site(tmp_path, refused_recipients=tuple(f"{phone}=131026" for phone in some[::3])) as here:
        first = await here.send(people(60))
        second = await here.send(people(30, start=100))
        await here.until_status(first, "sent")
        await here.until_status(second, "sent")
        path = f"/api/v1/broadcasts/{first}/recipients"
        found = await pages(here, path, limit=25)
        assert [len(page) for page in found] == [25, 25, 10]
        assert [row["to"] for page in found for row in page] == some[::-1]
        failed = await pages(here, path, limit=7, status="failed")
        assert [row["to"] for page in failed for row in page] == some[::3][::-1]
        assert await pages(here, path, status="uncertain") == [[]]
        whole = await pages(here, f"/api/v1/broadcasts/{second}/recipients", limit=100)
        assert [row["to"] for row in whole[0]] == phones(30, start=100)[::-1]


async def test_recipients_in_flight_are_shown_as_pending(tmp_path: Path) -> None:
    async with site(tmp_path, hold_answers=True) as here:
        broadcast_id = await here.send(people(30))
        await eventually(lambda: here.running.sender.in_flight >= 8)
        await here.api.post(f"/api/v1/broadcasts/{broadcast_id}/pause")
        path = f"/api/v1/broadcasts/{broadcast_id}/recipients"
        found = [row for page in await pages(here, path, limit=7, status="pending") for row in page]
        assert {row["status"] for row in found} == {"pending"}
        assert len({row["id"] for row in found}) == len(found) == 30
        assert [row["id"] for row in found] == sorted((row["id"] for row in found), reverse=True)


@pytest.mark.exhaustive
async def test_an_export_has_every_recipient_in_order(tmp_path: Path) -> None:
    some = phones(PEOPLE)
    async with site(tmp_path, refused_recipients=(f"{some[3]}=131026",), messages_per_second=1000) as here:
        broadcast_id = await here.send([*people(PEOPLE), {"to": "US.1349120865530274", "params": ["x"]}][1:])
        await here.until_status(broadcast_id, "sent")
        path = f"/api/v1/broadcasts/{broadcast_id}/recipients"

        answer = await here.api.get(path, headers={"Accept": "text/csv"})
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/csv")
        assert answer.headers["content-disposition"] == f'attachment; filename="broadcast-{broadcast_id}.csv"'
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert tuple(rows[0]) == COLUMNS
        assert [row["to"] for row in rows] == [*some[1:], "US.1349120865530274"]
        (failed,) = (row for row in rows if row["status"] == "failed")
        assert failed["to"] == some[3]
        assert failed["error_code"] == "131026"

        answer = await here.api.get(
            path, headers={"Accept": "application/jsonl"}, params={"status": "failed"}
        )
        assert answer.headers["content-type"] == "application/jsonl"
        (line,) = (json.loads(line) for line in answer.text.splitlines())
        assert line.keys() == FIELDS
        assert (line["to"], line["error"]["code"]) == (some[3], 131026)

        answer = await here.api.get(path, headers={"Accept": "text/csv"}, params={"limit": 10})
        assert answer.status_code == 400
        answer = await here.api.get(path, headers={"Accept": "text/csv"}, params={"limit": 50})
        assert answer.status_code == 200, "generated clients send what is the default"
        answer = await here.api.get(path, headers={"Accept": "text/csv;q=0.1, application/json"})
        assert answer.headers["content-type"] == "application/json"


async def test_an_export_ends_when_its_reader_disconnects(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.admin("number.pause", id=here.number["id"], reason="test")
        broadcast_id = await here.send(people(1000))
        broadcast = await broadcast_of(here.running.ctx, Actor.operator("anna"), broadcast_id)
        pieces = 0
        with anyio.CancelScope() as gone:
            async with aclosing(export(here.running.ctx, broadcast, ExportFormat.CSV)) as written:
                async for _ in written:
                    pieces += 1
                    gone.cancel()
        assert pieces == 1


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, None),
        ("*/*", None),
        ("application/json", None),
        ("text/csv", "text/csv"),
        ("TEXT/CSV; charset=utf-8", "text/csv"),
        ("application/jsonl", "application/jsonl"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("application/json, text/csv", None),
        ("application/json;q=0.5, text/csv", "text/csv"),
        ("text/csv;q=0", None),
        ("text/csv;q=x", None),
        ("text/csv;q=0.3, application/jsonl;q=0.8", "application/jsonl"),
        ("text/html", None),
    ],
)
def test_the_format_of_an_export_follows_the_accept_header(accept: str | None, media: str | None) -> None:
    assert wanted_media({} if accept is None else {"accept": accept}) == media


@pytest.mark.exhaustive(only=True)
async def test_many_thousand_are_exported_in_flat_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The daemon and the client share this process; both together stay within 3 MB."""
    caplog.set_level(logging.WARNING)  # pytest keeps every log line of libraries
    many = 50_000
    async with site(
        tmp_path, extra=f"[limits]\nmax_recipients = {many}\n[api]\nmax_body_bytes = 50000000"
    ) as here:
        await here.admin("number.pause", id=here.number["id"], reason="test")
        answer = await here.post([{"to": phone} for phone in phones(many)])
        assert answer.status_code == 202, answer.text
        broadcast_id = answer.json()["data"]["broadcast_id"]
        accepted = answer.json()["data"]["accepted"]
        del answer
        lines = 0
        tracemalloc.start()
        try:
            async with here.api.stream(
                "GET", f"/api/v1/broadcasts/{broadcast_id}/recipients", headers={"Accept": "text/csv"}
            ) as stream:
                async for chunk in stream.aiter_bytes():
                    lines += chunk.count(b"\n")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert lines == accepted + 1
        assert peak < 3_000_000
