"""One run: the lives of a daemon, the clients' broadcasts, Meta's faults, and the comparison at the end."""

import random
import signal
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

import anyio
import httpx

from tests.e2e.process import Daemon
from tests.e2e.torture.compare import compare
from tests.e2e.torture.drafts import Drafts
from tests.e2e.torture.files import TEMPLATE, Files
from tests.e2e.torture.mishaps import Mishaps
from tests.e2e.torture.plans import Plans
from tests.e2e.torture.programs import Programs
from tests.e2e.torture.report import Posted, Report
from tests.support.site import ACCESS_TOKEN, APP_SECRET, PHONE_NUMBER_ID, people
from wacrmd.errors import WacrmdError
from wacrmd.simulator import Options, Simulator

SETTLE_S = 150.0
RATE = 400
LONG = 50
"""From so many kills on, there is time for refusals that are tried again after half a minute."""
SLOW_CODE = 131000
PROGRESS_S = 10.0
ROUTES = ("auto", "messages", "marketing_messages")
"""Where marketing templates go; Meta takes them on both ways."""

NO_FAULTS: dict[str, Any] = {
    "error_share": 0.0,
    "close_before_share": 0.0,
    "close_after_share": 0.0,
    "half_answer_share": 0.0,
    "hang_share": 0.0,
    "bad_gateway_share": 0.0,
    "throttle_per_second": 0,
    "media_close_share": 0.0,
    "latency_ms": 5,
    "latency_jitter_ms": 20,
}

FAULTS: tuple[dict[str, Any], ...] = (
    {"close_after_share": 0.03, "half_answer_share": 0.02, "close_before_share": 0.02},
    {"bad_gateway_share": 0.03, "bad_gateway_taken": True, "hang_share": 0.01},
    {"bad_gateway_share": 0.03, "bad_gateway_taken": False, "hang_share": 0.01},
    {"error_share": 0.1, "error_code": 131056},
    {"error_share": 0.05, "error_code": 131026},
    {"error_share": 0.02, "error_code": SLOW_CODE},
    {"throttle_per_second": 60},
    {"media_close_share": 0.5},
    {"latency_ms": 200, "latency_jitter_ms": 300},
    {},
)
"""What goes wrong at Meta for a while; the rest is as in NO_FAULTS."""


