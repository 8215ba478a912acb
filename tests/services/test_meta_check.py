"""The periodic check of a number at Meta."""

from pathlib import Path

import anyio
import pytest

from tests.support.clock import ShiftClock
from tests.support.patience import PATIENCE_S
from tests.support.site import NUMBER, site
from wacrmd.clock import MINUTE

pytestmark = pytest.mark.anyio


async def test_a_number_is_checked_once_in_the_configured_interval(tmp_path: Path) -> None:
    """Not at the start, but one interval after it. Then its quality is in the list."""
    clock = ShiftClock()
    async with site(
        tmp_path, clock=clock, extra="[meta]\ncheck_interval_minutes = 30\n", quality_rating="YELLOW"
    ) as here:
        (before,) = await here.admin("number.list")
        with anyio.fail_after(PATIENCE_S):
            while (await here.admin("number.list"))[0]["quality"] != "YELLOW":
                clock.advance(31 * MINUTE)
                await anyio.wait_all_tasks_blocked()
        assert before["quality"] is None


async def test_a_number_that_is_added_with_a_check_knows_the_way_of_marketing_templates(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, marketing_onboarding="ONBOARDED") as here:
        new = NUMBER | {"phone_number_id": "106540352242923", "waba_id": "88", "check": True}
        made = await here.admin("number.add", **new)
        shown = await here.admin("number.show", id=made["id"])
        assert shown["marketing_onboarding"] == "ONBOARDED"
        other = await here.admin("number.show", id=here.number["id"])
        assert other["marketing_onboarding"] is None, "of another business account nothing is known"


async def test_a_check_learns_the_phone_of_a_number_that_was_added_while_meta_could_not_be_reached(
    tmp_path: Path,
) -> None:
    async with site(tmp_path) as here:
        (before,) = await here.admin("number.list")
        assert before["display_phone"] is None
        await here.admin("number.check", id=before["id"])
        (after,) = await here.admin("number.list")
        assert after["display_phone"] == "+15550783881"
        await here.admin("number.set", id=before["id"], display_phone="+14155550123")
        await here.admin("number.check", id=before["id"])
        (after,) = await here.admin("number.list")
        assert after["display_phone"] == "+14155550123", "that of the operator stays"
