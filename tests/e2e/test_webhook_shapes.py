"""Webhooks in other shapes than Meta's pages show: who says STOP in one gets no message, and what is lost is told."""

import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.meta import metadata, post, post_body, post_change, seconds_now, status
from tests.support.receiver import receiver
from tests.support.site import Site, site
from wacrmd.services.meta_events.ingest import store_notes

pytestmark = pytest.mark.anyio

ALLOW = '[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]'
JANE, JIM = "+14155550123", "+14155550188"


def stop(phone: str, **more: Any) -> dict[str, Any]:
    return {
        "from": phone[1:],
        "timestamp": str(seconds_now()),
        "type": "text",
        "text": {"body": "STOP"},
        **more,
    }


async def opted_out(here: Site) -> set[str]:
    return {each["phone"] for each in (await here.api.get("/api/v1/optouts")).json()["data"]}


async def test_a_stop_beside_parts_that_cannot_be_read_counts_and_those_are_told(tmp_path: Path) -> None:
    value = {"metadata": metadata(), "messages": [None, stop(JANE), 7], "statuses": "x"}
    with capture_logs() as events:
        async with site(tmp_path, webhooks=False) as here:
            assert (await post_change(here.hook, "messages", value)).status_code == 200
            assert await opted_out(here) == {JANE}
            await store_notes(here.running.ctx)
            rows = await here.running.ctx.db.read(
                lambda tx: tx.execute("SELECT field, detail FROM account_event ORDER BY id").fetchall()
            )
    told = [each["reason"] for each in events if each["event"] == "meta_webhook_part_unreadable"]
    assert sorted(told) == [
        "messages has 2 of 3 elements that are no objects",
        "statuses is neither a list nor an object",
    ]
    assert {(field, json.loads(detail)["unreadable"]) for field, detail in rows} == {
        ("messages", reason) for reason in told
    }


async def test_a_stop_without_id_and_type_counts_once(tmp_path: Path) -> None:
    message: Any = stop(JANE)
    del message["type"]
    async with receiver() as local, site(tmp_path, extra=ALLOW, webhooks=False) as here:
        events = ["message.received", "contact.opted_out"]
        await here.admin("webhook.add", account="shop", url=f"{local.url}/", events=events)
        for _ in range(2):
            value: dict[str, Any] = {"metadata": metadata(), "messages": message}
            assert (await post_change(here.hook, "messages", value)).status_code == 200
        value = {"metadata": metadata(), "messages": [stop(JIM, id="wamid.last")]}
        assert (await post_change(here.hook, "messages", value)).status_code == 200
        await local.until(lambda: len(local.events()) == 4)
        assert await opted_out(here) == {JANE, JIM}
        told = sorted(
            (each["event"], each["data"].get("phone") or each["data"]["from"]) for each in local.events()
        )
    assert told == [(event, phone) for event in sorted(events) for phone in (JANE, JIM)]


async def test_a_standby_message_counts_as_any_other(tmp_path: Path) -> None:
    """Also if it comes as an ordinary message too."""
    async with site(tmp_path, webhooks=False) as here:
        broadcast_id = await here.send([{"to": JANE}])
        await here.until_status(broadcast_id, "sent")
        value = {"metadata": metadata(), "messages": [stop(JANE, id="wamid.standby")]}
        for field in ("standby", "messages"):
            assert (await post_change(here.hook, field, value)).status_code == 200
        assert (await here.show(broadcast_id))["replied_count"] == 1
        assert await opted_out(here) == {JANE}


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize(
    "errors", [{"code": 131050, "title": "t"}, [None, {"code": 131050}], [{"code": 131026}, {"code": 131050}]]
)
async def test_an_opt_out_among_several_errors_of_a_message_counts(tmp_path: Path, errors: Any) -> None:
    async with site(tmp_path, webhooks=False) as here:
        broadcast_id = await here.send([{"to": JANE}])
        await here.until_status(broadcast_id, "sent")
        await status(here, here.sim.ledger.entries[0].wamid, "failed", errors=errors)
        assert (await here.show(broadcast_id))["failed_count"] == 1
        assert await opted_out(here) == {JANE}


async def test_the_streak_rule_sees_the_error_that_may_concern_everybody(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False, messages_per_second=5) as here:
        broadcast_id = await here.send([{"to": f"+1415555{each:04}"} for each in range(100, 160)])
        await here.until(broadcast_id, lambda shown: shown["sent_count"] >= 10)
        errors = [{"code": 131000, "title": "unknown"}, {"code": 131053, "title": "media"}]
        for entry in here.sim.ledger.entries[:10]:
            await status(here, entry.wamid, "failed", errors=errors)
        shown = await here.show(broadcast_id)
        assert (shown["status"], shown["hold"]["reason"]) == ("paused", "many_failures")


async def test_a_signed_body_that_is_no_json_is_told(tmp_path: Path) -> None:
    with capture_logs() as events:
        async with site(tmp_path, webhooks=False) as here:
            assert (await post_body(here.hook, b"[" * 1500)).status_code == 400
            value = {"metadata": metadata(), "messages": [stop(JANE, weight=float("nan"))]}
            entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
            payload = {"object": "whatsapp_business_account", "entry": [entry]}
            assert (await post(here.hook, payload)).status_code == 200
            assert await opted_out(here) == {JANE}
    assert [each["count"] for each in events if each["event"] == "meta_webhook_body_rejected"] == [1]
