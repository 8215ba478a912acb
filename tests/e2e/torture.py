"""Kills the real daemon again and again while it sends, then compares its database with Meta's ledger.

The daemon is a process of its own that gets SIGKILL at random moments, also while it starts. The simulated Meta
runs in this process and is never killed; it closes connections, hangs, sends half a response or 502, rejects and throttles.
It posts its webhooks early, late, twice, shuffled and in batches, and repeats them until they are accepted.

    python -m tests.e2e.torture --kills 300 --seed 1
"""

import argparse
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import httpx

from tests.e2e.process import Daemon
from tests.support.site import ACCESS_TOKEN, APP_SECRET, PHONE_NUMBER_ID, people
from wacrmd.domain.callback_token import parse_callback_token
from wacrmd.domain.recipient import STAGE, RecipientStatus
from wacrmd.errors import WacrmdError
from wacrmd.simulator import Options, Simulator

SETTLE_S = 150.0
RATE = 400
LONG = 50
"""From so many kills on, there is time for refusals that are tried again after half a minute."""
SLOW_CODE = 131000

NO_FAULTS: dict[str, Any] = {
    "error_share": 0.0,
    "close_before_share": 0.0,
    "close_after_share": 0.0,
    "half_answer_share": 0.0,
    "hang_share": 0.0,
    "bad_gateway_share": 0.0,
    "throttle_per_second": 0,
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
    {"latency_ms": 200, "latency_jitter_ms": 300},
    {},
)
"""What goes wrong at Meta for a while; the rest is as in NO_FAULTS."""


@dataclass
class Posted:
    """One POST of a client: its recipients, its idempotency key if any, and the responses."""

    key: str | None
    to: list[str]
    tries: int = 0
    broadcast_id: str | None = None
    refused: int | None = None


@dataclass
class Report:
    """What was done and found; `problems` is empty if every promise was kept."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    posts: int = 0
    repeated: int = 0
    unanswered: int = 0
    broadcasts: int = 0
    recipients: int = 0
    taken: int = 0
    final: Counter[str] = field(default_factory=Counter)
    issued: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    twice: int = 0
    duration_s: float = 0.0
    problems: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The report as text."""
        statuses = ", ".join(f"{name} {count}" for name, count in sorted(self.final.items()))
        issued = ", ".join(f"{name} {count}" for name, count in sorted(self.issued.items()))
        outcomes = ", ".join(f"{name} {count}" for name, count in sorted(self.outcomes.items()))
        kills = ", ".join(f"{count} while {name}" for name, count in sorted(self.kills.items()))
        lines = [
            f"seed {self.seed}, {self.duration_s:.0f} s",
            f"kills           {self.kills.total()} ({kills})",
            f"POSTs           {self.posts}, of these {self.repeated} repeated, {self.unanswered} never answered",
            f"broadcasts      {self.broadcasts} with {self.recipients} recipients",
            f"Meta's answers  {outcomes}",
            f"messages taken  {self.taken}",
            f"statuses posted {issued}",
            f"recipients now  {statuses}",
            "                (of the uncertain, Meta has no message)",
            f"lost            {self.lost}",
            f"sent twice      {self.twice}",
            f"wrong           {len(self.problems)}",
        ]
        return "\n".join(lines + [f"  {problem}" for problem in self.problems[:40]])


