"""The sender: claims due recipients, keeps to the number's rate, sends each message once, has the result recorded.

A job `send_broadcast` occupies a worker for one batch at most and never waits for an answer: requests live in
the sender's own task group, so the slowest request delays nobody else.
"""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from time import perf_counter

import anyio
from anyio.abc import TaskGroup
from structlog.contextvars import bound_contextvars

from wacrmd.clock import HOUR, SECOND, Millis, iso, sleep_for
from wacrmd.domain.attempt import AttemptResult, Claim
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.domain.throughput import ThroughputState
from wacrmd.errors import Refusal, describe
from wacrmd.log import get_logger
from wacrmd.meta.outcome import NotSent, Outcome, Phase, Unknown
from wacrmd.sender.circuit_breaker import CircuitBreaker
from wacrmd.sender.decision import Decision, Rules, decide, decide_unbuildable
from wacrmd.sender.job import Job, load_job
from wacrmd.sender.leases import expire_leases
from wacrmd.sender.rate_limiter import RateLimiter
from wacrmd.sender.rate_limiters import RateLimiters
from wacrmd.sender.recorder import Recorder
from wacrmd.services import counters, pausing
from wacrmd.services.context import Context
from wacrmd.store import attempts, broadcasts
from wacrmd.store.database import Tx

MAX_JOB_RECIPIENTS = 500
"""Recipients that one job sends to; then it frees its worker and is enqueued again."""
MAX_JOB_S = 2.0
"""How long one job keeps its worker, so that slow numbers cannot occupy all workers."""
MAX_WAIT: Millis = 1 * SECOND
"""How long a job waits for its number; if it takes longer, the job ends and the scheduler enqueues it again."""
MAX_CRASHES = 5
"""After so many crashed jobs in a row the broadcast is paused."""

log = get_logger(__name__)


