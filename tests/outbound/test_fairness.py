"""Apps that hang, fail or are slow beside others, over real sockets: the others get their events at once.

The hanging requests never end within a test, so what waits for one of them fails the test.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support.clock import ShiftClock
from tests.support.patience import PATIENCE_S
from tests.support.receiver import CUT_OFF, ReceivedRequest, Receiver, receiver
from tests.support.site import Site, phones, site
from wacrmd.clock import SECOND
from wacrmd.outbound.lanes import SLOW_S
from wacrmd.outbound.schedule import JITTER, RETRY_DELAYS

pytestmark = pytest.mark.anyio

CONFIG = '[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]\ntimeout_s = 300\n[limits]\nmax_webhooks = 50'
HANGING = 12


@asynccontextmanager
async def serving(folder: Path, clock: ShiftClock | None = None) -> AsyncIterator[Site]:
    async with site(folder, extra=CONFIG, clock=clock or ShiftClock(), webhooks=False) as here:
        yield here


async def add(here: Site, url: str) -> dict[str, Any]:
    answer = await here.api.post("/api/v1/webhooks", json={"url": url, "events": ["contact.opted_out"]})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


async def add_hanging(here: Site, app: Receiver, count: int = HANGING) -> None:
    for number in range(count):
        app.answers[f"/hang{number}"] = None
        await add(here, f"{app.url}/hang{number}")


async def opt_out(here: Site, count: int, start: int = 0) -> None:
    for phone in phones(count, start):
        answer = await here.api.post("/api/v1/optouts", json={"phone": phone})
        assert answer.status_code in (200, 201), answer.text


def ids(requests: list[ReceivedRequest]) -> set[str]:
    return {each.event["id"] for each in requests}


async def test_at_first_contact_a_quick_app_does_not_wait_for_apps_that_hang(tmp_path: Path) -> None:
    async with serving(tmp_path) as here, receiver() as app:
        await add_hanging(here, app)
        await add(here, f"{app.url}/quick")
        await opt_out(here, 30)
        await app.until(lambda: len(ids(app.at("/quick"))) == 30)
        for number in range(HANGING):
            assert len(app.at(f"/hang{number}")) == 1, "a new one has one place, and so has one that hangs"


@pytest.mark.exhaustive(only=True)
async def test_after_a_restart_a_quick_app_does_not_wait_for_apps_that_hang(tmp_path: Path) -> None:
    async with receiver() as app:
        async with serving(tmp_path) as here:
            app.answers["/quick"] = None
            await add_hanging(here, app)
            await add(here, f"{app.url}/quick")
            await opt_out(here, 30)
            await app.until(lambda: len(app.requests) == HANGING + 1)
        app.answers["/quick"] = 200
        app.requests.clear()
        async with serving(tmp_path):
            await app.until(lambda: len(ids(app.at("/quick"))) == 30)


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("failure", [500, CUT_OFF])
async def test_one_failed_attempt_does_not_put_an_app_behind_those_that_hang(
    tmp_path: Path, failure: int
) -> None:
    clock = ShiftClock()
    async with serving(tmp_path, clock) as here, receiver() as app:
        failed: set[str] = set()

        def choose(request: ReceivedRequest) -> int | None:
            if request.path != "/once":
                return None
            if failed and request.event["id"] not in failed:
                return 200
            failed.add(request.event["id"])
            # A connection that was used before is tried again at once, so one failed attempt may be two requests.
            return failure if len(app.at("/once")) < 7 else 200

        app.choose = lambda request: (
            200 if request.path == "/once" and len(app.at("/once")) < 5 else choose(request)
        )
        await add(here, f"{app.url}/once")
        await opt_out(here, 4)
        await app.until(lambda: len(app.at("/once")) == 4)
        await add_hanging(here, app)
        await opt_out(here, 30, start=100)
        await app.until(lambda: len(ids(app.at("/once"))) == 34)
        clock.advance(round(RETRY_DELAYS[0] * (1 + JITTER)) + SECOND)
        await opt_out(here, 1, start=200)
        await app.until(lambda: len(ids(app.at("/once"))) == 35)
        (again,) = failed
        await app.until(lambda: sum(each.event["id"] == again for each in app.at("/once")) >= 2)


async def test_an_app_that_hangs_keeps_one_place_and_gets_all_again_when_it_answers(tmp_path: Path) -> None:
    async with serving(tmp_path) as here, receiver() as app:
        await add(here, f"{app.url}/app")
        await opt_out(here, 5)
        await app.until(lambda: len(app.at("/app")) == 5)
        workers = here.running.ctx.config.outbound_webhooks.workers
        app.answers["/app"] = None
        await opt_out(here, 20, start=100)
        await app.until(lambda: len(app.at("/app")) == 5 + workers)
        await anyio.sleep(SLOW_S + 0.5)
        assert len(app.at("/app")) == 5 + workers, "as many as it has workers, and no more"
        await add(here, f"{app.url}/other")
        await opt_out(here, 5, start=200)
        await app.until(lambda: len(ids(app.at("/other"))) == 5)


@pytest.mark.exhaustive(only=True)
async def test_many_slow_apps_do_not_slow_down_a_quick_one(tmp_path: Path) -> None:
    """Each just under what counts as slow: they keep their workers, and the quick one has its own."""
    async with serving(tmp_path) as here, receiver() as app:
        await add(here, f"{app.url}/quick")
        await opt_out(here, 3)
        await app.until(lambda: len(app.at("/quick")) == 3)
        for number in range(20):
            await add(here, f"{app.url}/busy{number}")
        await opt_out(here, 3, start=50)
        await app.until(lambda: all(len(app.at(f"/busy{number}")) == 3 for number in range(20)))
        app.choose = lambda request: 200 if request.path == "/quick" else None
        await opt_out(here, 60, start=100)
        await app.until(lambda: len(ids(app.at("/quick"))) == 66)


async def test_a_stop_waits_for_what_is_just_delivered_and_not_for_apps_that_hang(tmp_path: Path) -> None:
    async with serving(tmp_path) as here, receiver() as app:
        await add_hanging(here, app, 2)
        await opt_out(here, 3)
        await app.until(lambda: len(app.requests) == 2)
        with anyio.fail_after(PATIENCE_S / 2):
            assert await here.running.dispatcher.drain(PATIENCE_S) is False
        assert len(app.requests) == 2, "nothing new was started"