class Torture:
    """One run: starts and kills of the daemon, the clients' broadcasts, and the comparison at the end."""

    def __init__(self, folder: Path, sim: Simulator, kills: int, seed: int) -> None:
        self.daemon = Daemon(folder, sim, rate=RATE, read_timeout_s=1.5)
        self.folder = folder
        self.sim = sim
        self.kills = kills
        self.random = random.Random(seed)
        self.report = Report(seed)
        self.posted: list[Posted] = []
        self.paused: set[str] = set()
        self.faults = [faults for faults in FAULTS if kills >= LONG or faults.get("error_code") != SLOW_CODE]
        self._phones = 0
        sim.change(**NO_FAULTS)

    async def run(self) -> Report:
        """Kill as often as asked for, let all work finish, and compare."""
        began = time.monotonic()
        await self.daemon.set_up()
        await self.kill("idle")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.keep_posting)
            tasks.start_soon(self.keep_changing_faults)
            tasks.start_soon(self.keep_operating)
            for _ in range(self.kills):
                await self.start_and_kill()
            tasks.cancel_scope.cancel()
        self.sim.change(**NO_FAULTS)
        await self.end()
        self.report.duration_s = time.monotonic() - began
        return self.report

    # --- starts and kills ---------------------------------------------------------------------------------

    async def kill(self, doing: str) -> None:
        """SIGKILL; a daemon that had ended by itself is a finding."""
        ended = await self.daemon.kill()
        if ended is not None:
            self.report.problems.append(f"the daemon ended by itself with {ended} while {doing}")
        self.report.kills[doing] += 1

    async def start_and_kill(self) -> None:
        """Start the daemon and kill it after a random time: while it starts, while it recovers, or while it works."""
        self.daemon.start()
        if self.random.random() < 0.2:
            await anyio.sleep(self.random.uniform(0.0, 1.6))
            await self.kill("starting")
            return
        if not await self.daemon.ready():
            self.report.problems.append("the daemon was not ready in time")
            await self.kill("starting")
            return
        await anyio.sleep(self.random.choice((0.0, 0.02, 0.1, 0.3, 1.0, 2.0)) * (0.5 + self.random.random()))
        await self.kill("working")

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
            to = people(count, self._phones)
            self._phones += count
            posted = Posted(str(uuid4()) if self.random.random() < 0.5 else None, [p["to"] for p in to])
            self.posted.append(posted)
            body = {"template_name": "hello", "name": f"caller {caller}", "recipients": to}
            while posted.broadcast_id is None and posted.refused is None:
                await self.one_post(client, posted, body)
            await anyio.sleep(self.random.random() * 0.6)

    async def one_post(self, client: httpx.AsyncClient, posted: Posted, body: dict[str, Any]) -> None:
        headers = {"Idempotency-Key": posted.key} if posted.key else {}
        try:
            answer = await client.post("/api/v1/broadcasts", json=body, headers=headers)
        except httpx.ConnectError:
            await anyio.sleep(0.1)  # connection refused: nothing was posted
            return
        except httpx.HTTPError:
            posted.tries += 1
            await anyio.sleep(0.05)
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
        """An operator pauses and resumes broadcasts and the number."""
        while True:
            await anyio.sleep(self.random.uniform(0.2, 1.5))
            with suppress(WacrmdError, OSError):
                await self.operate()

    async def operate(self) -> None:
        accepted = [posted.broadcast_id for posted in self.posted[-30:] if posted.broadcast_id]
        if accepted and self.random.random() < 0.5:
            chosen = self.random.choice(accepted)
            self.paused.add(chosen)
            await self.daemon.admin("broadcast.pause", id=chosen)
        if self.random.random() < 0.2:
            await self.daemon.admin("number.pause", id=PHONE_NUMBER_ID)
        for broadcast_id in list(self.paused)[:2]:
            if self.random.random() < 0.5:
                await self.resume(broadcast_id)
        if self.random.random() < 0.7:
            await self.daemon.admin("number.resume", id=PHONE_NUMBER_ID)

    async def resume(self, broadcast_id: str) -> None:
        """Resume; a broadcast that is `sent` meanwhile gives a conflict, which is right."""
        try:
            await self.daemon.admin("broadcast.resume", id=broadcast_id)
        except WacrmdError as refusal:
            if "it is sent" not in str(refusal):
                raise
        self.paused.discard(broadcast_id)

    # --- the end ------------------------------------------------------------------------------------------

    async def end(self) -> None:
        """A last run without faults until everything is sent and all webhooks are accepted; then stop and compare."""
        self.daemon.start()
        if not await self.daemon.ready():
            self.report.problems.append("the daemon does not start any more")
            return
        for broadcast_id in list(self.paused):
            await self.resume(broadcast_id)
        await self.daemon.admin("number.resume", id=PHONE_NUMBER_ID)
        await self.settle()
        shown = await self.shown()
        if (ended := await self.daemon.stop()) != 0:
            self.report.problems.append(f"the last stop ended with {ended}")
        compare(self.folder / "wacrmd.db", self.sim, self.posted, shown, self.report)

    async def settle(self) -> None:
        """Wait until nothing is being sent and every webhook was accepted."""
        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline:
            status = await self.daemon.admin("status")
            if not status["broadcasts"] and not self.sim.poster.pending:
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


