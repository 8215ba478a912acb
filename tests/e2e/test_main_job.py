"""The main job over real sockets: a thousand recipients, one message each, right counts."""

import json
from pathlib import Path

import pytest

from tests.support.exhaustive import IS_EXHAUSTIVE
from tests.support.site import people, site

pytestmark = pytest.mark.anyio
PEOPLE = 1000 if IS_EXHAUSTIVE else 300


@pytest.mark.exhaustive
async def test_each_recipient_gets_one_message_and_the_counts_are_right(tmp_path: Path) -> None:
    """Webhooks come shuffled, doubled, early and late. The counts always add up (Site.show asserts it)."""
    async with site(
        tmp_path,
        messages_per_second=1000,
        delivered_share=0.9,
        read_share=0.5,
        replied_share=0.2,
        failed_share=0.05,
        twice_share=0.3,
        early_share=0.2,
        shuffle=True,
        delivered_after_ms=60,
        read_after_ms=100,
        replied_after_ms=150,
    ) as here:
        recipients = people(PEOPLE)
        broadcast_id = await here.send(recipients)
        await here.until_status(broadcast_id, "sent")
        await here.sim.idle()
        shown = await here.show(broadcast_id)
        issued = here.sim.summary()["webhooks"]["issued"]
        ledger = here.sim.ledger.counts()
        assert ledger["total"] == ledger["distinct_to"] == ledger["distinct_callback_data"] == PEOPLE
        assert {entry.send.input for entry in here.sim.ledger.entries} == {
            person["to"] for person in recipients
        }
        assert shown["failed_count"] == len(
            {e.wamid for e in here.sim.ledger.entries if "failed" in e.statuses}
        )
        assert shown["sent_count"] == PEOPLE - shown["failed_count"]
        assert shown["delivered_count"] == sum("delivered" in e.statuses for e in here.sim.ledger.entries)
        assert shown["read_count"] == sum("read" in e.statuses for e in here.sim.ledger.entries)
        assert 0 < shown["replied_count"] <= issued["reply"]
        assert (shown["pending_count"], shown["uncertain_count"], shown["cancelled_count"]) == (0, 0, 0)


async def test_a_message_has_the_content_of_the_request(tmp_path: Path) -> None:
    """`to` keeps its +, integers become digits, and the token is in the callback data."""
    async with site(tmp_path) as here:
        broadcast_id = await here.send(
            [{"to": "1 (415) 555-2671", "params": ["Jane", 7]}],
            template_name="order_update",
            template_language="de",
        )
        await here.until_status(broadcast_id, "sent")
        (entry,) = here.sim.ledger.entries
        assert json.loads(entry.body or b"") == {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "+14155552671",
            "type": "template",
            "template": {
                "name": "order_update",
                "language": {"code": "de"},
                "components": [
                    {
                        "type": "body",
                        "parameters": [{"type": "text", "text": "Jane"}, {"type": "text", "text": "7"}],
                    }
                ],
            },
            "biz_opaque_callback_data": f"wacrmd:{broadcast_id}:1:1",
        }
