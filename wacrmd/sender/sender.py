"""The sender: claims recipients of a broadcast, paces them, sends each once, and hands on what became of it.

A run of `deliver` occupies one worker slot for a bounded batch and never waits for an answer: its requests
live in the sender's own task group, so the slowest request holds up nobody.
"""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from time import perf_counter

import anyio
from anyio.abc import TaskGroup
from structlog.contextvars import bound_contextvars

from wacrmd.clock import HOUR, SECOND, Millis, iso, rest
from wacrmd.domain.attempt import AttemptResult, Claim, UncertainPolicy
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.errors import Refusal
from wacrmd.log import get_logger
from wacrmd.meta.outcome import NotSent, Outcome, Phase, Unknown
from wacrmd.sender.circuit_breaker import CircuitBreaker
from wacrmd.sender.decision import Decision, Effect, Rules, decide
from wacrmd.sender.job import Job, load_job
from wacrmd.sender.rate_limiter import RateLimiter
from wacrmd.sender.rate_limiters import RateLimiters
from wacrmd.sender.recorder import Recorder
from wacrmd.services import counters
from wacrmd.services.context import Context, ThroughputState
from wacrmd.services.meta_events import auto_pause
from wacrmd.store import broadcasts, recipients
from wacrmd.store.database import Tx

RUN_RECIPIENTS = 500
"""Recipients that one run sends to at most before it gives its slot back."""
RUN_S = 2.0
"""How long one run keeps its slot, so that slow numbers cannot take all of them."""
PATIENCE: Millis = 1 * SECOND
"""How long a run waits for its number; beyond that it ends and the sweeper rings again."""
CRASHES = 5
"""Runs in a row that crash before the broadcast is paused."""
MARGIN_S = 120
"""How much older than any live request an attempt must be before it counts as lost."""

log = get_logger(__name__)