def compare(
    path: Path, sim: Simulator, posted: list[Posted], shown: dict[str, dict[str, Any]], report: Report
) -> None:
    """Compare the database with the ledger and with the responses to clients."""
    db = sqlite3.connect(path)
    problems = report.problems
    integrity = db.execute("PRAGMA integrity_check").fetchall()
    if integrity != [("ok",)]:
        problems.append(f"integrity_check says {integrity[:3]}")
    if dangling := db.execute("PRAGMA foreign_key_check").fetchall():
        problems.append(f"foreign_key_check says {dangling[:3]}")
    compare_posts(db, posted, report)
    compare_recipients(db, sim, report)
    compare_counts(db, shown, report)
    db.close()
    summary = sim.summary()
    report.issued = summary["webhooks"]["issued"]
    report.outcomes = summary["outcomes"]
    if summary["webhooks"]["given_up"]:
        problems.append(f"{summary['webhooks']['given_up']} webhooks were never taken")


def compare_posts(db: sqlite3.Connection, posted: list[Posted], report: Report) -> None:
    """A 202 means that the broadcast is stored whole; without a response, whole or not at all. A key made at most one."""
    people_of: dict[str, list[str]] = {}
    for uuid, to in db.execute(
        'SELECT b.uuid, r."to" FROM broadcast b LEFT JOIN recipient r ON r.broadcast_id = b.id ORDER BY r.id'
    ):
        people_of.setdefault(uuid, []).append(to)
    made: dict[str, list[str]] = {}
    for uuid, to in people_of.items():
        made.setdefault(to[0], []).append(uuid)
    report.broadcasts = len(people_of)
    report.posts = sum(post.tries for post in posted)
    for post in posted:
        report.repeated += max(0, post.tries - 1)
        report.unanswered += post.tries > 0 and post.broadcast_id is None
        uuids = made.get(post.to[0], [])
        if post.broadcast_id is not None and post.broadcast_id not in uuids:
            report.lost += len(post.to)
            report.problems.append(f"broadcast {post.broadcast_id} was answered 202 and is not there")
        if len(uuids) > (1 if post.key else post.tries):
            report.problems.append(f"{post.tries} POSTs with key {post.key} made {len(uuids)} broadcasts")
        for uuid in uuids:
            if people_of[uuid] != post.to:
                report.problems.append(
                    f"broadcast {uuid} has {len(people_of[uuid])} of {len(post.to)} people"
                )


