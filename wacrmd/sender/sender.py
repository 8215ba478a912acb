"""The sender: claims due recipients, keeps to the number's rate, sends each message once, has the result recorded.

A job `send_broadcast` occupies a worker only to claim: it claims what its number may send now, from the broadcasts
whose turns are next, starts the requests and ends. Requests are tasks of the sender's own, so nothing waits for the
slowest one. When the number may send again, its lane enqueues the job of the broadcast whose turn it is
(`sender/lanes.py`).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import anyio
from structlog.contextvars import bound_contextvars

from wacrmd.clock import MINUTE, Millis
from wacrmd.domain.attempt import AttemptResult, Claim
from wacrmd.domain.marketing_route import Route
from wacrmd.domain.throughput import ThroughputState
from wacrmd.errors import Refusal
from wacrmd.log import get_logger
from wacrmd.sender.attempt import Attempts
from wacrmd.sender.circuit_breaker import CircuitBreaker, CircuitBreakers
from wacrmd.sender.claim import Claimed, Share, TurnClaim
from wacrmd.sender.crashes import Crashes
from wacrmd.sender.job import Job, load_jobs
from wacrmd.sender.lane import Lane
from wacrmd.sender.lanes import Lanes
from wacrmd.sender.leases import expire_leases
from wacrmd.sender.pace import Pace
from wacrmd.sender.recorder import Recorder
from wacrmd.sender.requests import Requests
from wacrmd.services import pausing
from wacrmd.services.context import Context
from wacrmd.store.outage import StorageError

MAX_CLAIM = 500
"""Recipients that one job claims at most."""
MAX_BROADCASTS = 50
"""Broadcasts that one job claims from at most: the transaction stays short."""
LOOK_AGAIN: Millis = 1 * MINUTE
"""How long a broadcast is set aside at most: what it waits for may come sooner, as a limit that is raised."""
STUCK_CHECK_S = 0.2
"""How often a drain looks whether what it waits for can still happen."""

log = get_logger(__name__)


class Sender:
    """All sending of the daemon; implements `services.context.Throughput`."""

    def __init__(self) -> None:
        self._ctx: Context
        self._requests = Requests()
        self._recorder: Recorder
        self._lanes: Lanes
        self._jobs: dict[int, tuple[Job, Lane]] = {}
        """Broadcasts in a line, or that wait for a result: as they were read, and their lane."""
        self._breakers = CircuitBreakers()
        self._paces: dict[int, Pace] = {}
        """Of broadcasts that are sent more slowly than their number may."""
        self._unrecorded: set[tuple[int, int]] = set()
        """Attempts, as (recipient id, attempt), that are in flight or whose result is not recorded yet."""
        self._crashes: Crashes
        self._attempts: Attempts
        self._in_flight = 0
        self._all_ended: anyio.Event | None = None
        """Set when no request is in flight any more, if somebody waits for that."""
        self._stopping = False

    @asynccontextmanager
    async def open(self, ctx: Context) -> AsyncIterator["Sender"]:
        """Send until the block ends. Requests that are in flight then are cancelled, and their attempts expire."""
        self._ctx = ctx
        self._recorder = Recorder(ctx, self._recorded, lambda: self._in_flight)
        self._lanes = Lanes(ctx)
        self._crashes = Crashes(ctx)
        self._attempts = Attempts(ctx)
        async with anyio.create_task_group() as recording:
            recording.start_soon(self._recorder.run)
            recording.start_soon(self._lanes.keep_time)
            try:
                yield self
            finally:
                self._stopping = True
                self._lanes.stop()
                with anyio.CancelScope(shield=True):
                    await self._requests.cancel()
            recording.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            if await self._recorder.flush():
                with suppress(StorageError):  # else the next start expires them
                    await self.expire_all_leases()

    @property
    def in_flight(self) -> int:
        """Requests that are in flight or whose result is not recorded yet."""
        return self._in_flight

    def state(self, number_id: str) -> ThroughputState | None:
        """How fast the number sends now; None when it has had no work since the start."""
        return self._lanes.state(number_id)

    def is_in_line(self, broadcast_id: int) -> bool:
        """Whether the broadcast waits for its turn: then it need not be enqueued."""
        return broadcast_id in self._jobs

    def next_at(self, broadcast_id: int) -> Millis | None:
        """When a broadcast with a pace of its own, less than one message a minute, sends the next one; None: it moves."""
        pace, now = self._paces.get(broadcast_id), self._ctx.clock.monotonic()
        is_waiting = pace is not None and pace.is_slow and not pace.free(now)
        return self._ctx.clock.time_of(now + pace.wait(now)) if pace is not None and is_waiting else None

    def throttle(self, number_id: str, detail: str) -> None:
        """Lower the number's rate: Meta reports that it sends too fast."""
        self._lanes.throttle(number_id, detail)

    def reset(self, number_id: str) -> None:
        """Unblock the number, and reset the failure streaks; requests in flight are completed."""
        self._lanes.unblock(number_id)
        self._breakers.reset_streaks()

    def set_rate(self, number_id: str, rate: float) -> None:
        """Let the number send this many messages per second from now on, also in a broadcast that is being sent."""
        self._lanes.set_rate(number_id, rate)

    async def check_lanes(self) -> None:
        """Advance numbers that nothing else wakes, such as after a job was lost; a periodic job."""
        self._lanes.check()
        now = self._ctx.clock.monotonic()
        for broadcast_id, pace in list(self._paces.items()):
            if broadcast_id not in self._jobs and pace.free(now):  # a new one would let as much go
                del self._paces[broadcast_id]

    async def drain(self, seconds: float) -> bool:
        """Claim no more and wait for requests in flight; True when all were answered in time.

        Results that a damaged or lost file does not take are not waited for: no time mends that.
        """
        self._stopping = True
        self._lanes.stop()
        with anyio.move_on_after(seconds):
            while self._in_flight and not self._is_stuck():
                self._all_ended = self._all_ended or anyio.Event()
                with anyio.move_on_after(STUCK_CHECK_S):
                    await self._all_ended.wait()
        return self._in_flight == 0 or self._is_stuck()

    def _is_stuck(self) -> bool:
        """Whether all requests were answered, and the results that are left cannot be written until a person helps."""
        outage = self._ctx.db.outage
        return outage is not None and outage.lasts and self._in_flight <= self._recorder.waiting

    async def expire_all_leases(self) -> dict[int, int]:
        """Expire every attempt on disk that has no result, at start and at the end; how many by broadcast id."""
        return await expire_leases(self._ctx, None)

    async def expire_old_leases(self) -> dict[int, int]:
        """Expire attempts that are too old and not in flight here; how many by broadcast id."""
        return await expire_leases(self._ctx, self._unrecorded)

    async def send_broadcast(self, broadcast_id: int) -> None:
        """Claim what the number of a broadcast may send now, if it is its turn, and start the requests."""
        if self._stopping or self._ctx.draining:
            self._leave(broadcast_id)
            return
        try:
            lane = await self._join(broadcast_id)
            if lane is not None:
                lane.put_back(broadcast_id)  # whoever enqueued it knows why
            if self._stopping or self._ctx.draining:
                # The drain began meanwhile; from here to the claim nothing else can happen.
                self._leave(broadcast_id)
            elif lane is not None and self._lanes.take_turn(lane, broadcast_id):
                await self._take_turn(lane)
        except Refusal as refusal:
            # The database cannot be used. Nothing was claimed; its lane or the scheduler tries again.
            log.debug("broadcast_job_postponed", broadcast_row=broadcast_id, reason=refusal.message)
        except Exception as error:  # noqa: BLE001 - it is logged there
            await self._crashed(broadcast_id, error)

    def job_not_stored(self, broadcast_id: int) -> None:
        """The job of a broadcast, which was enqueued, could not be stored: its number tries again soon."""
        if (lane := self._lane_of(broadcast_id)) is not None:
            lane.return_turn(broadcast_id)
            self._lanes.advance_later(lane)

    async def _join(self, broadcast_id: int) -> Lane | None:
        """Put the broadcast into its line, and those after it that are read with it; its lane, if it has work."""
        if broadcast_id not in self._jobs:
            others = set[Lane]()
            for job in await load_jobs(self._ctx, broadcast_id, self._jobs):
                if job.broadcast.id not in self._jobs:  # another job may have read it meanwhile
                    lane = self._lanes.of(job.number)
                    self._jobs[job.broadcast.id] = job, lane
                    self._lanes.join(lane, job.broadcast.id)
                    others.add(lane)
            for lane in others - {self._lane_of(broadcast_id)}:
                self._lanes.advance(lane)
        return self._lane_of(broadcast_id)

    def _lane_of(self, broadcast_id: int) -> Lane | None:
        """The lane of a broadcast that is in a line or waits for a result."""
        return self._jobs.get(broadcast_id, (None, None))[1]

    def _leave(self, broadcast_id: int) -> None:
        """Take a broadcast out of its line: the scheduler enqueues it again if something of it is due."""
        _, lane = self._jobs.pop(broadcast_id, (None, None))
        if lane is not None:
            lane.leave(broadcast_id)
            self._lanes.advance(lane)

    async def _crashed(self, broadcast_id: int, error: Exception) -> None:
        """Something about this broadcast crashed: the others of its number go on."""
        self._leave(broadcast_id)
        log.error("broadcast_job_crashed", broadcast_row=broadcast_id, exc_info=error)
        await self._crashes.count(broadcast_id, error)

    async def _take_turn(self, lane: Lane) -> None:
        """Claim and send what the number may send now; then its lane goes on, in a moment if that failed."""
        failed = True
        try:
            shares = self._shares(lane)
            granted = self._lanes.acquire(lane, min(MAX_CLAIM, sum(share.limit for share in shares)))
            if granted:
                await self._claim(lane, shares, granted)
            failed = False
        finally:
            lane.end_turn()
            (self._lanes.advance_later if failed else self._lanes.advance)(lane)

    def _shares(self, lane: Lane) -> list[Share]:
        """The broadcasts whose turns are next, in order, of those that may send now."""
        shares, now = list[Share](), self._ctx.clock.monotonic()
        for broadcast_id in lane.line.order(MAX_BROADCASTS):
            job, _ = self._jobs[broadcast_id]
            breaker, pace = self._breakers.of(broadcast_id), self._pace_of(job, now)
            allowed = breaker.free_requests(self._ctx.config.sender.pause_after_failures)
            paced = MAX_CLAIM if pace is None else pace.free(now)
            if allowed == 0:
                lane.set_aside(broadcast_id)
            elif pace is not None and not paced:
                self._lanes.wait(lane, broadcast_id, min(pace.wait(now), LOOK_AGAIN))
            else:
                shares.append(
                    Share(job, breaker, min(paced, MAX_CLAIM if allowed is None else allowed), pace)
                )
        return shares

    def _pace_of(self, job: Job, now: Millis) -> Pace | None:
        """The pace of a broadcast that has one of its own; kept until its next message may go."""
        if job.rate is None:
            return None
        pace = self._paces.get(job.broadcast.id)
        if pace is None:
            pace = self._paces[job.broadcast.id] = Pace(job.rate, now)
        elif pace.rate != job.rate:
            pace.set_rate(job.rate)
        return pace

    async def _claim(self, lane: Lane, shares: list[Share], granted: int) -> None:
        """Claim up to `granted` recipients and start a request for each.

        Shielded from cancellation: an attempt that is on disk and never made would become uncertain.
        """
        ctx = self._ctx
        turn = TurnClaim(shares, granted, ctx.clock.now(), self._unrecorded)
        found: list[Claimed] = []
        self._in_flight += granted  # a drain waits for these too
        try:
            with anyio.CancelScope(shield=True):
                found = await ctx.db.write(turn.run)
        except Refusal:
            raise
        except Exception as error:  # noqa: BLE001 - it is logged there
            await self._crashed(shares[turn.at].job.broadcast.id, error)
        finally:
            if not found:
                self._unrecorded.difference_update(turn.attempts)
            unused = granted - sum(len(each.claims) for each in found)
            self._end_requests(unused)
            self._lanes.release(lane, unused)
        for index, (share, claimed) in enumerate(zip(shares, found, strict=False)):
            self._start(lane, share, claimed)
            is_in_line = share.job.broadcast.id in self._jobs
            # One that got only what others had left keeps its place: its own turn is next.
            if not (is_in_line and index and index == turn.at and not unused):
                lane.line.end_turn(share.job.broadcast.id, has_more=is_in_line)
            if is_in_line and claimed.look_again_at is not None:
                wait = min(claimed.look_again_at - ctx.clock.now(), LOOK_AGAIN)
                self._lanes.wait(lane, share.job.broadcast.id, max(0, wait))

    def _start(self, lane: Lane, share: Share, claimed: Claimed) -> None:
        """Start the requests of one broadcast; forget it if it has no more work or must be read again, by a new job."""
        job, breaker = share.job, share.breaker
        breaker.in_flight += len(claimed.claims)
        self._lanes.start(lane, claimed.claims)
        if share.pace is not None:
            share.pace.take(len(claimed.claims), self._ctx.clock.monotonic())
        with bound_contextvars(request_id=job.request_id):  # its requests to Meta inherit it
            for claim in claimed.claims:
                self._requests.start(self._send(job, claim, claimed.route, lane, breaker))
        self._crashes.forget(job.broadcast.id)
        if not claimed.has_more:
            self._jobs.pop(job.broadcast.id, None)
            self._breakers.remove_idle(job.broadcast.id)
        if not claimed.is_current:
            self._ctx.queue.enqueue(job.broadcast.id)
        pausing.log_pauses(claimed.pauses)
        if claimed.completed or claimed.pauses:
            self._ctx.changes.publish([job.broadcast.id])

    async def _send(self, job: Job, claim: Claim, route: Route, lane: Lane, breaker: CircuitBreaker) -> None:
        """Make one attempt, whose claim is on disk, and queue the result."""
        try:
            decision, outcome = await self._attempts.make(job, claim, route)
            decision = breaker.observe(decision, self._ctx.config.sender.pause_after_failures)
            self._recorder.add(decision, job.number.ids, at_once=job.broadcast.id in lane.waiting)
        except Exception as error:
            # Nothing is recorded, so the attempt expires. Until then it must not take a place.
            log.exception(
                "answer_handling_crashed", broadcast=job.broadcast.uuid, recipient=claim.recipient_id
            )
            self._lanes.drop(lane, claim)
            self._release([claim])
            await self._crashes.count(job.broadcast.id, error)
            return
        if outcome is None:
            self._lanes.drop(lane, claim)
        else:
            self._lanes.end(lane, claim, outcome, decision)

    def _recorded(self, results: list[AttemptResult], completed: list[int]) -> None:
        """Release the attempts of these results, which are on disk; they completed the broadcasts `completed`."""
        self._release(results)
        for broadcast_id in completed:
            self._breakers.remove_idle(broadcast_id)

    def _release(self, attempts: Sequence[AttemptResult | Claim]) -> None:
        """These attempts are in flight no more: broadcasts that waited for one of them may take turns again."""
        for attempt in attempts:
            self._unrecorded.discard((attempt.recipient_id, attempt.attempt))
            self._breakers.of(attempt.broadcast_id).in_flight -= 1
        for broadcast_id in {attempt.broadcast_id for attempt in attempts}:
            lane = self._lane_of(broadcast_id)
            if lane is not None:
                self._lanes.put_back(lane, broadcast_id)
        self._end_requests(len(attempts))

    def _end_requests(self, count: int) -> None:
        """Subtract ended requests from those in flight."""
        self._in_flight -= count
        if self._all_ended is not None and not self._in_flight:
            self._all_ended.set()
            self._all_ended = None