class Sender:
    """All sending of the daemon; implements `services.context.Throughput`."""

    def __init__(self) -> None:
        self._ctx: Context
        self._requests: TaskGroup
        self._recorder: Recorder
        self._limiters = RateLimiters(lambda: self._ctx.config.sender)
        self._breakers: dict[int, CircuitBreaker] = {}
        self._sending: set[int] = set()
        """Broadcasts whose job is running."""
        self._unrecorded: set[tuple[int, int]] = set()
        """Attempts, as (recipient id, attempt), that are in flight or whose result is not recorded yet."""
        self._crashes: dict[int, int] = {}
        self._in_flight = 0
        self._request_ended = anyio.Event()
        self._stopping = False
        self._random = random.Random()  # noqa: S311 - jitter, nothing secret

    @asynccontextmanager
    async def open(self, ctx: Context) -> AsyncIterator["Sender"]:
        """Send until the block ends. Requests that are in flight then are cancelled, and their attempts expire."""
        self._ctx = ctx
        self._recorder = Recorder(ctx, self._recorded)
        async with anyio.create_task_group() as recording:
            recording.start_soon(self._recorder.run)
            async with anyio.create_task_group() as self._requests:
                try:
                    yield self
                finally:
                    self._stopping = True
                    self._requests.cancel_scope.cancel()
            recording.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            if await self._recorder.flush():
                await self.expire_all_leases()

    @property
    def in_flight(self) -> int:
        """Requests that are in flight or whose result is not recorded yet."""
        return self._in_flight

    def state(self, number_id: str) -> ThroughputState | None:
        """How fast the number sends now; None when it has not sent since the start."""
        return self._limiters.state(number_id, self._ctx.clock.now())

    def throttle(self, number_id: str, detail: str) -> None:
        """Lower the number's rate: Meta reports that it sends too fast."""
        self._limiters.throttle(number_id, detail, self._ctx.clock.now())

    def reset(self, number_id: str) -> None:
        """Unblock the number, and reset the failure streaks; requests in flight are completed."""
        self._limiters.unblock(number_id)
        for breaker in self._breakers.values():
            breaker.reset_streak()

    def set_rate(self, number_id: str, rate: float) -> None:
        """Let the number send this many messages per second from now on, also in a job that is running."""
        self._limiters.set_rate(number_id, rate)

    async def drain(self, seconds: float) -> bool:
        """Claim no more and wait for requests in flight; True when all results were recorded in time."""
        self._stopping = True
        with anyio.move_on_after(seconds):
            while self._in_flight:
                await self._request_ended.wait()
        return self._in_flight == 0

    async def expire_all_leases(self) -> dict[int, int]:
        """Expire every attempt on disk that has no result, at start and at the end; how many by broadcast id."""
        return await expire_leases(self._ctx, None)

    async def expire_old_leases(self) -> dict[int, int]:
        """Expire attempts that are too old and not in flight here; how many by broadcast id."""
        return await expire_leases(self._ctx, self._unrecorded)

    async def send_broadcast(self, broadcast_id: int) -> None:
        """Send to due recipients of a broadcast: one batch. Enqueues itself again if more may be due."""
        if self._stopping or self._ctx.draining or broadcast_id in self._sending:
            return
        self._sending.add(broadcast_id)
        try:
            job = await load_job(self._ctx, broadcast_id)
            if job is None:
                return
            with bound_contextvars(request_id=job.request_id):  # its requests to Meta inherit it
                if await self._send_batch(job):
                    self._ctx.queue.enqueue(broadcast_id)
            self._crashes.pop(broadcast_id, None)
        except Refusal as refusal:
            # The database cannot be used. Nothing was claimed, and the scheduler enqueues the broadcast again.
            log.warning("broadcast_job_postponed", broadcast_row=broadcast_id, reason=refusal.message)
        except Exception as error:
            log.exception("broadcast_job_crashed", broadcast_row=broadcast_id)
            await self._count_crash(broadcast_id, error)
        finally:
            self._sending.discard(broadcast_id)

    async def _count_crash(self, broadcast_id: int, error: Exception) -> None:
        """Pause a broadcast whose jobs keep crashing: otherwise it would stall without a reason that users see."""
        self._crashes[broadcast_id] = self._crashes.get(broadcast_id, 0) + 1
        if self._crashes[broadcast_id] < MAX_CRASHES:
            return
        del self._crashes[broadcast_id]
        detail = f"Sending failed inside wacrmd {MAX_CRASHES} times: {describe(error)}; see its log"
        with suppress(Refusal):
            pause = partial(
                pausing.pause_broadcast,
                broadcast_id=broadcast_id,
                reason=HoldReason.MANY_FAILURES,
                detail=detail,
                now=self._ctx.clock.now(),
            )
            pausing.log_pauses(await self._ctx.db.write(pause))
            self._ctx.changes.publish([broadcast_id])

    async def _send_batch(self, job: Job) -> bool:
        """Claim and send until the batch is full (True: more may be due) or nothing more can be sent now."""
        ctx, broadcast_id = self._ctx, job.broadcast.id
        limiter = self._limiters.of(job.number, ctx.clock.now())
        breaker = self._breakers.setdefault(broadcast_id, CircuitBreaker())
        left, until = MAX_JOB_RECIPIENTS, anyio.current_time() + MAX_JOB_S
        while left and not (self._stopping or ctx.draining):
            if anyio.current_time() > until:
                return True
            wanted = min(left, ctx.config.sender.max_in_flight - self._in_flight)
            if (allowed := breaker.free_requests(ctx.config.sender.pause_after_failures)) is not None:
                wanted = min(wanted, allowed)
            granted, wait = limiter.acquire(wanted, ctx.clock.now()) if wanted > 0 else (0, 0)
            if not granted:
                if wait > MAX_WAIT or not await self._wait(wait):
                    return False
                continue
            claims = await self._claim(job, granted, limiter, breaker)
            left -= claims
            if claims < granted:
                if not claims:
                    self._remove_idle_breaker(broadcast_id)
                return claims > 0
        return True

    async def _claim(self, job: Job, granted: int, limiter: RateLimiter, breaker: CircuitBreaker) -> int:
        """Claim up to `granted` recipients and start a request for each; how many.

        Shielded from cancellation: an attempt that is on disk and never made would become uncertain.
        """
        ctx, now = self._ctx, self._ctx.clock.now()
        claims: list[Claim] = []
        attempts: list[tuple[int, int]] = []

        def work(tx: Tx) -> tuple[list[Claim], list[int]]:
            claimed, completed = _claim_due(tx, job.broadcast.id, granted, now)
            attempts.extend((claim.recipient_id, claim.attempt) for claim in claimed)
            self._unrecorded.update(attempts)  # inside: the next transaction may expire leases
            return claimed, completed

        self._in_flight += granted  # a drain waits for these too
        try:
            with anyio.CancelScope(shield=True):
                claims, completed = await ctx.db.write(work)
        finally:
            if not claims:
                self._unrecorded.difference_update(attempts)
            self._end_requests(granted - len(claims))
            limiter.release(granted - len(claims))
        for claim in claims:
            breaker.in_flight += 1
            self._requests.start_soon(self._send, job, claim, limiter, breaker)
        if completed:
            ctx.changes.publish(completed)
        return len(claims)

    async def _wait(self, wait: Millis) -> bool:
        """Wait for tokens (`wait` > 0) or for the end of a request; False when none ends within `MAX_WAIT`."""
        if wait:
            await sleep_for(self._ctx.clock, wait)
            return True
        with anyio.move_on_after(MAX_WAIT / SECOND) as deadline:
            await self._request_ended.wait()
        return not deadline.cancelled_caught

    async def _send(self, job: Job, claim: Claim, limiter: RateLimiter, breaker: CircuitBreaker) -> None:
        """Make one attempt, whose claim is on disk: build the message, send it, decide, queue the result."""
        ctx = self._ctx
        started_at = ctx.clock.now()
        try:
            body = job.body(claim)
        except Exception as error:
            log.exception("message_build_crashed", broadcast=job.broadcast.uuid, recipient=claim.recipient_id)
            limiter.answered(started_at, accepted=False)
            self._record(job, decide_unbuildable(claim, str(error), now=started_at), breaker)
            return
        began = perf_counter()
        try:
            outcome = await ctx.meta.send(job.number.phone_number_id, job.token, body)
        except Exception as error:  # a fault of ours must not cancel the other requests
            log.exception("attempt_crashed", broadcast=job.broadcast.uuid, recipient=claim.recipient_id)
            outcome = Unknown(Phase.WRITE, describe(error))
        counters.time_meta(ctx, outcome, perf_counter() - began)
        self._decide(job, claim, outcome, limiter, breaker, started_at)

    def _decide(
        self,
        job: Job,
        claim: Claim,
        outcome: Outcome,
        limiter: RateLimiter,
        breaker: CircuitBreaker,
        started_at: Millis,
    ) -> None:
        ctx = self._ctx
        now = ctx.clock.now()
        sender = ctx.config.sender
        rules = Rules(sender.on_uncertain, sender.max_retries, round(sender.max_age_hours * HOUR))
        decision = decide(outcome, claim, rules, started_at=started_at, now=now, jitter=self._random.random())
        result = decision.result
        accepted = result.status is RecipientStatus.SENT
        if isinstance(outcome, NotSent | Unknown):
            limiter.unanswered(now, decision.detail)
        else:
            limiter.answered(now, accepted=accepted)
        self._limiters.apply(decision, job.number, limiter, now)
        if accepted:
            ctx.meta_webhook_liveness.message_sent(job.number.id, now)
        else:
            log.info(
                "attempt_failed",
                broadcast=job.broadcast.uuid,
                recipient=claim.recipient_id,
                attempt=claim.attempt,
                status=result.status.value,
                note=result.note,
                next_attempt_at=iso(result.next_attempt_at) if result.next_attempt_at else None,
            )
        self._record(job, decision, breaker)

    def _record(self, job: Job, decision: Decision, breaker: CircuitBreaker) -> None:
        decision = breaker.observe(decision, self._ctx.config.sender.pause_after_failures)
        self._recorder.add(decision, job.number.id, job.number.waba_id)

    def _recorded(self, results: list[AttemptResult], completed: list[int]) -> None:
        """Release the attempts of these results, which are on disk; they completed the broadcasts `completed`."""
        for result in results:
            self._unrecorded.discard((result.recipient_id, result.attempt))
            breaker = self._breakers.get(result.broadcast_id)
            if breaker is not None:
                breaker.in_flight -= 1
        for broadcast_id in completed:
            self._remove_idle_breaker(broadcast_id)
        self._end_requests(len(results))

    def _end_requests(self, count: int) -> None:
        """Subtract ended requests from those in flight, and wake what waits for that."""
        self._in_flight -= count
        self._request_ended.set()
        self._request_ended = anyio.Event()

    def _remove_idle_breaker(self, broadcast_id: int) -> None:
        breaker = self._breakers.get(broadcast_id)
        if breaker is not None and breaker.in_flight == 0:
            del self._breakers[broadcast_id]


def _claim_due(tx: Tx, broadcast_id: int, limit: int, now: Millis) -> tuple[list[Claim], list[int]]:
    """The claims, and the broadcast if that completes it: the last pending recipients may have opted out."""
    claims = attempts.claim(tx, broadcast_id, limit, now)
    if len(claims) < limit and broadcasts.complete(tx, broadcast_id, now):
        return claims, [broadcast_id]
    return claims, []
