"""Taps on quick-reply buttons are counted by button, each once for a person, and shown wherever counts are."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.meta import metadata, post_change, seconds_now
from tests.support.site import Site, people, site

pytestmark = pytest.mark.anyio

ODD = 'Yes — "maybe"\n\\ ✓'


async def tap(here: Site, message_id: str, wamid: str, button: dict[str, Any]) -> None:
    """Post a tap of the message's recipient as Meta writes it."""
    to = next(entry.send.wa_id for entry in here.sim.ledger.entries if entry.wamid == wamid)
    kind = "button" if "text" in button else "interactive"
    message = {
        "from": to,
        "id": message_id,
        "timestamp": str(seconds_now()),
        "context": {"id": wamid},
        "type": kind,
        kind: button,
    }
    value = {"messaging_product": "whatsapp", "metadata": metadata(), "messages": [message]}
    assert (await post_change(here.hook, "messages", value)).status_code == 200


async def test_each_button_counts_the_people_who_tapped_it(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        broadcast_id = await here.send(people(3))
        before = await here.until_status(broadcast_id, "sent")
        assert before["replies_by_button"] == {}
        first, second, third = (entry.wamid for entry in here.sim.ledger.entries)
        await tap(here, "in1", first, {"text": "Yes", "payload": "Y"})
        await tap(here, "in1", first, {"text": "Yes", "payload": "Y"})  # the webhook comes twice
        await tap(here, "in2", first, {"text": "Yes", "payload": "Y"})  # the person taps twice
        await tap(here, "in3", first, {"text": ODD, "payload": "O"})
        await tap(here, "in4", second, {"payload": "only a payload", "text": ""})
        await tap(here, "in5", third, {"type": "button_reply", "button_reply": {"id": "Y", "title": "Yes"}})
        shown = await here.show(broadcast_id)
        assert shown["replies_by_button"] == {"Yes": 2, ODD: 1, "only a payload": 1}
        assert (shown["replied_count"], shown["revision"] > before["revision"]) == (3, True)
        (listed,) = (await here.api.get("/api/v1/broadcasts")).json()["data"]
        assert listed["replies_by_button"] == shown["replies_by_button"]
        assert (await here.admin("broadcast.show", id=broadcast_id))["replies_by_button"] == listed[
            "replies_by_button"
        ]
        async with here.api.stream("GET", f"/api/v1/broadcasts/{broadcast_id}/events") as events:
            async for line in events.aiter_lines():
                if line.startswith("data:"):
                    assert '"replies_by_button":{' in line.replace(" ", "")
                    break


async def test_a_tap_that_comes_before_the_message_is_known_counts_later(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False, hold_answers=True) as here:
        broadcast_id = await here.send(people(1))
        with_answer = await here.until(broadcast_id, lambda _: bool(here.sim.ledger.entries))
        assert with_answer["replies_by_button"] == {}
        await tap(here, "in1", here.sim.ledger.entries[0].wamid, {"text": "No", "payload": "N"})
        here.sim.change(hold_answers=False)
        shown = await here.until(broadcast_id, lambda now: now["replied_count"] == 1)
        assert shown["replies_by_button"] == {"No": 1}
