"""One run: the lives of a daemon, the clients' broadcasts, Meta's faults, and the comparison at the end."""

import random
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

import anyio
import httpx

from tests.e2e.torture.again import Again
from tests.e2e.torture.bill import PRICE_LIST, spent
from tests.e2e.torture.compare import Shown, compare
from tests.e2e.torture.crowd import Crowd
from tests.e2e.torture.drafts import Drafts
from tests.e2e.torture.files import Files
from tests.e2e.torture.machine import FAKETIME, Machine
from tests.e2e.torture.meta import FAULTS, LONG, NO_FAULTS, OPTIONS, SLOW_CODE
from tests.e2e.torture.mishaps import Mishaps
from tests.e2e.torture.operator import Operator
from tests.e2e.torture.plans import Plans
from tests.e2e.torture.programs import Programs
from tests.e2e.torture.report import Posted, Report
from tests.e2e.torture.singles import Singles
from tests.e2e.torture.sums import Statistics, statistics
from tests.support.patience import eventually_told
from wacrmd.simulator import Simulator

SETTLE_S = 150.0
"""For so long at most nothing may move in the end: refusals are tried again after minutes."""
NIGHTS = (0.6, 0.75, 0.9)
"""After which shares of the kills of a long run a day passes. From then on each start takes a second more, because a process
with another time cannot be a fork."""
RATE = 400
PROGRESS_S = 10.0


