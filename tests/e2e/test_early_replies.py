"""Replies without context that come before Meta's response to the send."""

from pathlib import Path

import anyio
import pytest

from tests.support.meta import inbound_message, status
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import site
from wacrmd.domain.callback_token import callback_token

pytestmark = pytest.mark.anyio

JANE, JANE_WA_ID = "+14155550123", "14155550123"


async def test_a_reply_before_the_response_to_the_send_counts_once_meta_has_the_message(
    tmp_path: Path,
) -> None:
    """The message id is not known yet; the person is, and the message may still be refused."""
    async with site(tmp_path, hold_answers=True, webhooks=False) as here:
        broadcast_id = await here.send([{"to": JANE}])
        await eventually(lambda: here.sim.ledger.entries)  # Meta has the message and holds its response
        await inbound_message(here, "Hello!", wa_id=JANE_WA_ID)
        assert (await here.show(broadcast_id))["replied_count"] == 0
        here.sim.change(hold_answers=False)
        url = f"/api/v1/broadcasts/{broadcast_id}/recipients"
        with anyio.fail_after(PATIENCE_S):
            while (listed := (await here.api.get(url)).json()["data"])[0]["whatsapp_message_id"] is None:  # noqa: ASYNC110
                await anyio.sleep(0.05)  # the response has not come yet
        assert [(row["status"], row["whatsapp_message_id"]) for row in listed] == [
            ("replied", here.sim.ledger.entries[0].wamid)
        ]


async def test_a_reply_counts_after_a_status_that_came_before_the_response_to_the_send(
    tmp_path: Path,
) -> None:
    """The status has ended the attempt and named the person's ids."""
    async with site(tmp_path, hold_answers=True, webhooks=False) as here:
        broadcast_id = await here.send([{"to": JANE}])
        await eventually(lambda: here.sim.ledger.entries)
        entry = here.sim.ledger.entries[0]
        token = callback_token(broadcast_id, 1, 1)
        await status(here, entry.wamid, "delivered", recipient_id=JANE_WA_ID, biz_opaque_callback_data=token)
        await inbound_message(here, "Hello!", wa_id=JANE_WA_ID)
        assert (await here.show(broadcast_id))["replied_count"] == 1
