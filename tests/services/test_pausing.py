"""Pauses caused by Meta end when Meta says so; pauses by people do not."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.meta import account_event, template_event
from tests.support.site import PHONE_NUMBER_ID, Site, people, site

pytestmark = pytest.mark.anyio


async def begun(here: Site) -> str:
    """A running broadcast that waits for its number."""
    await here.admin("number.pause", id=PHONE_NUMBER_ID)
    return await here.send(people(3))


async def test_an_approved_template_resumes_what_was_paused_for_it(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        broadcast_id = await begun(here)
        await template_event(here, "PAUSED", reason="LOW_QUALITY")
        shown = await here.show(broadcast_id)
        assert (shown["status"], shown["hold"]["reason"]) == ("paused", "template")
        await template_event(here, "APPROVED")
        assert (await here.show(broadcast_id))["status"] == "sending"
        await here.admin("number.resume", id=PHONE_NUMBER_ID)
        assert (await here.until_status(broadcast_id, "sent"))["sent_count"] == 3


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("event", ["APPROVED", "REINSTATED", "UNARCHIVED"])
async def test_an_approved_template_leaves_paused_what_a_person_paused(tmp_path: Path, event: str) -> None:
    async with site(tmp_path) as here:
        broadcast_id = await begun(here)
        await here.admin("broadcast.pause", id=broadcast_id)
        await template_event(here, event)
        shown = await here.show(broadcast_id)
        assert (shown["status"], shown["hold"]["reason"]) == ("paused", "paused_by_operator")


async def test_a_pause_by_a_person_outlasts_the_reason_that_it_follows(tmp_path: Path) -> None:
    """A person pauses what Meta has stopped already: Meta's later events must not resume it."""
    async with site(tmp_path) as here:
        broadcast_id = await begun(here)
        await template_event(here, "PAUSED")
        await here.admin("broadcast.pause", id=broadcast_id)
        await template_event(here, "APPROVED")
        hold = (await here.show(broadcast_id))["hold"]
        assert hold["reason"] == "paused_by_operator"
        assert "Paused before: Meta says that template hello" in hold["detail"]
        await here.admin("number.resume", id=PHONE_NUMBER_ID)
        await account_event(here, "ACCOUNT_RESTRICTION")
        shown = await here.admin("number.pause", id=PHONE_NUMBER_ID, reason="closed today")
        assert shown["hold"]["reason"] == "paused_by_operator"
        await account_event(here, "ACCOUNT_RECONNECTED")
        assert (await here.admin("number.show", id=PHONE_NUMBER_ID))["state"] == "paused"


async def test_a_template_of_another_language_resumes_nothing(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        broadcast_id = await begun(here)
        await template_event(here, "PAUSED")
        await template_event(here, "APPROVED", language="de")
        assert (await here.show(broadcast_id))["status"] == "paused"


async def test_a_reinstated_account_resumes_its_number(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await account_event(here, "ACCOUNT_RESTRICTION")
        broadcast_id = await here.send(people(3))
        assert (await here.admin("number.show", id=PHONE_NUMBER_ID))["hold"]["reason"] == "account"
        await account_event(here, "ACCOUNT_RECONNECTED")
        assert (await here.until_status(broadcast_id, "sent"))["sent_count"] == 3


async def test_a_reinstated_account_leaves_paused_what_a_person_paused(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.admin("number.pause", id=PHONE_NUMBER_ID, reason="closed today")
        await account_event(here, "ACCOUNT_RESTRICTION")
        await account_event(here, "ACCOUNT_RECONNECTED")
        hold = (await here.admin("number.show", id=PHONE_NUMBER_ID))["hold"]
        assert hold["reason"] == "paused_by_operator"


async def test_the_log_names_what_was_paused_as_the_api_does(tmp_path: Path) -> None:
    with capture_logs() as events:
        async with site(tmp_path) as here:
            broadcast_id = await begun(here)
            await template_event(here, "PAUSED")
            await here.admin("broadcast.pause", id=broadcast_id)
            await here.admin("number.resume", id=PHONE_NUMBER_ID)
            await account_event(here, "ACCOUNT_RESTRICTION")
    paused = [
        (event.get("broadcast") or event["number"], event["reason"])
        for event in events
        if event["event"] in ("broadcast_paused", "number_paused")
    ]
    assert paused == [
        (PHONE_NUMBER_ID, "paused_by_operator"),
        (broadcast_id, "template"),
        (broadcast_id, "paused_by_operator"),
        (PHONE_NUMBER_ID, "account"),
    ]
