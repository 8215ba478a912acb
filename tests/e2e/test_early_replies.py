"""Replies without context to a message of which Meta has not said yet what became of it."""

from collections.abc import Awaitable, Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support.meta import inbound_message, preference_change, seconds_now, status
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import PHONE_NUMBER_ID, Site, site
from wacrmd.domain.callback_token import callback_token
from wacrmd.sender.leases import expire_leases

pytestmark = [pytest.mark.anyio, pytest.mark.exhaustive(only=True)]

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


async def test_a_reply_to_an_uncertain_recipient_counts_once_the_status_settles_it(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False, close_after_share=1.0) as here:
        broadcast_id = await here.send([{"to": JANE}])
        await here.until_status(broadcast_id, "sent")
        assert (await here.show(broadcast_id))["uncertain_count"] == 1
        await inbound_message(here, "Yes", wa_id=JANE_WA_ID)
        assert (await here.show(broadcast_id))["replied_count"] == 0
        (entry,) = here.sim.ledger.entries
        await status(
            here,
            entry.wamid,
            "delivered",
            recipient_id=JANE_WA_ID,
            biz_opaque_callback_data=entry.send.callback_data,
        )
        shown = await here.show(broadcast_id)
        assert (shown["uncertain_count"], shown["replied_count"]) == (0, 1)


async def fail_by_status(here: Site, broadcast_id: str) -> None:
    """Meta says of the newest message that it failed."""
    entry = here.sim.ledger.entries[-1]
    callback = entry.send.callback_data
    await status(
        here,
        entry.wamid,
        "failed",
        recipient_id=JANE_WA_ID,
        biz_opaque_callback_data=callback,
        errors=[{"code": 131026, "title": "Message undeliverable"}],
    )


async def give_up(here: Site, broadcast_id: str) -> None:
    await here.admin("broadcast.give-up", id=broadcast_id)


async def requeue(here: Site, broadcast_id: str) -> None:
    await here.admin("number.pause", id=PHONE_NUMBER_ID)  # nothing is sent again meanwhile
    await here.admin("broadcast.retry", id=broadcast_id, uncertain=True)


@pytest.mark.parametrize("not_sent", [fail_by_status, give_up, requeue])
async def test_a_reply_counts_for_the_broadcast_before_when_the_uncertain_one_was_not_sent(
    tmp_path: Path, not_sent: Callable[[Site, str], Awaitable[None]]
) -> None:
    async with site(tmp_path, webhooks=False) as here:
        first = await here.send([{"to": JANE}])
        await here.until_status(first, "sent")
        here.sim.change(close_after_share=1.0)
        second = await here.send([{"to": JANE}])
        await here.until(second, lambda now: now["uncertain_count"] == 1)
        await inbound_message(here, wa_id=JANE_WA_ID, button={"text": "Yes", "payload": "Y"})
        shown = [await here.show(each) for each in (first, second)]
        assert [each["replied_count"] for each in shown] == [0, 0], "which of the two is not known"
        await not_sent(here, second)
        shown = [await here.show(each) for each in (first, second)]
        assert [each["replied_count"] for each in shown] == [1, 0]
        assert [each["replies_by_button"] for each in shown] == [{"Yes": 1}, {}]


async def test_a_reply_while_a_message_that_is_then_refused_is_in_flight_counts_for_the_one_before(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, webhooks=False) as here:
        first = await here.send([{"to": JANE}])
        await here.until_status(first, "sent")
        here.sim.change(hold_answers=True, refused_recipients=(f"{JANE}=131026",))
        second = await here.send([{"to": JANE}])
        await eventually(lambda: here.sim.ledger.requests == 2)
        await inbound_message(here, "Yes", wa_id=JANE_WA_ID)
        assert (await here.show(first))["replied_count"] == 0
        changes, row = here.running.ctx.changes, "SELECT id FROM broadcast WHERE uuid = ?"
        row_id = await here.running.ctx.db.read(lambda tx: tx.execute(row, (first,)).fetchone()[0])
        with changes.watch(row_id) as watcher, anyio.fail_after(PATIENCE_S):
            here.sim.change(hold_answers=False)
            await watcher.wait()
        await here.until(second, lambda now: now["failed_count"] == 1)
        assert [(await here.show(each))["replied_count"] for each in (first, second)] == [1, 0]


async def test_a_tap_on_an_uncertain_message_is_counted_by_button_once_a_status_settles_it(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, webhooks=False, close_after_share=1.0) as here:
        broadcast_id = await here.send([{"to": JANE}])
        await here.until(broadcast_id, lambda now: now["uncertain_count"] == 1)
        await inbound_message(here, wa_id=JANE_WA_ID, button={"text": "Yes", "payload": "Y"})
        assert (await here.show(broadcast_id))["replies_by_button"] == {}
        (entry,) = here.sim.ledger.entries
        for word in ("delivered", "sent", "delivered"):
            await status(here, entry.wamid, word, biz_opaque_callback_data=entry.send.callback_data)
        shown = await here.show(broadcast_id)
        assert (shown["replied_count"], shown["replies_by_button"]) == (1, {"Yes": 1})


