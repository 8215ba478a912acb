"""Whoever quotes our message is its recipient, in any order, unless the ids of the message say otherwise."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_people import JANE, JANE_ID, JIM, messages, reach, sent_to, suppressed, text
from tests.support.meta import inbound_message, status
from tests.support.site import Site, site
from wacrmd.simulator.people import user_id_of

pytestmark = [pytest.mark.anyio, pytest.mark.exhaustive(only=True)]

JIM_ID = user_id_of(JIM[1:])


async def the_optouts(here: Site) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await here.api.get("/api/v1/optouts")).json()["data"]
    return found


async def persons(here: Site, phone: str) -> set[str]:
    """All addresses of whoever has this phone."""
    return {each["address"] for each in (await here.admin("export-person", phone=phone))["addresses"]}


async def test_who_writes_from_another_number_and_quotes_is_opted_out_and_nobody_is_joined(
    tmp_path: Path,
) -> None:
    """Nobody can tell which of the two wrote it."""
    async with site(tmp_path, webhooks=False) as here:
        wamid, _ = await sent_to(here, JANE, JIM)
        await inbound_message(here, "STOP", wa_id=JIM[1:], user_id=JIM_ID, context=wamid)
        assert await suppressed(here, JIM, JIM_ID, JANE, JANE_ID)
        assert await persons(here, JANE) == {JANE, JANE_ID}
        assert await persons(here, JIM) == {JIM, JIM_ID}


async def test_people_without_user_ids_are_not_joined_by_a_quote_alone(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False, user_ids=False) as here:
        (wamid,) = await sent_to(here, JANE)
        await inbound_message(here, "Yes", wa_id=JIM[1:], context=wamid)
        assert await persons(here, JANE) == {JANE}
        await inbound_message(here, "STOP", wa_id=JIM[1:])
        assert await suppressed(here, JIM)
        assert (await reach(here, JANE))["accepted"] == 1


async def test_a_new_holder_who_quotes_a_message_to_the_number_is_the_only_one_who_said_so(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, webhooks=False) as here:
        (wamid,) = await sent_to(here, JANE)
        await inbound_message(here, "STOP", wa_id=JANE[1:], user_id="US.77", context=wamid)
        assert await suppressed(here, JANE, "US.77")
        assert (await reach(here, JANE_ID))["accepted"] == 1


@pytest.mark.parametrize("sender", [{"from_user_id": JANE_ID}, {}, {"from_user_id": JANE_ID, "tap": True}])
@pytest.mark.parametrize("doubled", [False, True])
async def test_a_stop_that_quotes_a_message_before_its_id_is_known_reaches_the_person(
    tmp_path: Path, sender: dict[str, Any], doubled: bool
) -> None:
    named = {key: value for key, value in sender.items() if key != "tap"}
    async with site(tmp_path, webhooks=False, user_ids=False, close_after_share=1.0) as here:
        broadcast_id = await here.send([{"to": JANE}])
        await here.until(broadcast_id, lambda now: now["uncertain_count"] == 1)
        (entry,) = here.sim.ledger.entries
        said = text("STOP", context={"id": entry.wamid}, **named)
        if "tap" in sender:
            said |= {"type": "button", "button": {"text": "Stop promotions", "payload": "STOP:1"}}
        for _ in range(1 + doubled):
            await messages(here, said)
        for _ in range(1 + doubled):
            await status(here, entry.wamid, "delivered", biz_opaque_callback_data=entry.send.callback_data)
        await messages(here, said)
        assert await suppressed(here, JANE, *named.values())
        (optout,) = await the_optouts(here)
        assert optout["broadcast_id"] == broadcast_id
        assert optout["phone"] == JANE
        assert (await here.show(broadcast_id))["replied_count"] == 1


async def test_a_stop_from_another_number_that_quotes_a_message_too_early_reaches_both(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, webhooks=False, close_after_share=1.0) as here:
        broadcast_id = await here.send([{"to": JANE}])
        await here.until(broadcast_id, lambda now: now["uncertain_count"] == 1)
        (entry,) = here.sim.ledger.entries
        await inbound_message(here, "STOP", wa_id=JIM[1:], user_id=JIM_ID, context=entry.wamid)
        await status(here, entry.wamid, "sent", biz_opaque_callback_data=entry.send.callback_data)
        assert await suppressed(here, JANE, JIM, JIM_ID)
        assert {each["broadcast_id"] for each in await the_optouts(here)} == {broadcast_id}
