"""The lanes of all numbers: enqueues the job whose turn it is when its number may send, and logs blocks."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import replace

from wacrmd import open_files
from wacrmd.clock import SECOND, Millis
from wacrmd.domain.attempt import Claim
from wacrmd.domain.hold import Hold, HoldReason
from wacrmd.domain.number import Number
from wacrmd.domain.throughput import ThroughputState
from wacrmd.errors import counted
from wacrmd.log import get_logger
from wacrmd.meta.outcome import Accepted, NotSent, Outcome, Unknown
from wacrmd.running_time import TICK_S, RunningTime
from wacrmd.sender.decision import Decision, Effect
from wacrmd.sender.lane import OVERCOMMITTED_ROOM_BATCH, ROOM_BATCH, Lane
from wacrmd.sender.rate_limiter import MIN_BATCH_S
from wacrmd.sender.room import MARGIN, OVERCOMMIT, shares
from wacrmd.services.context import Context

MAX_TURNS_PER_S = 250
"""How many turns all numbers take together in a second, about: more numbers take fewer and larger ones each."""
SHUT_OUT_S = 1.0
"""After so long without a request in flight and a place for one it is told that there is none."""
RETRY_S = 0.5
"""How long after the database could not be written a turn is tried again."""
SHARING_INTERVAL_S = 0.05
"""How often the places in flight are shared out anew."""

log = get_logger(__name__)


class Lanes:
    """One lane for each number that has had work since the start."""

    def __init__(self, ctx: Context, most: int | None = None) -> None:
        self._ctx = ctx
        self._most = open_files.most_requests() if most is None else most
        """How many requests may be under way, also when Meta answers none of them."""
        self._by_number: dict[str, Lane] = {}
        self._timers: dict[Lane, asyncio.TimerHandle] = {}
        self._waits: dict[int, tuple[Lane, Millis, asyncio.TimerHandle]] = {}
        """Broadcasts that take no turn until a moment of the monotonic clock."""
        self._crowded: OrderedDict[Lane, None] = OrderedDict()
        """Lanes that could send if fewer requests of other numbers were in flight."""
        self._in_flight = 0
        self._hung = 0
        """How many of these Meta leaves without an answer, when the places were last shared out."""
        self._shared_at = -SHARING_INTERVAL_S
        self._logged_holds: dict[Lane, HoldReason] = {}
        self._is_stopped = False
        self._time = RunningTime(time.monotonic())
        """Answers that came while this process did not run are not read yet: Meta is not blamed for that time."""

    async def keep_time(self) -> None:
        """Count the time in which this process runs, until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            self._time.tick(time.monotonic())

    def _at(self) -> float:
        return self._time.at(time.monotonic())

    def of(self, number: Number) -> Lane:
        """The number's lane, with the rate that is configured now."""
        now, rate = self._ctx.clock.monotonic(), number.rate(self._ctx.config.sender.messages_per_second)
        lane = self._by_number.get(number.id)
        if lane is None:
            lane = self._by_number[number.id] = Lane(rate, now)
        lane.phone_number_id, lane.waba_id = number.phone_number_id, number.waba_id
        lane.limiter.configure(rate)
        return lane

    def join(self, lane: Lane, broadcast_id: int) -> None:
        """Put a broadcast into its number's line."""
        if not lane.is_active:
            self._shared_at = -SHARING_INTERVAL_S
        lane.join(broadcast_id)

    def take_turn(self, lane: Lane, broadcast_id: int) -> bool:
        """A job of a broadcast in the line runs: whether it may claim now."""
        if lane not in self._timers:
            if lane.take_turn(broadcast_id, self._at()):
                return True
            self.advance(lane)
        return False

    def advance_later(self, lane: Lane) -> None:
        """The database could not be written: advance the lane in a moment."""
        if lane.turn is None and lane not in self._timers:
            self._timers[lane] = asyncio.get_running_loop().call_later(RETRY_S, self.advance, lane)

    def advance(self, lane: Lane) -> None:
        """Enqueue the job whose turn it is if the number may send; else see to it that this is called again.

        While the daemon drains or the database cannot be written nothing is enqueued, and `check` goes on afterwards.
        """
        if (timer := self._timers.pop(lane, None)) is not None:
            timer.cancel()
        if lane.turn is not None or not lane.line or self._is_stopped or self._ctx.is_held:
            return
        now, at = self._ctx.clock.monotonic(), self._at()
        self._share(now, at)
        places = self._places(lane)
        wait = lane.wait(now, at, places)
        if wait is None:  # the end of a request calls this again
            if lane.free(now, at) > places and not lane.room.is_silent(at):
                self._crowded[lane] = None
        elif wait:
            loop = asyncio.get_running_loop()
            self._timers[lane] = loop.call_later(wait / SECOND, self.advance, lane)
        elif (broadcast_id := lane.give_turn(at)) is not None:
            self._ctx.queue.enqueue(broadcast_id)

    def wait(self, lane: Lane, broadcast_id: int, duration: Millis) -> None:
        """A broadcast in the line takes no turn for so long, or until one of its results is recorded."""
        self._end_wait(broadcast_id)
        lane.set_aside(broadcast_id)
        until, loop = self._ctx.clock.monotonic() + duration, asyncio.get_running_loop()
        timer = loop.call_later(duration / SECOND, self.put_back, lane, broadcast_id)
        self._waits[broadcast_id] = lane, until, timer

    def put_back(self, lane: Lane, broadcast_id: int) -> None:
        """A broadcast takes turns again, if it was set aside."""
        self._end_wait(broadcast_id)
        if lane.put_back(broadcast_id):
            self.advance(lane)

    def _end_wait(self, broadcast_id: int) -> None:
        if (wait := self._waits.pop(broadcast_id, None)) is not None:
            wait[2].cancel()

    def check(self) -> None:
        """Advance every lane, also one whose job was lost, and log holds that began or ended; once a second."""
        at, now = self._at(), self._ctx.clock.monotonic()
        for broadcast_id, (lane, until, _) in list(self._waits.items()):
            if until <= now:  # the loop's own timers do not count the time in which the machine was suspended
                self.put_back(lane, broadcast_id)
        for lane in self._by_number.values():
            lane.forget_lost_turn(at)
            self.advance(lane)
            self._log_hold(lane)

    def stop(self) -> None:
        """Enqueue nothing any more."""
        self._is_stopped = True
        for timer in (*self._timers.values(), *(timer for *_, timer in self._waits.values())):
            timer.cancel()
        self._timers.clear()
        self._waits.clear()

    def acquire(self, lane: Lane, wanted: int) -> int:
        """How many of `wanted` requests the number may make now; what is not made must be released."""
        now, at = self._ctx.clock.monotonic(), self._at()
        self._share(now, at)
        granted = lane.acquire(min(wanted, self._places(lane)), now, at)
        self._in_flight += granted
        return granted

    def release(self, lane: Lane, unused: int) -> None:
        """Give back what `acquire` granted and no request was made for."""
        lane.release(unused)
        self._in_flight -= unused

    def start(self, lane: Lane, claims: list[Claim]) -> None:
        """The requests for these claims start."""
        at = self._at()
        for claim in claims:
            lane.room.start((claim.recipient_id, claim.attempt), at)

    def drop(self, lane: Lane, claim: Claim) -> None:
        """The request was not made after all."""
        lane.room.dropped((claim.recipient_id, claim.attempt))
        self._request_ended(lane)

    def end(self, lane: Lane, claim: Claim, outcome: Outcome, decision: Decision) -> None:
        """A request has ended: apply what it says about the number."""
        now, request = self._ctx.clock.monotonic(), (claim.recipient_id, claim.attempt)
        accepted = isinstance(outcome, Accepted)
        if decision.effect is Effect.NO_CONNECTION:  # that says nothing about Meta
            lane.room.dropped(request)
        elif isinstance(outcome, NotSent | Unknown):
            was_sent = isinstance(outcome, Unknown)
            lane.unanswered(request, now, self._at(), decision.detail, was_sent=was_sent)
        else:
            lane.answered(request, now, self._at(), accepted=accepted)
        if decision.effect is not Effect.NONE:
            self._apply(decision, lane, now)
        if not accepted or self._logged_holds:
            self._log_hold(lane)
        self._request_ended(lane)

    def state(self, number_id: str) -> ThroughputState | None:
        """How fast the number sends now; None when it has had no work since the start."""
        lane = self._by_number.get(number_id)
        return self._state_of(lane) if lane else None

    def throttle(self, number_id: str, detail: str) -> None:
        """Lower the number's rate: Meta reports that it sends too fast."""
        lane = self._by_number.get(number_id)
        if lane is not None:
            lane.limiter.throttle(self._ctx.clock.monotonic(), detail)
            self._log_hold(lane)

    def unblock(self, number_id: str) -> None:
        """End the number's block: a person removed its cause."""
        lane = self._by_number.get(number_id)
        if lane is not None:
            lane.unblock()
            self.advance(lane)

    def set_rate(self, number_id: str, rate: float) -> None:
        """Let the number send this many messages per second from now on."""
        lane = self._by_number.get(number_id)
        if lane is not None:
            lane.limiter.configure(rate)
            self.advance(lane)

    def _state_of(self, lane: Lane) -> ThroughputState:
        clock, at = self._ctx.clock, self._at()
        now = clock.monotonic()
        state = lane.state(now, at, clock.time_of)
        shut_out_s = lane.shut_out_s(at) if lane.line else 0.0
        if state.hold is not None or shut_out_s < SHUT_OUT_S:
            return state
        are = "is" if self._in_flight == 1 else "are"
        detail = (
            f"{counted(self._in_flight, 'request')} to Meta {are} under way, {self._hung} of them without an answer:"
            " there is no place for more"
        )
        since = clock.time_of(now - round(shut_out_s * SECOND))
        hold = Hold(HoldReason.NO_FREE_CONNECTION, detail, since)
        return replace(state, hold=hold, is_limited=False)

    def _places(self, lane: Lane) -> int:
        """How many more requests a number may start because of those of others.

        A number that is given what it asks for need not wait until others, whose shares have become smaller, have
        fewer in flight. For the others some places beyond the limit are kept free, for one that begins to send.
        """
        left = self._most - self._in_flight
        if not lane.is_short:
            return left
        limit = self._ctx.config.sender.max_in_flight
        return min(left, limit + limit // OVERCOMMIT + limit // MARGIN - (self._in_flight - self._hung))

    def _request_ended(self, lane: Lane) -> None:
        """Advance a lane that waits for the end of a request: this one, or one that waits for a place of any number."""
        self._in_flight -= 1
        crowded = self._crowded.popitem(last=False)[0] if self._crowded else None
        if crowded is not None:  # first: the number of the request may only ask whether Meta answers again
            self.advance(crowded)
        if crowded is not lane and lane.line and lane.turn is None and lane not in self._timers:
            self.advance(lane)

    def _share(self, now: Millis, at: float) -> None:
        """Share out the places in flight among the numbers that send."""
        if at - self._shared_at < SHARING_INTERVAL_S:
            return
        self._shared_at = at
        needs, hanging = dict[Lane, int](), dict[Lane, int]()
        for lane in self._by_number.values():
            if lane.is_active:
                hanging[lane] = lane.room.hung(at)
                needs[lane] = lane.wanted(now, at, hanging[lane])
        self._hung = sum(hanging.values())
        places = min(self._ctx.config.sender.max_in_flight, max(0, self._most - self._hung))
        given = shares(needs, places)
        room_batch = ROOM_BATCH if sum(given.values()) <= places else OVERCOMMITTED_ROOM_BATCH
        for lane, share in given.items():
            lane.share, lane.room_batch = share + hanging[lane], room_batch
            lane.is_short = share < needs[lane]
        batch_s = max(MIN_BATCH_S, len(needs) / MAX_TURNS_PER_S)
        for lane in needs:
            lane.limiter.batch_s = batch_s

    def _apply(self, decision: Decision, lane: Lane, now: Millis) -> None:
        """Slow down or block the number, or all numbers of its business account, as the decision says."""
        match decision.effect:
            case Effect.THROTTLE:
                lane.limiter.throttle(now, decision.detail)
                if decision.wait and decision.hold:
                    lane.limiter.block(now, decision.wait, decision.hold, decision.detail)
            case Effect.MAINTENANCE | Effect.NO_CONNECTION if decision.hold:
                lane.limiter.block(now, decision.wait, decision.hold, decision.detail)
            case Effect.CALL_LIMIT if decision.hold:
                wait = max(decision.wait, lane.limiter.call_limit_block(now))
                for other in self._by_number.values():
                    if other.waba_id == lane.waba_id:
                        other.limiter.block(now, wait, decision.hold, decision.detail)
            case _:
                pass

    def _log_hold(self, lane: Lane) -> None:
        """Log once that a hold began or ended."""
        hold = self._state_of(lane).hold
        if hold is not None and self._logged_holds.get(lane) is not hold.reason:
            self._logged_holds[lane] = hold.reason
            name, reason = lane.phone_number_id, hold.reason.value
            log.warning("number_blocked", number=name, reason=reason, detail=hold.detail)
        elif hold is None and self._logged_holds.pop(lane, None) is not None:
            log.info("number_unblocked", number=lane.phone_number_id)