async def test_a_message_of_somebody_who_turns_out_to_be_a_recipient_is_their_reply(tmp_path: Path) -> None:
    """They wrote by user id only; a later message gives their phone number too."""
    async with site(tmp_path, webhooks=False, user_ids=False) as here:
        broadcast_id = await here.send([{"to": JANE}])
        await here.until_status(broadcast_id, "sent")
        await inbound_message(here, "Yes", user_id="US.1")
        assert (await here.show(broadcast_id))["replied_count"] == 0
        await preference_change(here, "resume", wa_id=JANE_WA_ID, user_id="US.1")
        assert (await here.show(broadcast_id))["replied_count"] == 1


async def test_a_reply_to_an_attempt_that_expires_counts_for_the_broadcast_before(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False, extra='[sender]\non_uncertain = "fail"\n') as here:
        first = await here.send([{"to": JANE}])
        await here.until_status(first, "sent")
        here.sim.change(hold_answers=True)
        second = await here.send([{"to": JANE}])
        await eventually(lambda: here.sim.ledger.requests == 2)
        await inbound_message(here, "Yes", wa_id=JANE_WA_ID)
        await expire_leases(here.running.ctx, None)
        shown = [await here.show(each) for each in (first, second)]
        assert [(each["replied_count"], each["failed_count"]) for each in shown] == [(1, 0), (0, 1)]


async def test_a_reply_while_the_answer_was_late_counts_also_if_it_comes_after_the_answer(
    tmp_path: Path,
) -> None:
    """The request left before the person wrote; only Meta's answer came after it."""
    async with site(tmp_path, webhooks=False, hold_answers=True) as here:
        broadcast_id = await here.send([{"to": JANE}])
        await eventually(lambda: here.sim.ledger.entries)
        written = seconds_now()
        await anyio.sleep(2.5)  # more than the grace of a second
        here.sim.change(hold_answers=False)
        await here.until_status(broadcast_id, "sent")
        await inbound_message(here, "Too early", wa_id=JANE_WA_ID, at=written - 10)
        assert (await here.show(broadcast_id))["replied_count"] == 0
        await inbound_message(here, "Yes", wa_id=JANE_WA_ID, at=written)
        assert (await here.show(broadcast_id))["replied_count"] == 1


@pytest.mark.parametrize("order", [*permutations(range(3))])
@pytest.mark.parametrize("doubled", [False, True])
@pytest.mark.parametrize(("word", "expected"), [("failed", (1, 0, 1)), ("delivered", (0, 1, 0))])
async def test_a_reply_that_quotes_nothing_does_not_hide_that_a_message_failed(
    tmp_path: Path, order: tuple[int, ...], doubled: bool, word: str, expected: tuple[int, int, int]
) -> None:
    async with site(tmp_path, webhooks=False) as here:
        first = await here.send([{"to": JANE}])
        await here.until_status(first, "sent")
        second = await here.send([{"to": JANE}])
        await here.until_status(second, "sent")
        one, other = here.sim.ledger.entries
        at = seconds_now() + 1
        errors: dict[str, Any] = {"errors": [{"code": 131026}]} if word == "failed" else {}
        for step in (*order, *(order if doubled else ())):
            if step == 0:
                tap = {"text": "Yes", "payload": "Y"}
                await inbound_message(here, wa_id=JANE_WA_ID, button=tap, at=at, message_id="wamid.tap")
            elif step == 1:
                await status(here, other.wamid, word, **errors)
            else:
                await status(here, one.wamid, "delivered")
        shown = [await here.show(each) for each in (first, second)]
        replied = [each["replied_count"] for each in shown]
        assert (*replied, shown[1]["failed_count"]) == expected
        assert [each["replies_by_button"] for each in shown] == [
            {"Yes": 1} if each else {} for each in replied
        ]


async def test_what_meta_says_of_a_message_that_was_delivered_or_quoted_takes_no_reply_back(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, webhooks=False) as here:
        for quoted in (None, "delivered", "quote"):
            broadcast_id = await here.send([{"to": JANE}])
            await here.until_status(broadcast_id, "sent")
            wamid = here.sim.ledger.entries[-1].wamid
            await inbound_message(here, "Yes", wa_id=JANE_WA_ID, at=seconds_now() + 1)
            if quoted == "delivered":
                await status(here, wamid, "delivered")
            elif quoted == "quote":
                await inbound_message(here, "Yes", wa_id=JANE_WA_ID, context=wamid)
            await status(here, wamid, "failed", errors=[{"code": 131026}])
            shown = await here.show(broadcast_id)
            expected = (1, 0) if quoted else (0, 1)
            assert (shown["replied_count"], shown["failed_count"]) == expected, quoted
