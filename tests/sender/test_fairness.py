"""Several numbers and several broadcasts at once: nobody waits for another, and a stall says why."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bench.standin import Connection, Meta
from tests.support.clock import ShiftClock
from tests.support.patience import eventually
from tests.support.site import APP_SECRET, Site, people, site
from wacrmd.clock import SECOND
from wacrmd.domain.attempt import Claim
from wacrmd.meta.client import MetaClient
from wacrmd.sender.lane import LOST_S, OVERCOMMITTED_ROOM_BATCH, ROOM_BATCH, Lane
from wacrmd.sender.lanes import Lanes
from wacrmd.sender.room import MARGIN, OVERCOMMIT
from wacrmd.simulator.server import stop_accepting
from wacrmd.store.numbers import all_of

pytestmark = pytest.mark.anyio


@dataclass
class Numbers:
    """A site with several numbers, and a stand-in for Meta that answers some of them."""

    here: Site
    meta: Meta
    clock: ShiftClock
    ids: list[str] = field(default_factory=list)
    begin: int = 0

    async def send(self, number: int, count: int) -> str:
        """Create a broadcast from one of the numbers; its id."""
        self.begin += count
        return await self.here.send(people(count, self.begin - count), **{"from": self.ids[number]})

    @property
    def sent(self) -> list[int]:
        """How many messages Meta has taken from each number."""
        counts = Counter(number for number, *_ in self.meta.messages)
        return [counts[number] for number in self.ids]

    async def state(self, number: int) -> dict[str, Any]:
        """A number as operators see it."""
        shown: dict[str, Any] = await self.here.admin("number.show", id=self.ids[number])
        return shown


@asynccontextmanager
async def numbers(
    folder: Path, rates: list[float], *, stopped: bool = False, extra: str = "", latency_s: float = 0.02
) -> AsyncIterator[Numbers]:
    """Numbers with these rates. While the clock is stopped no tokens come: `clock.advance` brings them."""
    meta = Meta(latency_s, None, "", 0)
    loop = asyncio.get_running_loop()
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = await loop.create_server(lambda: Connection(meta), sock=listening, backlog=1024)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    extra = f'[meta]\ngraph_url = "{url}"\n{extra}'
    clock = ShiftClock(stopped=stopped)
    try:
        async with site(folder, extra=extra, clock=clock) as here:
            made = Numbers(here, meta, clock)
            for index, rate in enumerate(rates):
                made.ids.append(f"2065403522429{index:02}")
                await here.admin(
                    "number.add",
                    account="shop",
                    phone_number_id=made.ids[-1],
                    waba_id="102290129340398",
                    access_token="EAAbench",
                    app_secret=APP_SECRET,
                    verify_token="verify",
                    messages_per_second=rate,
                )
            try:
                yield made
            finally:
                meta.release()
    finally:
        await stop_accepting(listening)  # when the daemon asks no more
        server.close()


async def reach(made: Numbers, number: int, count: int) -> None:
    """Wait until Meta has taken so many messages from a number."""
    await eventually(lambda: made.sent[number] >= count)


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("count", [4, 12, 50])
async def test_numbers_do_not_wait_for_each_other(tmp_path: Path, count: int) -> None:
    """One broadcast on each, four workers: whoever waits for tokens occupies none, and each sends at its rate."""
    async with numbers(tmp_path, [10.0] * count, stopped=True) as made:
        for number in range(count):
            await made.send(number, 40)
        await eventually(lambda: min(made.sent) >= 1)
        await eventually(lambda: not made.here.running.queue._running)
        before = made.sent
        for step in range(1, 11):
            made.clock.advance(200)
            for number in range(count):
                await reach(made, number, before[number] + 2 * step - 1)
        assert max(made.sent) <= 1 + 20 + 1, "and not faster"


@pytest.mark.exhaustive(only=True)
async def test_a_slow_number_with_many_broadcasts_does_not_slow_a_fast_one(tmp_path: Path) -> None:
    async with numbers(tmp_path, [1.0, 80.0], stopped=True) as made:
        for _ in range(20):
            await made.send(0, 50)
        large = await made.send(1, 1000)
        await reach(made, 1, 8)
        for step in range(1, 26):
            made.clock.advance(40)
            await reach(made, 1, int(8 + 3.2 * step))
        small = await made.send(1, 1)
        await advance_until_sent(made, small, SECOND)
        small = await made.send(0, 1)
        await advance_until_sent(made, small, 2 * SECOND)
        assert made.sent[0] <= 6, "the slow one keeps to its rate"
        assert (await made.here.show(large))["sent_count"] > 80


async def advance_until_sent(made: Numbers, broadcast_id: str, within: int) -> None:
    """Let time pass until a broadcast of one message is sent, which takes no longer than `within`."""
    before = made.sent[1]
    for step in range(1, within // 50 + 1):
        made.clock.advance(50)
        await reach(made, 1, before + 4 * step - 4)  # what is left is less than a batch
    await made.here.until(broadcast_id, lambda shown: shown["sent_count"] == 1)


async def test_a_broadcast_of_one_does_not_wait_for_twenty_large_ones(tmp_path: Path) -> None:
    async with numbers(tmp_path, [20.0], stopped=True) as made:
        for _ in range(20):
            await made.send(0, 50)
        await reach(made, 0, 2)
        small = await made.send(0, 1)
        at_least = made.sent[0]
        for step in range(1, 5):
            made.clock.advance(50)
            await reach(made, 0, at_least + step)
        await made.here.until(small, lambda shown: shown["sent_count"] == 1)


@pytest.mark.parametrize(("blocked", "places"), [(False, 18), (True, 28)])
async def test_a_blocked_number_takes_few_places_from_others(
    tmp_path: Path, blocked: bool, places: int
) -> None:
    async with numbers(tmp_path, [400.0, 400.0], stopped=True, extra="[sender]\nmax_in_flight = 32") as made:
        ctx = made.here.running.ctx
        lanes, found = Lanes(ctx), await ctx.db.read(all_of)
        one, other = (each for each in found if each.phone_number_id in made.ids)
        for broadcast_id, number in enumerate((one, other)):
            lanes.join(lanes.of(number), broadcast_id)
        if blocked:
            lanes.throttle(one.id, "too fast")
        assert lanes.acquire(lanes.of(other), 100) == places
        assert lanes.of(other).room_batch == OVERCOMMITTED_ROOM_BATCH


async def test_a_number_alone_claims_as_soon_as_an_eighth_of_its_places_is_free(tmp_path: Path) -> None:
    async with numbers(tmp_path, [400.0], stopped=True, extra="[sender]\nmax_in_flight = 32") as made:
        ctx = made.here.running.ctx
        lanes, found = Lanes(ctx), await ctx.db.read(all_of)
        (lane,) = (lanes.of(each) for each in found if each.phone_number_id in made.ids)
        lanes.join(lane, 0)
        assert lanes.acquire(lane, 100) == 30, "one alone leaves some places free"
        assert lane.room_batch == ROOM_BATCH


async def test_requests_that_hang_take_no_places_from_others(tmp_path: Path) -> None:
    async with numbers(tmp_path, [400.0, 400.0], stopped=True, extra="[sender]\nmax_in_flight = 32") as made:
        ctx = made.here.running.ctx
        lanes, found = Lanes(ctx), await ctx.db.read(all_of)
        silent, other = (lanes.of(each) for each in found if each.phone_number_id in made.ids)
        lanes.join(silent, 1001)
        assert len(started(lanes, silent)) == 30
        lanes._time.seconds += 5.0
        lanes.join(other, 1002)
        assert lanes.acquire(other, 100) == 30


async def test_a_turn_whose_job_was_lost_is_given_again(tmp_path: Path) -> None:
    async with numbers(tmp_path, [400.0], stopped=True) as made:
        ctx, signals = made.here.running.ctx, list[str]()
        lanes, found = Lanes(ctx), await ctx.db.read(all_of)
        (lane,) = (lanes.of(each) for each in found if each.phone_number_id in made.ids)
        made.here.running.queue.on_signal = signals.append
        lanes.join(lane, 1001)
        lanes.advance(lane)
        lanes.check()
        await eventually(lambda: signals.count("complete") == 1)
        lanes._time.seconds += LOST_S + 0.1
        lanes.check()
        await eventually(lambda: signals.count("complete") == 2)


async def test_a_number_that_waits_for_places_of_others_is_woken_also_after_a_request_of_its_own(
    tmp_path: Path,
) -> None:
    """Its other requests may hang."""
    async with numbers(tmp_path, [400.0, 400.0], stopped=True, extra="[sender]\nmax_in_flight = 32") as made:
        ctx = made.here.running.ctx
        lanes, found = Lanes(ctx), await ctx.db.read(all_of)
        large, small = (lanes.of(each) for each in found if each.phone_number_id in made.ids)
        lanes.join(large, 1001)
        taken = started(lanes, large)
        lanes.join(small, 1002)
        own = started(lanes, small)
        for claim in taken[:4]:
            lanes.drop(large, claim)
        own += started(lanes, small, begin=100)
        assert (len(taken), len(own)) == (30, 12)
        lanes.advance(small)
        lanes.drop(small, own[0])
        assert small.turn is None, "all places are taken"
        for claim in taken[4:8]:
            lanes.drop(large, claim)
        assert small.turn == 1002


def started(lanes: Lanes, lane: Lane, begin: int = 0) -> list[Claim]:
    """As many requests of a number as it may have begin now."""
    ids = range(begin, begin + lanes.acquire(lane, 100))
    claims = [Claim(each, 1001, 1, 0, "+14155550123", None, None, 0) for each in ids]
    lanes.start(lane, claims)
    return claims


async def test_when_meta_hangs_for_one_number_the_others_go_on_and_its_hold_says_why(tmp_path: Path) -> None:
    async with numbers(tmp_path, [20.0, 20.0, 20.0]) as made:
        held, *others = [await made.send(number, 1000) for number in range(3)]
        await eventually(lambda: min(made.sent) >= 10)
        made.meta.hanging.add(made.ids[0])
        shown = await made.here.until(held, lambda b: (b["hold"] or {}).get("reason") == "no_answer")
        assert shown["hold"]["detail"].startswith("no answer from Meta for ")
        number = await made.state(0)
        assert number["hold"]["reason"] == "no_answer"
        assert number["in_flight"] <= 2 * 20 + 10
        status = await made.here.admin("status")
        assert {"no_answer"} == {each["reason"] for each in status["held"]}
        metrics = (await made.here.api.get("/metrics")).text
        assert f'wacrmd_number_blocked{{number="{made.ids[0]}",reason="no_answer"}} 1.0' in metrics
        doctor = await made.here.admin("doctor")
        assert any("no answer from Meta" in check["detail"] for check in doctor["checks"])
        before, taken = made.sent, made.sent[0]
        await eventually(lambda: min(made.sent[1:]) >= max(before[1:]) + 20)
        assert made.sent[0] <= taken + 4, "it does not send on"
        for other in others:
            assert (await made.here.show(other))["hold"] is None
        made.meta.release()
        await made.here.until(held, lambda b: b["hold"] is None)
        await reach(made, 0, made.sent[0] + 20)
        assert (await made.here.show(held))["uncertain_count"] == 0


@pytest.mark.exhaustive(only=True)
async def test_whatever_number_of_numbers_hangs_the_others_go_on(tmp_path: Path) -> None:
    """More requests hang together than may be in flight; Meta takes what the others send, and what begins to."""
    extra = "read_timeout_s = 3600\n[sender]\nmax_in_flight = 16"
    async with numbers(tmp_path, [20.0] * 11, extra=extra) as made:
        sent = [await made.send(number, 1000) for number in range(10)]
        await eventually(lambda: min(made.sent[:10]) >= 10)
        for first in (0, 3, 6):
            made.meta.hanging.update(made.ids[first : first + 3])
            for broadcast_id in sent[first : first + 3]:
                await made.here.until(broadcast_id, lambda b: (b["hold"] or {}).get("reason") == "no_answer")
        assert len(made.meta.held) > 16 + 16 // OVERCOMMIT + 16 // MARGIN
        fresh = await made.send(10, 1000)
        before = made.sent[9]
        await eventually(lambda: made.sent[9] >= before + 60 and made.sent[10] >= 40)
        for broadcast_id in (sent[9], fresh):
            assert (await made.here.show(broadcast_id))["hold"] is None
        doctor = await made.here.admin("doctor")
        assert not [check for check in doctor["checks"] if "connection" in check["detail"]]


async def test_when_too_many_requests_hang_that_is_told_and_no_silence_of_meta(tmp_path: Path) -> None:
    async with numbers(tmp_path, [20.0, 20.0], stopped=True, extra="[sender]\nmax_in_flight = 8") as made:
        ctx = made.here.running.ctx
        lanes, found = Lanes(ctx, most=8), await ctx.db.read(all_of)
        one, two = (each for each in found if each.phone_number_id in made.ids)
        hung, other = lanes.of(one), lanes.of(two)
        lanes.join(hung, 1001)
        requests = started(lanes, hung)
        while len(requests) < 8:
            lanes._time.seconds += 0.1
            made.clock.advance(100)
            requests += started(lanes, hung, begin=len(requests))
        lanes._time.seconds += 6.0
        lanes.join(other, 1002)
        lanes.check()
        assert lanes.acquire(other, 1) == 0
        lanes._time.seconds += 2.0
        state = lanes.state(two.id)
        assert state is not None
        assert state.hold is not None
        assert state.hold.reason == "no_free_connection"
        assert state.hold.detail.startswith("8 requests to Meta are under way, 8 of them without an answer")
        lanes.drop(hung, requests[0])
        lanes._time.seconds += 0.1
        assert other.turn == 1002
        state = lanes.state(two.id)
        assert state is not None
        assert state.hold is None


async def test_a_request_that_got_no_connection_is_no_silence_of_meta(tmp_path: Path) -> None:
    """It is sent a second later; the hold names the cause."""
    async with numbers(tmp_path, [20.0], stopped=True) as made:
        real, ctx = made.here.running.ctx.meta, made.here.running.ctx
        idle = MetaClient(
            "http://127.0.0.1:9", "v25.0", connect_timeout_s=1, read_timeout_s=1, max_connections=1
        )
        await idle.aclose()  # from now on it has no connection for anybody
        ctx.meta = idle
        broadcast_id = await made.send(0, 1)
        shown = await made.here.until(broadcast_id, lambda b: b["hold"])
        assert shown["hold"]["reason"] == "no_free_connection"
        assert (await made.state(0))["hold"]["reason"] == "no_free_connection"
        ctx.meta = real
        made.clock.advance(2 * SECOND)
        shown = await made.here.until(broadcast_id, lambda b: b["status"] == "sent")
        assert (shown["sent_count"], len(made.meta.messages)) == (1, 1)


@pytest.mark.exhaustive(only=True)
async def test_a_stall_of_the_daemon_is_not_told_as_one_of_meta(tmp_path: Path) -> None:
    async with numbers(tmp_path, [20.0]) as made:
        await made.send(0, 1000)
        await reach(made, 0, 10)
        made.meta.hanging.add(made.ids[0])
        (number,) = (
            each for each in await made.here.admin("number.list") if each["phone_number_id"] == made.ids[0]
        )
        await eventually(lambda: len(made.meta.held) >= 2)
        time.sleep(3.0)  # noqa: ASYNC251 - blocks the loop as a stopped process would
        state = made.here.running.sender.state(number["id"])
        assert state is not None
        assert state.in_flight >= 2
        assert state.hold is None, "answers that came meanwhile are not read yet"


@pytest.mark.exhaustive(only=True)
async def test_when_every_second_request_hangs_that_is_told_too(tmp_path: Path) -> None:
    async with numbers(tmp_path, [20.0]) as made:
        broadcast_id = await made.send(0, 1000)
        await reach(made, 0, 10)
        made.meta.hanging_share = 0.5
        shown = await made.here.until(broadcast_id, lambda b: (b["hold"] or {}).get("reason") == "no_answer")
        assert shown["pending_count"] > 0
        assert (await made.state(0))["in_flight"] <= 2 * 20 + 10


async def test_it_is_told_when_max_in_flight_slows_a_number_down(tmp_path: Path) -> None:
    async with numbers(tmp_path, [200.0], extra="[sender]\nmax_in_flight = 4", latency_s=0.2) as made:
        await made.send(0, 1000)
        await reach(made, 0, 30)
        here = made.here
        status = await here.admin("status")
        assert any("max_in_flight" in warning for warning in status["warnings"])
        metrics = (await here.api.get("/metrics")).text
        assert f'wacrmd_number_in_flight_limited{{number="{made.ids[0]}"}} 1.0' in metrics
        doctor = await here.admin("doctor")
        assert any("max_in_flight" in check["detail"] for check in doctor["checks"])
