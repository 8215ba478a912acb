"""Meta's limit for operators: how much of it is used, that it is not known, and numbers that are counted apart."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.operator.conftest import Wacrmd
from tests.support.clock import ShiftClock
from tests.support.meta import post_change
from tests.support.site import (
    ACCESS_TOKEN,
    APP_SECRET,
    NUMBER,
    PHONE_NUMBER_ID,
    VERIFY_TOKEN,
    WABA_ID,
    Site,
    people,
    site,
)
from wacrmd.clock import MINUTE, iso
from wacrmd.domain.messaging_limit import PERIOD

pytestmark = pytest.mark.anyio

OTHER = "106540352242923"


async def use(here: Site) -> dict[str, Any]:
    found: dict[str, Any] = (await here.admin("number.show", id=PHONE_NUMBER_ID))["limit_use"]
    return found


async def findings(here: Site, name: str) -> list[tuple[str, str]]:
    checks = (await here.admin("doctor"))["checks"]
    return [(each["about"], each["detail"]) for each in checks if each["check"] == name]


async def test_how_much_of_the_limit_is_used_is_shown(tmp_path: Path, wacrmd: Wacrmd) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock) as here:
        unknown = {
            "used": 0,
            "limit": None,
            "free": None,
            "is_known": False,
            "next_at": None,
            "next_count": 0,
        }
        assert await use(here) == unknown
        _, out, _ = await wacrmd("number", "show", PHONE_NUMBER_ID)
        assert "0 people in 24 hours; the limit is not known" in " ".join(out.split())
        metrics = (await here.api.get("/metrics")).text
        assert "wacrmd_number_messaging_limit{" not in metrics

        await here.admin("number.set", id=PHONE_NUMBER_ID, daily_limit=30)
        await here.until_status(await here.send(people(20)), "sent")
        free_at = iso(clock.now() + PERIOD)
        assert await use(here) == {
            "used": 20,
            "limit": 30,
            "free": 10,
            "is_known": True,
            "next_at": free_at,
            "next_count": 20,
        }
        _, out, _ = await wacrmd("number", "show", PHONE_NUMBER_ID)
        assert "20 of 30 people in 24 hours; from 20" in " ".join(out.split())
        metrics = (await here.api.get("/metrics")).text
        for name, value in (("limit", 30), ("limit_used", 20)):
            assert f'wacrmd_number_messaging_{name}{{number="{PHONE_NUMBER_ID}"}} {value}.0' in metrics

        clock.advance(PERIOD)
        await here.admin("number.set", id=PHONE_NUMBER_ID, daily_limit=0)
        here.sim.change(messaging_limit="TIER_UNLIMITED")
        await here.admin("number.check", id=PHONE_NUMBER_ID)
        assert await use(here) == unknown | {"is_known": True}
        _, out, _ = await wacrmd("number", "show", PHONE_NUMBER_ID, "--json")
        assert json.loads(out)["limit_use"]["used"] == 0


async def test_the_doctor_names_a_limit_that_is_not_known_and_numbers_that_are_counted_apart(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, messaging_limit="TIER_NOT_SET") as here:
        await here.admin("account.add", name="tea-house")
        other = await here.admin(
            "number.add",
            account="tea-house",
            phone_number_id=OTHER,
            waba_id=WABA_ID,
            access_token=ACCESS_TOKEN,
            app_secret=APP_SECRET,
            verify_token=VERIFY_TOKEN,
            check=False,
        )
        unknown = await findings(here, "messaging limit")
        assert [PHONE_NUMBER_ID in about for about, _ in unknown] == [True, False]
        assert all("is not known: it sends without a limit" in detail for _, detail in unknown)
        ((about, apart),) = await findings(here, "portfolio")
        assert about == "limits"
        assert "of shop, " in apart
        assert "of tea-house together" in apart

        await here.admin("number.set", id=PHONE_NUMBER_ID, portfolio="both", daily_limit=50)
        assert len(await findings(here, "portfolio")) == 1
        await here.admin("number.set", id=other["id"], portfolio="both")
        assert await findings(here, "portfolio") == []
        assert await findings(here, "messaging limit") == [], "the limit of one is that of both"


async def test_a_broadcast_that_waits_after_its_first_people_needs_nobody(tmp_path: Path) -> None:
    async with site(tmp_path, clock=ShiftClock()) as here:
        await here.admin("number.check", id=PHONE_NUMBER_ID)
        canary = {"count": 2, "wait_minutes": 60, "min_delivered": 1.0}
        broadcast = await here.send(people(5), canary=canary)
        shown = await here.until(broadcast, lambda it: it["hold"] is not None)
        assert (shown["hold"]["reason"], shown["status"]) == ("canary", "sending")
        status = await here.admin("status")
        assert [each["reason"] for each in status["held"]] == ["canary"]
        assert status["healthy"]
        await here.until(broadcast, lambda it: it["delivered_count"] == 2)
        here.clock.advance(61 * MINUTE)
        await here.until_status(broadcast, "sent")
        here.sim.change(delivered_share=0.0)
        stopped = await here.send(people(5), name="second", canary=canary | {"wait_minutes": 0})
        await here.until_status(stopped, "paused")
        assert not (await here.admin("status"))["healthy"], "somebody has to decide"


async def test_a_number_that_is_moved_to_another_portfolio_writes_to_nobody_beyond_the_limit(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, clock=ShiftClock()) as here:
        await here.admin("number.set", id=PHONE_NUMBER_ID, daily_limit=2)
        broadcast = await here.send(people(3))
        await here.until(broadcast, lambda it: it["hold"] is not None and it["sent_count"] == 2)
        await here.admin("number.set", id=PHONE_NUMBER_ID, portfolio="joint")
        assert (await here.admin("number.show", id=PHONE_NUMBER_ID))["limit_use"]["used"] == 2
        again = await here.send(people(1))
        await here.until_status(again, "sent")
        assert (await here.show(broadcast))["hold"]["reason"] == "limit"


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("tells", ["check", "webhook"])
async def test_a_limit_that_is_told_again_counts_at_once_if_another_one_was_told_meanwhile(
    tmp_path: Path, tells: str
) -> None:
    """Of the numbers of a portfolio the one counts of which Meta told last, also where it says the same as before."""
    async with site(tmp_path, messaging_limit="TIER_2K") as here:
        await here.admin("number.check", id=PHONE_NUMBER_ID)
        other = await here.admin("number.add", **(NUMBER | {"phone_number_id": "77", "waba_id": "88"}))
        await here.running.ctx.db.write(
            lambda tx: (
                tx.execute(
                    "UPDATE number SET limit_tier = 'TIER_50', limit_told_at = ? WHERE id = ?",
                    (here.clock.now(), other["id"]),
                ).rowcount
            )
        )
        waiting = await here.send(people(60))
        await here.until(waiting, lambda shown: shown["hold"] and shown["hold"]["reason"] == "limit")
        if tells == "check":
            await here.admin("number.check", id=PHONE_NUMBER_ID)
        else:
            value = {"max_daily_conversations_per_business": 2000}
            assert (await post_change(here.hook, "business_capability_update", value)).status_code == 200
        with anyio.fail_after(30):  # in any case it is looked at again after a minute
            await here.until_status(waiting, "sent")


@pytest.mark.parametrize("tells", ["check", "webhook"])
async def test_who_waits_for_the_limit_is_sent_to_as_soon_as_it_is_raised(tmp_path: Path, tells: str) -> None:
    async with site(tmp_path, messaging_limit="TIER_50") as here:
        await here.admin("number.check", id=PHONE_NUMBER_ID)
        waiting = await here.send(people(60))
        await here.until(waiting, lambda shown: shown["hold"] and shown["hold"]["reason"] == "limit")
        here.sim.change(messaging_limit="TIER_2K")
        if tells == "check":
            await here.admin("number.check", id=PHONE_NUMBER_ID)
        else:
            value = {"max_daily_conversations_per_business": 2000}
            assert (await post_change(here.hook, "business_capability_update", value)).status_code == 200
        with anyio.fail_after(30):  # in any case it is looked at again after a minute
            await here.until_status(waiting, "sent")