class Sender:
    """All sending of the daemon; also tells how each number flows (services.context.Traffic)."""

    def __init__(self) -> None:
        self._ctx: Context
        self._tasks: TaskGroup
        self._recorder: Recorder
        self._limiters = RateLimiters(lambda: self._ctx.config.sender)
        self._breakers: dict[int, CircuitBreaker] = {}
        self._running: set[int] = set()
        self._alive: set[tuple[int, int]] = set()
        self._crashes: dict[int, int] = {}
        self._in_flight = 0
        self._freed = anyio.Event()
        self._stopping = False
        self._random = random.Random()  # noqa: S311 - jitter, nothing secret

    @asynccontextmanager
    async def open(self, ctx: Context) -> AsyncIterator["Sender"]:
        """Send until the block is left; what is then still in flight is cut off and settled by `recover`."""
        self._ctx = ctx
        self._recorder = Recorder(ctx, self._finished)
        async with anyio.create_task_group() as recording:
            recording.start_soon(self._recorder.run)
            async with anyio.create_task_group() as self._tasks:
                try:
                    yield self
                finally:
                    self._stopping = True
                    self._tasks.cancel_scope.cancel()
            recording.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            if await self._recorder.flush():
                await self.recover()

    @property
    def in_flight(self) -> int:
        """Requests that are under way or not yet recorded."""
        return self._in_flight

    def state(self, number_id: str) -> ThroughputState | None:
        """How the number sends just now; None when it has not sent since the start."""
        return self._limiters.state(number_id, self._ctx.clock.now())

    def throttle(self, number_id: str, detail: str) -> None:
        """Meta says that the number is too fast."""
        self._limiters.throttle(number_id, detail, self._ctx.clock.now())

    def reset(self, number_id: str) -> None:
        """The number was changed or resumed: drop its blocks, keep what is in flight."""
        self._limiters.unblock(number_id)
        for breaker in self._breakers.values():
            breaker.failure_streak = 0

    def set_rate(self, number_id: str, rate: float) -> None:
        """The number may send so many messages per second from now on, also in a run that has begun."""
        self._limiters.set_rate(number_id, rate)

    async def drain(self, seconds: float) -> bool:
        """Claim no more and wait for what is in flight; True when all of it was recorded in time."""
        self._stopping = True
        with anyio.move_on_after(seconds):
            while self._in_flight:
                await self._freed.wait()
        return self._in_flight == 0

    async def recover(self, *, live: bool = False) -> dict[int, int]:
        """Settle attempts that nobody will record: all of a dead process, or while `live` only those too old.

        Returns how many by broadcast.
        """
        ctx = self._ctx
        now = ctx.clock.now()
        meta = ctx.config.meta
        margin = round((2 * meta.connect_timeout_s + meta.read_timeout_s + MARGIN_S) * SECOND)
        policy = UncertainPolicy(ctx.config.sender.on_uncertain)

        def work(tx: Tx) -> dict[int, int]:
            lost = recipients.expire_attempts(
                tx,
                policy,
                now,
                max_retries=ctx.config.sender.max_retries,
                older_than=margin if live else None,
                alive=frozenset(self._alive) if live else frozenset(),
            )
            if lost:
                recipients.settle_cancelled(tx, lost)
                broadcasts.touch(tx, lost, now)
            return lost

        lost = await ctx.db.write(work)
        if lost:
            log.warning(
                "attempts_expired", policy=policy.value, recipients=sum(lost.values()), broadcasts=len(lost)
            )
            ctx.metrics.attempts_expired.inc(sum(lost.values()))
            ctx.changes.publish(lost)
        return lost

    async def send_broadcast(self, broadcast_id: int) -> None:
        """Send to the due recipients of a broadcast: one bounded batch, then ring again if more may be due."""
        if self._stopping or self._ctx.draining or broadcast_id in self._running:
            return
        self._running.add(broadcast_id)
        try:
            job = await load_job(self._ctx, broadcast_id)
            if job is None:
                return
            with bound_contextvars(request_id=job.request_id):  # its requests to Meta inherit it
                if await self._run(job):
                    self._ctx.queue.enqueue(broadcast_id)
            self._crashes.pop(broadcast_id, None)
        except Refusal as refusal:  # storage trouble: nothing was claimed, the sweeper rings again
            log.warning("broadcast_job_postponed", broadcast_id=broadcast_id, reason=refusal.message)
        except Exception as error:
            log.exception("broadcast_job_crashed", broadcast_id=broadcast_id)
            await self._crashed(broadcast_id, error)
        finally:
            self._running.discard(broadcast_id)

    async def _crashed(self, broadcast_id: int, error: Exception) -> None:
        """A broadcast that only makes runs crash would stand still without a word: pause it, and say why."""
        self._crashes[broadcast_id] = self._crashes.get(broadcast_id, 0) + 1
        if self._crashes[broadcast_id] < CRASHES:
            return
        del self._crashes[broadcast_id]
        detail = f"Sending it failed here {CRASHES} times: {type(error).__name__}: {error}; the log has more"
        with suppress(Refusal):
            stop = partial(
                auto_pause.pause_broadcast,
                broadcast_id=broadcast_id,
                reason=HoldReason.MANY_FAILURES,
                detail=detail,
                now=self._ctx.clock.now(),
            )
            auto_pause.log_pauses(await self._ctx.db.write(stop))
            self._ctx.changes.publish([broadcast_id])

    async def _run(self, job: Job) -> bool:
        """Claim and launch until the batch is full (True: ring again), or nothing more can be done now."""
        ctx, broadcast_id = self._ctx, job.broadcast.id
        limiter = self._limiters.of(job.number, ctx.clock.now())
        breaker = self._breakers.setdefault(broadcast_id, CircuitBreaker())
        left, until = RUN_RECIPIENTS, anyio.current_time() + RUN_S
        while left and not (self._stopping or ctx.draining):
            if anyio.current_time() > until:
                return True
            room = min(left, ctx.config.sender.max_in_flight - self._in_flight)
            if (unproven := breaker.room(ctx.config.sender.pause_after_failures)) is not None:
                room = min(room, unproven)
            granted, wait = limiter.acquire(room, ctx.clock.now()) if room > 0 else (0, 0)
            if not granted:
                if wait > PATIENCE or not await self._wait(wait):
                    return False
                continue
            claims = await self._claim(job, granted, limiter, breaker)
            left -= claims
            if claims < granted:
                if not claims:
                    self._drop_idle(broadcast_id)
                return claims > 0
        return True

    async def _claim(self, job: Job, granted: int, limiter: RateLimiter, breaker: CircuitBreaker) -> int:
        """Take up to `granted` recipients into their next attempt and send to them; how many.

        Not to be cancelled half-way: an attempt that is on disk and never made would become uncertain.
        """
        ctx, now = self._ctx, self._ctx.clock.now()
        claims: list[Claim] = []
        noted: list[tuple[int, int]] = []

        def work(tx: Tx) -> tuple[list[Claim], list[int]]:
            claimed, finished = _claimed(tx, job.broadcast.id, granted, now)
            noted.extend((claim.recipient_id, claim.attempt) for claim in claimed)
            self._alive.update(noted)  # here: a rescue in the next transaction must know of them
            return claimed, finished

        self._in_flight += granted  # a drain waits for these too
        try:
            with anyio.CancelScope(shield=True):
                claims, completed = await ctx.db.write(work)
        finally:
            if not claims:
                self._alive.difference_update(noted)
            self._free(granted - len(claims))
            limiter.release(granted - len(claims))
        for claim in claims:
            breaker.in_flight += 1
            self._tasks.start_soon(self._send, job, claim, limiter, breaker)
        if completed:
            ctx.changes.publish(completed)
        return len(claims)

    async def _wait(self, wait: Millis) -> bool:
        """Until the pacer has tokens (`wait` > 0), or a request in flight has made room; False when none has."""
        if wait:
            await rest(self._ctx.clock, wait)
            return True
        with anyio.move_on_after(PATIENCE / SECOND) as patience:
            await self._freed.wait()
        return not patience.cancelled_caught

    async def _send(self, job: Job, claim: Claim, limiter: RateLimiter, breaker: CircuitBreaker) -> None:
        """One attempt: build, send, decide, hand on. Its claim is durable already."""
        ctx = self._ctx
        started_at = ctx.clock.now()
        try:
            body = job.body(claim)
        except Exception as error:
            log.exception("message_build_crashed", recipient_id=claim.recipient_id)
            note = f"the message could not be built: {error}"
            limiter.answered(started_at, accepted=False)
            decision = Decision(
                _failed(claim, note, started_at), Effect.COUNT_FAILURE, HoldReason.MANY_FAILURES, note
            )
            self._hand_on(job, decision, breaker)
            return
        began = perf_counter()
        try:
            outcome = await ctx.meta.send(job.number.phone_number_id, job.token, body)
        except Exception as error:  # a fault of ours must not take the other requests with it
            log.exception("attempt_crashed", recipient_id=claim.recipient_id)
            outcome = Unknown(Phase.WRITE, f"{type(error).__name__}: {error}")
        counters.time_meta(ctx, outcome, perf_counter() - began)
        self._settle(job, claim, outcome, limiter, breaker, started_at)

    def _settle(
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
        rules = Rules(
            UncertainPolicy(sender.on_uncertain), sender.max_retries, round(sender.max_age_hours * HOUR)
        )
        decision = decide(outcome, claim, rules, started_at=started_at, now=now, jitter=self._random.random())
        if isinstance(outcome, NotSent | Unknown):
            limiter.unanswered(now, decision.detail)
        else:
            limiter.answered(now, accepted=decision.result.status is RecipientStatus.SENT)
        self._limiters.apply(decision, job.number, limiter, now)
        if decision.result.status is RecipientStatus.SENT:
            ctx.webhook_liveness.message_sent(job.number.id, now)
        if decision.result.status is not RecipientStatus.SENT:
            log.info(
                "attempt_failed",
                broadcast=job.broadcast.uuid,
                recipient_id=claim.recipient_id,
                attempt=claim.attempt,
                status=decision.result.status.value,
                note=decision.result.note,
                next_attempt_at=iso(decision.result.next_attempt_at)
                if decision.result.next_attempt_at
                else None,
            )
        self._hand_on(job, decision, breaker)

    def _hand_on(self, job: Job, decision: Decision, breaker: CircuitBreaker) -> None:
        decision = breaker.note(decision, self._ctx.config.sender.pause_after_failures)
        self._recorder.add(decision, job.number.id, job.number.waba_id)

    def _finished(self, results: list[AttemptResult], completed: list[int]) -> None:
        """The recorder has written these results."""
        for result in results:
            self._alive.discard((result.recipient_id, result.attempt))
            breaker = self._breakers.get(result.broadcast_id)
            if breaker is not None:
                breaker.in_flight -= 1
        for broadcast_id in completed:
            self._drop_idle(broadcast_id)
        self._free(len(results))

    def _free(self, count: int) -> None:
        """So many requests less are in flight."""
        self._in_flight -= count
        self._freed.set()
        self._freed = anyio.Event()

    def _drop_idle(self, broadcast_id: int) -> None:
        breaker = self._breakers.get(broadcast_id)
        if breaker is not None and breaker.in_flight == 0:
            del self._breakers[broadcast_id]


def _claimed(tx: Tx, broadcast_id: int, limit: int, now: Millis) -> tuple[list[Claim], list[int]]:
    """The claims, and the broadcast if nobody waits in it any more (the last ones may have opted out)."""
    claims = recipients.claim(tx, broadcast_id, limit, now)
    return claims, [] if len(claims) == limit else broadcasts.complete(tx, [broadcast_id], now)


def _failed(claim: Claim, note: str, at: Millis) -> AttemptResult:
    return AttemptResult(
        recipient_id=claim.recipient_id,
        broadcast_id=claim.broadcast_id,
        attempt=claim.attempt,
        status=RecipientStatus.FAILED,
        at=at,
        started_at=at,
        note=note,
    )