class Torture:
    """One run. `progress` is told from time to time what has been done so far."""

    def __init__(
        self, folder: Path, sim: Simulator, kills: int, seed: int, progress: TextIO | None = None
    ) -> None:
        self.daemon = Machine(folder, sim, rate=RATE, read_timeout_s=1.5)
        self.folder = folder
        self.sim = sim
        self.kills = kills
        self.random = random.Random(seed)
        self.progress = progress
        self.report = Report(seed)
        self.mishaps = Mishaps(self.daemon, self.random, self.report.problems)
        self.report.skipped = self.mishaps.skipped
        self.posted: list[Posted] = []
        self.faults = [faults for faults in FAULTS if kills >= LONG or faults.get("error_code") != SLOW_CODE]
        self._stage = anyio.CancelScope()
        """What is being done, and ends at a signal."""
        self.crowd = Crowd(self.random)
        self.plans = Plans(self.daemon, sim, self.random)
        self.operator = Operator(self.daemon, self.random, self.posted, self.plans, self.report)
        self.again = Again(self.daemon, self.random, self.posted, self.report)
        self.files = Files(self.report.problems)
        self.drafts = Drafts(self.daemon, self.random, self.posted, self.crowd.new, self.plans)
        self.programs = Programs(self.daemon, self.random, self.posted, self.crowd.new, self.report)
        self.singles = Singles(self.daemon, self.random, self.posted, self.crowd, self.report)
        self._tell_at = 0.0
        sim.change(**NO_FAULTS)

    async def run(self) -> Report:
        """Kill as often as asked for, let all work finish, and compare.

        SIGINT or SIGTERM ends the kills, and a second one the wait for the end: then with what there is by then.
        """
        began = time.monotonic()
        async with anyio.create_task_group() as watch:
            watch.start_soon(self.end_at_signals)
            with self.report.ends_early("the harness ended early"), self._stage:
                await self.lives(began)
            await self.daemon.kill()
            self.sim.change(**NO_FAULTS)
            shown: Shown | None = None
            with self.report.ends_early("the end was not reached"):
                with anyio.CancelScope() as self._stage:
                    shown = await self.end()
                if shown is None:
                    self.report.problems.append("the end was not reached: a second signal came")
            if (ended := await self.daemon.stop()) != 0:
                self.report.problems.append(f"the last stop ended with {ended}")
            watch.cancel_scope.cancel()
        if (self.folder / "wacrmd.db").exists():
            opted_out = self.again.opted_out
            compare(self.folder / "wacrmd.db", self.sim, self.posted, opted_out, shown, self.report)
        if not (self.report.problems or self.report.ended_by or self.report.taken):
            self.report.problems.append("no message was sent: nothing was tried")
        self.report.duration_s = time.monotonic() - began
        return self.report

    async def lives(self, began: float) -> None:
        """One life of the daemon after another, under load."""
        await self.daemon.set_up()
        await self.daemon.admin("template.sync")
        await self.daemon.admin("price.import", csv=PRICE_LIST)
        await self.plans.raise_limit()
        await self.daemon.kill()
        self.report.kills["idle"] += 1
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.keep_posting)
            tasks.start_soon(self.keep_changing_faults)
            tasks.start_soon(self.operator.keep_operating)
            tasks.start_soon(self.again.keep_asking)
            tasks.start_soon(self.drafts.keep_drafting)
            tasks.start_soon(self.programs.keep_filling)
            tasks.start_soon(self.singles.keep_sending)
            for life in range(1, self.kills + 1):
                await self.one_life()
                self.tell(began)
                if self.kills >= LONG and life in {round(share * self.kills) for share in NIGHTS}:
                    self.let_a_night_pass()
            tasks.cancel_scope.cancel()

    def let_a_night_pass(self) -> None:
        """The daemon is off until tomorrow, where that can be."""
        if FAKETIME is not None:
            self.daemon.sleep_until_tomorrow()
            self.report.nights += 1

    async def end_at_signals(self) -> None:
        """Each SIGINT or SIGTERM ends what is being done."""
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for number in signals:
                self.report.ended_by = signal.Signals(number).name
                self._stage.cancel()

    def tell(self, began: float) -> None:
        """What was done so far, every few seconds."""
        now = time.monotonic()
        if self.progress is not None and now >= self._tell_at:
            self._tell_at = now + PROGRESS_S
            report, accepted = self.report, sum(post.broadcast_id is not None for post in self.posted)
            self.progress.write(
                f"{now - began:.0f} s: {report.kills.total()} of {self.kills + 1} kills, {accepted} broadcasts,"
                f" {self.crowd.count} recipients, {len(self.sim.ledger)} messages, {len(report.problems)} problems\n"
            )
            self.progress.flush()

    # --- lives of the daemon ------------------------------------------------------------------------------

    async def one_life(self) -> None:
        """Start the daemon, let something happen to it, and kill it: as it starts, recovers or works."""
        mishap, life = self.mishaps.choose()
        async with life:
            doing = await self.live()
        self.report.kills[doing] += 1
        self.report.mishaps[mishap] += 1

    async def live(self) -> str:
        """A random time of a daemon's life; what it was doing at its end."""
        if self.random.random() < 0.2:
            await anyio.sleep(self.random.uniform(0.0, 1.6))
            return "starting"
        if not await self.daemon.ready():
            self.report.problems.append("the daemon was not ready in time")
            return "starting"
        await anyio.sleep(self.random.choice((0.0, 0.02, 0.1, 0.3, 1.0, 2.0)) * (0.5 + self.random.random()))
        return "working"

    # --- load, faults, operators ----------------------------------------------------------------------------

    async def keep_posting(self) -> None:
        """Several callers, each posting one broadcast after another."""
        async with self.daemon.client() as client, anyio.create_task_group() as tasks:
            for caller in range(3):
                tasks.start_soon(self.one_caller, client, caller)

    async def one_caller(self, client: httpx.AsyncClient, caller: int) -> None:
        """Repeat a POST only if no response came; half of them have an Idempotency-Key."""
        while True:
            count = self.random.choice((1, 5, 20, 60))
            to = self.crowd.new(count)
            posted = Posted(str(uuid4()) if self.random.random() < 0.5 else None, [p["to"] for p in to])
            self.posted.append(posted)
            body = {
                "template_name": "hello",
                "name": f"caller {caller}",
                "recipients": to,
                **self.plans.some(),
            }
            if self.random.random() < 0.2:
                body |= await self.files.picture(client) or {}
            while posted.broadcast_id is None and posted.refused is None:
                await self.one_post(client, posted, body)
            await anyio.sleep(self.random.random() * 0.6)

    async def one_post(self, client: httpx.AsyncClient, posted: Posted, body: dict[str, Any]) -> None:
        headers = {"Idempotency-Key": posted.key} if posted.key else {}
        posted.tries += 1  # before: the run may end meanwhile
        with self.report.may_fail(httpx.HTTPError) as call:
            answer = await client.post("/api/v1/broadcasts", json=body, headers=headers)
        if call.error is not None:
            if isinstance(call.error, httpx.ConnectError):  # after any other error it may have been posted
                posted.tries -= 1
            await anyio.sleep(0.05)
            return
        if answer.status_code == 503:  # as while the file is away: nothing of it may be stored
            posted.tries -= 1
            await anyio.sleep(0.2)
            return
        if answer.status_code == 202:
            posted.broadcast_id = answer.json()["data"]["broadcast_id"]
        else:
            posted.refused = answer.status_code
            self.report.problems.append(f"a POST was answered {answer.status_code}: {answer.text[:200]}")

    async def keep_changing_faults(self) -> None:
        """Meta behaves differently every second or so; the second message to somebody fares differently, too."""
        while True:
            self.sim.change(**(NO_FAULTS | self.random.choice(self.faults)), seed=self.random.randrange(1000))
            await anyio.sleep(self.random.uniform(0.3, 2.0))

    # --- the end ------------------------------------------------------------------------------------------

    async def end(self) -> Shown:
        """Lives without faults, until everything is sent and all webhooks are accepted; what the API shows then.

        Days pass between them, until no rule sends again any more.
        """
        await self.begin_the_end()
        await self.operator.resume_all()
        await self.plans.lift_limit()
        await self.settle()
        if await self.again.retry_uncertain():
            await self.settle()
        return await self.shown()

    async def begin_the_end(self) -> None:
        """Start the daemon."""
        self.daemon.start()
        if not await self.daemon.ready():
            raise RuntimeError("the daemon does not start any more")

    async def settle(self) -> None:
        """Wait until nothing is being sent and every webhook was accepted, day after day."""
        deadline = time.monotonic() + SETTLE_S
        before = None
        while time.monotonic() < deadline:
            drafts_settled = (
                await self.drafts.settled() and await self.programs.settled()
            )  # then they are broadcasts
            await self.plans.let_pass()
            waiting = await self.unfinished()
            now = (
                sum(each["pending_count"] for each in waiting),
                len(self.sim.ledger),
                self.sim.poster.pending,
            )
            if now != before:  # a busy machine takes its time
                before, deadline = now, time.monotonic() + SETTLE_S
            if drafts_settled and not self.sim.poster.pending:
                if not waiting:
                    return
                if FAKETIME is not None and all(_waits_for_a_day(each) for each in waiting):
                    await self.daemon.kill()
                    self.let_a_night_pass()
                    await self.begin_the_end()
            await anyio.sleep(0.2)
        found = [(each["id"], each["status"], each["pending_count"], each["hold"]) for each in waiting]
        self.report.problems.append(
            f"nothing has moved for {SETTLE_S:.0f} s: {found[:5]}, {self.sim.poster.pending} webhooks pending"
        )

    async def unfinished(self) -> list[dict[str, Any]]:
        """Broadcasts and single messages that are not finished."""
        found: list[dict[str, Any]] = (await self.daemon.admin("status"))["broadcasts"]
        return found

    async def shown(self) -> Shown:
        """Everything as the API shows it."""
        async with self.daemon.client() as client:
            return Shown(
                broadcasts={each["id"]: each for each in await _listed(client, "/api/v1/broadcasts")},
                messages={each["message_id"]: each for each in await _listed(client, "/api/v1/messages")},
                spent=await spent(client),
                statistics=await _summed(client),
            )


def _waits_for_a_day(broadcast: dict[str, Any]) -> bool:
    return broadcast["hold"] is not None and broadcast["hold"]["reason"] == "waiting_for_retry"


async def _listed(client: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        query = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
        answer = (await client.get(path, params=query)).json()
        found += answer["data"]
        cursor = answer["meta"]["next_cursor"]
        if cursor is None:
            return found


async def _summed(client: httpx.AsyncClient) -> Statistics:
    """The statistics, once all broadcasts are summed up."""
    found: Statistics | None = None

    async def are_whole() -> bool:
        nonlocal found
        found = await statistics(client)
        return found is not None

    await eventually_told(are_whole)
    assert found is not None
    return found


async def torture(kills: int, seed: int, folder: Path, progress: TextIO | None = None) -> Report:
    """One run in `folder`; `progress` is told what has been done so far."""
    async with Simulator.running(replace(OPTIONS, seed=seed)) as sim:
        run = Torture(folder, sim, kills, seed, progress)
        try:
            return await run.run()
        finally:
            await run.daemon.kill()