class Torture:
    """One run. `progress` is told from time to time what has been done so far."""

    def __init__(
        self, folder: Path, sim: Simulator, kills: int, seed: int, progress: TextIO | None = None
    ) -> None:
        self.daemon = Daemon(folder, sim, rate=RATE, read_timeout_s=1.5)
        self.folder = folder
        self.sim = sim
        self.kills = kills
        self.random = random.Random(seed)
        self.progress = progress
        self.report = Report(seed)
        self.mishaps = Mishaps(self.daemon, self.random, self.report.problems)
        self.report.skipped = self.mishaps.skipped
        self.posted: list[Posted] = []
        self.paused: set[str] = set()
        self.faults = [faults for faults in FAULTS if kills >= LONG or faults.get("error_code") != SLOW_CODE]
        self._stage = anyio.CancelScope()
        """What is being done, and ends at a signal."""
        self._phones = 0
        self.plans = Plans(self.daemon, sim, self.random)
        self.files = Files(self.report.problems)
        self.drafts = Drafts(self.daemon, self.random, self.posted, self.new_people, self.plans)
        self.programs = Programs(self.daemon, self.random, self.posted, self.new_people, self.report)
        self._tell_at = 0.0
        sim.change(**NO_FAULTS)

    async def run(self) -> Report:
        """Kill as often as asked for, let all work finish, and compare.

        SIGINT or SIGTERM ends the kills, and a second one the wait for the end: then with what there is by then.
        """
        began = time.monotonic()
        async with anyio.create_task_group() as watch:
            watch.start_soon(self.end_at_signals)
            try:
                with self._stage:
                    await self.lives(began)
            except Exception:  # noqa: BLE001 - what was measured until now is worth more than the rest of the run
                self.report.problems.append(f"the harness ended early:\n{traceback.format_exc()}")
            await self.daemon.kill()
            self.sim.change(**NO_FAULTS)
            shown: dict[str, dict[str, Any]] | None = None
            try:
                with anyio.CancelScope() as self._stage:
                    shown = await self.end()
                if shown is None:
                    self.report.problems.append("the end was not reached: a second signal came")
            except Exception:  # noqa: BLE001 - as above
                self.report.problems.append(f"the end was not reached:\n{traceback.format_exc()}")
            if (ended := await self.daemon.stop()) != 0:
                self.report.problems.append(f"the last stop ended with {ended}")
            watch.cancel_scope.cancel()
        if (self.folder / "wacrmd.db").exists():
            compare(self.folder / "wacrmd.db", self.sim, self.posted, shown, self.report)
        if not (self.report.problems or self.report.ended_by or self.report.taken):
            self.report.problems.append("no message was sent: nothing was tried")
        self.report.duration_s = time.monotonic() - began
        return self.report

    async def lives(self, began: float) -> None:
        """One life of the daemon after another, under load."""
        await self.daemon.set_up()
        await self.daemon.admin("template.sync")
        await self.plans.raise_limit()
        await self.daemon.kill()
        self.report.kills["idle"] += 1
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.keep_posting)
            tasks.start_soon(self.keep_changing_faults)
            tasks.start_soon(self.keep_operating)
            tasks.start_soon(self.drafts.keep_drafting)
            tasks.start_soon(self.programs.keep_filling)
            for _ in range(self.kills):
                await self.one_life()
                self.tell(began)
            tasks.cancel_scope.cancel()

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
                f" {self._phones} recipients, {len(self.sim.ledger)} messages, {len(report.problems)} problems\n"
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
            to = self.new_people(count)
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

    def new_people(self, count: int) -> list[dict[str, Any]]:
        """People whom no other broadcast names."""
        first, self._phones = self._phones, self._phones + count
        return people(count, first)

    async def one_post(self, client: httpx.AsyncClient, posted: Posted, body: dict[str, Any]) -> None:
        headers = {"Idempotency-Key": posted.key} if posted.key else {}
        try:
            answer = await client.post("/api/v1/broadcasts", json=body, headers=headers)
        except httpx.ConnectError:
            await anyio.sleep(0.1)  # connection refused: nothing was posted
            return
        except Exception as error:  # noqa: BLE001 - a library may trip over a peer that dies; it may have been posted
            if not isinstance(error, httpx.HTTPError):
                self.report.client_errors[f"{type(error).__name__}: {error}"] += 1
            posted.tries += 1
            await anyio.sleep(0.05)
            return
        if answer.status_code == 503:  # as while the file is away: nothing of it may be stored
            await anyio.sleep(0.2)
            return
        posted.tries += 1
        if answer.status_code == 202:
            posted.broadcast_id = answer.json()["data"]["broadcast_id"]
        else:
            posted.refused = answer.status_code
            self.report.problems.append(f"a POST was answered {answer.status_code}: {answer.text[:200]}")

    async def keep_changing_faults(self) -> None:
        """Meta behaves differently every second or so."""
        while True:
            self.sim.change(**(NO_FAULTS | self.random.choice(self.faults)))
            await anyio.sleep(self.random.uniform(0.3, 2.0))

    async def keep_operating(self) -> None:
        """An operator pauses and resumes broadcasts and the number, and raises its limit."""
        while True:
            await anyio.sleep(self.random.uniform(0.2, 1.5))
            try:
                await self.operate()
            except (WacrmdError, OSError):
                pass
            except Exception as error:  # noqa: BLE001 - as in one_post
                self.report.client_errors[f"{type(error).__name__}: {error}"] += 1

    async def operate(self) -> None:
        accepted = [posted.broadcast_id for posted in self.posted[-30:] if posted.broadcast_id]
        if accepted and self.random.random() < 0.5:
            chosen = self.random.choice(accepted)
            self.paused.add(chosen)
            await self.daemon.admin("broadcast.pause", id=chosen)
        if self.random.random() < 0.4:
            route = self.random.choice(ROUTES)
            await self.daemon.admin("account.set", name="shop", marketing_route=route)
        if self.random.random() < 0.5:
            await self.plans.raise_limit()
        if self.random.random() < 0.5:
            await self.plans.let_pass()
        if self.random.random() < 0.2:
            await self.daemon.admin("number.pause", id=PHONE_NUMBER_ID)
        for broadcast_id in list(self.paused)[:2]:
            if self.random.random() < 0.5:
                await self.resume(broadcast_id)
        if self.random.random() < 0.7:
            await self.daemon.admin("number.resume", id=PHONE_NUMBER_ID)

    async def resume(self, broadcast_id: str) -> None:
        """Resume; one that is `sent` meanwhile, or a draft that is still prepared, gives a conflict, which is right."""
        try:
            await self.daemon.admin("broadcast.resume", id=broadcast_id)
        except WacrmdError as refusal:
            if not any(words in str(refusal) for words in ("it is sent", "it is a draft")):
                raise
        self.paused.discard(broadcast_id)

    # --- the end ------------------------------------------------------------------------------------------

    async def end(self) -> dict[str, dict[str, Any]]:
        """A last life without faults, until everything is sent and all webhooks are accepted; what the API shows then."""
        self.daemon.start()
        if not await self.daemon.ready():
            raise RuntimeError("the daemon does not start any more")
        for broadcast_id in list(self.paused):
            await self.resume(broadcast_id)
        await self.daemon.admin("number.resume", id=PHONE_NUMBER_ID)
        await self.plans.lift_limit()
        await self.settle()
        return await self.shown()

    async def settle(self) -> None:
        """Wait until nothing is being sent and every webhook was accepted."""
        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline:
            drafts_settled = (
                await self.drafts.settled() and await self.programs.settled()
            )  # then they are broadcasts
            await self.plans.let_pass()
            status = await self.daemon.admin("status")
            if drafts_settled and not status["broadcasts"] and not self.sim.poster.pending:
                return
            await anyio.sleep(0.2)
        waiting = [(b["id"], b["status"], b["pending_count"], b["hold"]) for b in status["broadcasts"]]
        self.report.problems.append(
            f"not at its end after {SETTLE_S:.0f} s: {waiting[:5]}, {self.sim.poster.pending} webhooks pending"
        )

    async def shown(self) -> dict[str, dict[str, Any]]:
        """Every broadcast as the API shows it."""
        found: dict[str, dict[str, Any]] = {}
        async with self.daemon.client() as client:
            cursor: str | None = None
            while True:
                query = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
                answer = (await client.get("/api/v1/broadcasts", params=query)).json()
                found |= {broadcast["id"]: broadcast for broadcast in answer["data"]}
                cursor = answer["meta"]["next_cursor"]
                if cursor is None:
                    return found


OPTIONS = Options(
    app_secret=APP_SECRET,
    access_token=ACCESS_TOKEN,
    keep_bodies=False,
    templates=(
        {
            "name": "hello",
            "language": "en_US",
            "category": "MARKETING",
            "components": [{"type": "BODY", "text": "Hello {{1}}"}],
        },
        TEMPLATE,
    ),
    check_media=True,
    marketing_onboarding="ONBOARDED",
    failed_share=0.05,
    failed_codes=(131026, 131049),
    delivered_share=0.9,
    read_share=0.6,
    replied_share=0.3,
    early_share=0.3,
    twice_share=0.3,
    shuffle=True,
    batch=20,
    batch_wait_ms=30,
    late_ms=300,
    webhook_backoff_s=0.3,
    webhook_timeout_s=5,
)
"""How the simulated Meta behaves, beside its faults."""


async def torture(kills: int, seed: int, folder: Path, progress: TextIO | None = None) -> Report:
    """One run in `folder`; `progress` is told what has been done so far."""
    async with Simulator.running(replace(OPTIONS, seed=seed)) as sim:
        run = Torture(folder, sim, kills, seed, progress)
        try:
            return await run.run()
        finally:
            await run.daemon.kill()