def compare_recipients(db: sqlite3.Connection, sim: Simulator, report: Report) -> None:
    """Each recipient has at most one message and the status of its webhooks, and none is pending."""
    taken: dict[tuple[str, int], list[Any]] = {}
    for entry in sim.ledger.entries:
        token = parse_callback_token(entry.send.callback_data or "")
        if token is None:
            report.problems.append(f"a message without our token: {entry.send.callback_data}")
        else:
            taken.setdefault(token[:2], []).append(entry)
    report.taken = len(sim.ledger)
    known = set()
    for uuid, recipient_id, to, status, wamid, title, code in db.execute(
        'SELECT b.uuid, r.id, r."to", r.status, r.wamid, r.error_title, r.error_code FROM recipient r'
        " JOIN broadcast b ON b.id = r.broadcast_id"
    ):
        report.recipients += 1
        report.final[status] += 1
        known.add((uuid, recipient_id))
        entries = taken.get((uuid, recipient_id), [])
        who = f"recipient {recipient_id} of {uuid} ({status})"
        if len(entries) > 1:
            report.twice += 1
            report.problems.append(f"{who} was sent {len(entries)} messages")
        if status in ("pending", "sending"):
            report.lost += 1
            report.problems.append(f"{who} still waits")
        elif not entries and not (status in ("failed", "uncertain") and title):
            report.lost += status in STAGE
            report.problems.append(f"{who} has no message and no reason")
        elif entries and expected(entries[0].statuses) != status:
            posted = ", ".join(entries[0].statuses)
            report.problems.append(f"{who}, but Meta posted: {posted}; error {code} {title}")
        elif entries and (entries[0].send.input != to or entries[0].wamid != wamid):
            report.problems.append(f"{who} has wamid {wamid}, the ledger {entries[0].wamid}")
    if unknown := set(taken) - known:
        report.problems.append(f"messages for recipients that are not there: {sorted(unknown)[:3]}")


def expected(posted: tuple[str, ...]) -> str:
    """The status after these webhooks, in any order."""
    names = {"reply": "replied", "tap": "replied"}
    statuses = [RecipientStatus(names.get(status, status)) for status in posted]
    stages = [status for status in statuses if status in STAGE]
    best = max(stages, key=STAGE.__getitem__, default=None)
    if RecipientStatus.FAILED in statuses and (best is None or best is RecipientStatus.SENT):
        return RecipientStatus.FAILED
    return best or "no status"


def compare_counts(db: sqlite3.Connection, shown: dict[str, dict[str, Any]], report: Report) -> None:
    """The API's counts are those of the rows, the status is `sent`, and there is no hold."""
    rows: dict[str, Counter[str]] = {}
    for uuid, status, count in db.execute(
        "SELECT b.uuid, r.status, count(*) FROM broadcast b JOIN recipient r ON r.broadcast_id = b.id GROUP BY 1, 2"
    ):
        rows.setdefault(uuid, Counter())[status] = count
    for uuid, counts in rows.items():
        api = shown.get(uuid)
        if api is None:
            report.problems.append(f"broadcast {uuid} is not listed by the API")
            continue
        ladder = ("sent", "delivered", "read", "replied")
        wanted = {
            f"{stage}_count": sum(counts[above] for above in ladder[index:])
            for index, stage in enumerate(ladder)
        }
        wanted |= {f"{status}_count": counts[status] for status in ("failed", "uncertain", "cancelled")}
        wanted |= {"total_recipients": counts.total(), "pending_count": 0}
        wrong = {name: (api[name], value) for name, value in wanted.items() if api[name] != value}
        if wrong or api["status"] != "sent" or api["hold"] is not None:
            report.problems.append(
                f"broadcast {uuid} is {api['status']}, wrong counts (shown, true): {wrong}"
            )


async def torture(kills: int, seed: int, folder: Path) -> Report:
    """One run in `folder`."""
    options = Options(
        app_secret=APP_SECRET,
        access_token=ACCESS_TOKEN,
        keep_bodies=False,
        seed=seed,
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
    async with Simulator.running(options) as sim:
        run = Torture(folder, sim, kills, seed)
        try:
            return await run.run()
        finally:
            await run.daemon.kill()


def main() -> int:
    """The command: exit code 0 when every promise held."""
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wacrmd-torture-"))
    report = anyio.run(torture, chosen.kills, chosen.seed, folder, backend_options={"use_uvloop": True})
    sys.stdout.write(report.text() + "\n")
    if report.problems:
        sys.stdout.write(f"database and log are kept in {folder}\n")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
