"""Messages that Meta took and holds back are counted, named in `hold`, and released by their first status."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.meta import inbound_message, status
from tests.support.site import Site, people, site
from wacrmd.domain.callback_token import callback_token

pytestmark = pytest.mark.anyio

HELD = "held_for_quality_assessment"
FAILED: dict[str, Any] = {"errors": [{"code": 132015, "title": "Template is paused"}]}


async def recipients(here: Site, broadcast_id: str) -> list[dict[str, Any]]:
    """The recipients in the order of the request."""
    rows: list[dict[str, Any]] = (await here.api.get(f"/api/v1/broadcasts/{broadcast_id}/recipients")).json()[
        "data"
    ]
    return rows[::-1]


async def test_held_messages_count_until_their_first_status(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False, held_share=1.0) as here:
        broadcast_id = await here.send(people(4))
        shown = await here.until_status(broadcast_id, "sent")
        assert (shown["sent_count"], shown["held_count"]) == (4, 4)
        assert shown["hold"]["reason"] == "held_by_meta"
        assert f"4 {HELD}" in shown["hold"]["detail"]
        rows = await recipients(here, broadcast_id)
        assert {row["held"] for row in rows} == {HELD}
        assert shown["hold"]["since"] == min(row["sent_at"] for row in rows)
        found = await here.admin("status")
        assert [(each["id"], each["reason"]) for each in found["held"]] == [(broadcast_id, "held_by_meta")]
        assert found["healthy"], "Meta ends it"
        doctor = await here.admin("doctor")
        (check,) = [each for each in doctor["checks"] if each["check"] == "held"]
        assert (check["state"], "4 messages" in check["detail"]) == ("warn", True)
        wamids = [row["whatsapp_message_id"] for row in rows]
        revisions = [shown["revision"]]
        await status(here, wamids[0], "sent")
        await status(here, wamids[1], "delivered")
        await status(here, wamids[2], "failed", **FAILED)
        for count in (1, 0):
            shown = await here.show(broadcast_id)
            revisions.append(shown["revision"])
            assert shown["held_count"] == count
            await inbound_message(here, "Hello", wa_id=people(4)[3]["to"][1:], context=wamids[3])
        assert shown["hold"] is None
        assert [row["held"] for row in await recipients(here, broadcast_id)] == [None] * 4
        assert revisions == sorted(set(revisions))
        assert (await here.admin("status"))["held"] == []
        assert "held" not in {each["check"] for each in (await here.admin("doctor"))["checks"]}


async def test_a_status_that_came_before_the_response_has_released_the_message(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False, held_share=1.0, hold_answers=True) as here:
        broadcast_id = await here.send(people(3))
        await here.until(broadcast_id, lambda _: len(here.sim.ledger.entries) == 3)
        by_address = {entry.send.input: entry.wamid for entry in here.sim.ledger.entries}
        first, second, _ = (by_address[each["to"]] for each in people(3))
        await status(here, first, "sent", biz_opaque_callback_data=callback_token(broadcast_id, 1, 1))
        await status(here, second, "sent")
        here.sim.change(hold_answers=False)
        shown = await here.until(broadcast_id, lambda now: now["status"] == "sent" and now["sent_count"] == 3)
        assert shown["held_count"] == 1
        rows = await recipients(here, broadcast_id)
        assert [(row["held"], row["whatsapp_message_id"] is not None) for row in rows] == [
            (None, True),
            (None, True),
            (HELD, True),
        ]


async def test_held_messages_are_named_after_what_keeps_others_from_being_sent(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False, held_share=1.0, messages_per_second=1) as here:
        broadcast_id = await here.send(people(50))
        shown = await here.until(broadcast_id, lambda now: now["held_count"] > 0)
        assert (shown["status"], shown["hold"]["reason"]) == ("sending", "held_by_meta")
        await here.admin("broadcast.pause", id=broadcast_id)
        assert (await here.show(broadcast_id))["hold"]["reason"] == "paused_by_operator"
        await here.admin("broadcast.cancel", id=broadcast_id)
        assert (await here.show(broadcast_id))["hold"]["reason"] == "held_by_meta"
