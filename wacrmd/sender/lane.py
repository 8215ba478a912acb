"""One number's lane: whose turn it is, how fast it may send, and how many requests it may have in flight; pure.

`now` is the monotonic clock in milliseconds, `at` the time in seconds in which this process ran: nobody sets these clocks.
"""

from collections.abc import Callable
from math import ceil

from wacrmd.clock import SECOND, Millis, iso
from wacrmd.domain.hold import Hold, HoldReason
from wacrmd.domain.throughput import ThroughputState
from wacrmd.sender.line import Line
from wacrmd.sender.rate_limiter import RateLimiter
from wacrmd.sender.room import Room

ROOM_BATCH, OVERCOMMITTED_ROOM_BATCH = 8, 4
"""A number whose requests are limited sends again when one of so many of its places is free: that makes claims larger. The
second is for numbers that together have more than all places (`OVERCOMMIT`): as many may be empty as they have too many."""
LIMITED_S = 5.0
"""How long it is told that `[sender] max_in_flight` slowed a number down."""
BEGUN_AGAIN_S = 1.0
"""How long after a silence it is told that few requests are sent at a time: mostly it takes less than that."""
LOST_S = 5.0
"""A job that was enqueued so long ago and has not begun counts as lost."""

Request = tuple[int, int]
"""An attempt: recipient id and attempt number."""


class Lane:
    """What one number sends, in turns. At most one job of it is enqueued or running: the one whose turn it is."""

    def __init__(self, rate: float, now: Millis) -> None:
        self.phone_number_id = ""
        self.waba_id = ""
        self.line = Line()
        self.waiting: set[int] = set()
        """Broadcasts that take no turn until a result of theirs is recorded, or for a while (`sender/lanes.py`)."""
        self.limiter = RateLimiter(rate, now)
        self.room = Room()
        self.share = 1
        """How many of the places in `[sender] max_in_flight` the number may use, and those of its requests that hang."""
        self.is_short = False
        """Whether that is less than it asked for."""
        self.room_batch = ROOM_BATCH
        self.turn: int | None = None
        """The broadcast whose job is enqueued, or for which a job runs."""
        self.is_claiming = False
        self._turn_given_at = 0.0
        self._limited_at = -LIMITED_S
        self._not_sent: str | None = None
        """Why the request that ended last was not sent; None if it was."""
        self._shut_out_since: float | None = None
        """Since when it has had no request in flight and no place for one."""

    @property
    def is_active(self) -> bool:
        """Whether it has something to send or requests in flight."""
        return bool(self.line) or self.room.in_flight > 0

    def need(self, now: Millis, at: float) -> int:
        """How many requests in flight it would use now."""
        return self.room.need(self.limiter.rates(now)[1], self.limiter.batch, at)

    def wanted(self, now: Millis, at: float, hung: int) -> int:
        """How many of all places it asks for, without those of its requests that hang.

        While it is blocked those that it occupies, and a batch to begin with.
        """
        need = self.need(now, at)
        if self.limiter.is_blocked(now):
            need = min(need, self.room.in_flight + ceil(self.limiter.batch))
        return max(0, need - hung)

    def free(self, now: Millis, at: float) -> int:
        """How many more requests may start now, as far as answers and `max_in_flight` are concerned."""
        return max(0, min(self.need(now, at), self.share) - self.room.in_flight)

    def wait(self, now: Millis, at: float, places: int) -> Millis | None:
        """After how many milliseconds the next turn can be; None: at the end of a request. `places` are free for it."""
        need, in_flight = self.need(now, at), self.room.in_flight
        free = max(0, min(need - in_flight, self.share - in_flight, places))
        self._note_shut_out(at, is_shut_out=places <= 0 and not in_flight)
        least = 1 if self.room.is_silent(at) else max(1, (in_flight + free) // self.room_batch)
        if free < min(self.limiter.batch, least):
            is_held_back = self.is_short or places < min(need, self.share) - in_flight
            if is_held_back and in_flight + free < need and self.limiter.has_batch(now):
                self._limited_at = at
            return None
        return self.limiter.wait(free, now)

    def give_turn(self, at: float) -> int | None:
        """Give the turn to the first in the line; None if there is none, or a turn is under way."""
        if self.turn is None and (first := self.line.first()) is not None:
            self.turn, self._turn_given_at = first, at
            return first
        return None

    def join(self, broadcast_id: int) -> None:
        """Put a broadcast into the line, unless it is there or waits for a result."""
        if broadcast_id not in self.waiting:
            self.line.add(broadcast_id)

    def take_turn(self, broadcast_id: int, at: float) -> bool:
        """A job of this broadcast runs: whether it may claim, for those whose turns are next in the line.

        It may if the turn was given to it or to nobody. Otherwise the broadcast only joins the line.
        """
        self.join(broadcast_id)
        if self.turn is None:
            self.is_claiming = self.give_turn(at) is not None
            return self.is_claiming
        if self.turn != broadcast_id or self.is_claiming:
            return False
        self.is_claiming = True
        return True

    def end_turn(self) -> None:
        """The job that may claim has ended; a broadcast that was not served keeps its place in the line."""
        self.turn, self.is_claiming = None, False

    def return_turn(self, broadcast_id: int) -> None:
        """The job that was given the turn will not take it."""
        if self.turn == broadcast_id and not self.is_claiming:
            self.turn = None

    def leave(self, broadcast_id: int) -> None:
        """The broadcast leaves the line without a turn."""
        self.line.remove(broadcast_id)
        self.waiting.discard(broadcast_id)
        self.return_turn(broadcast_id)

    def set_aside(self, broadcast_id: int) -> None:
        """The broadcast takes no turn until `put_back`."""
        self.line.remove(broadcast_id)
        self.waiting.add(broadcast_id)

    def put_back(self, broadcast_id: int) -> bool:
        """The broadcast may take turns again: whether it had been set aside. Then it is in the line again."""
        if broadcast_id not in self.waiting:
            return False
        self.waiting.discard(broadcast_id)
        self.line.add(broadcast_id)
        return True

    def forget_lost_turn(self, at: float) -> None:
        """Take the turn back from a job that was lost."""
        if self.turn is not None and not self.is_claiming and at - self._turn_given_at > LOST_S:
            self.turn = None

    def acquire(self, wanted: int, now: Millis, at: float) -> int:
        """How many of `wanted` requests may be made now; what is not made must be given back with `release`."""
        granted = self.limiter.acquire(min(wanted, self.free(now, at)), now)
        self.room.granted += granted
        return granted

    def release(self, unused: int) -> None:
        """Give back what `acquire` granted and no request was made for."""
        self.limiter.release(unused)
        self.room.granted -= unused

    def answered(self, request: Request, now: Millis, at: float, *, accepted: bool) -> None:
        """A request ended with an answer from Meta."""
        self.room.answered(request, at)
        self._not_sent = None
        if accepted:
            self.limiter.accepted(now)

    def unanswered(self, request: Request, now: Millis, at: float, detail: str, *, was_sent: bool) -> None:
        """A request ended without one; several in a row block the number, unless it is known to be silent."""
        self.room.unanswered(request, at, was_sent=was_sent)
        self._not_sent = None if was_sent else detail
        if self.room.is_probing:
            self.limiter.unanswered(now, detail)

    def unblock(self) -> None:
        """End the block: a person removed its cause."""
        self.limiter.unblock()
        self.room.forgive()

    def state(self, now: Millis, at: float, time_of: Callable[[Millis], Millis]) -> ThroughputState:
        """The present rate, requests in flight, and why the number does not send, if so.

        `time_of` says which time it is or was at a moment of the monotonic clock.
        """
        allowed, rate = self.limiter.rates(now)
        hold = self._block(now, time_of) or self._silence(now, at, time_of)
        limited = hold is None and at - self._limited_at < LIMITED_S
        return ThroughputState(allowed, rate, self.room.in_flight, hold, limited)

    def shut_out_s(self, at: float) -> float:
        """For how long the number has had no request in flight and no place for one."""
        return 0.0 if self._shut_out_since is None else at - self._shut_out_since

    def _note_shut_out(self, at: float, *, is_shut_out: bool) -> None:
        if not is_shut_out:
            self._shut_out_since = None
        elif self._shut_out_since is None:
            self._shut_out_since = at

    def _block(self, now: Millis, time_of: Callable[[Millis], Millis]) -> Hold | None:
        """The hold of a number that is blocked."""
        block = self.limiter.last_block(now, is_probing=self.room.is_probing)
        if block is None:
            return None
        until = f" (until {iso(time_of(block.until))})" if now < block.until else ""
        return Hold(block.reason, f"{block.detail}{until}", time_of(block.since))

    def _silence(self, now: Millis, at: float, time_of: Callable[[Millis], Millis]) -> Hold | None:
        """The hold of a number to which Meta does not answer, though it has not ended the requests either."""
        room = self.room
        if not self.is_active:
            return None
        if room.is_silent(at):
            return self._no_answer(now, at, time_of)
        if self.free(now, at):
            return None
        overdue = room.overdue(at)
        if 2 * overdue >= room.in_flight > 0:
            waited_s, unanswered = room.oldest_s(at), _requests(room.unanswered_count(at))
            detail = f"no answer from Meta to {unanswered}, the oldest for {waited_s:.0f} s, while it answers others"
            return Hold(HoldReason.NO_ANSWER, detail, time_of(now - round(waited_s * SECOND)))
        if (begun_again_s := room.begun_again_s(at)) is not None and begun_again_s >= BEGUN_AGAIN_S:
            detail = (
                f"Meta answers again, in {room.latency_s:.1f} s: {_requests(room.in_flight)} wait for it, and with each"
                " answer more are sent"
            )
            return Hold(HoldReason.NO_ANSWER, detail, time_of(now - round(begun_again_s * SECOND)))
        return None

    def _no_answer(self, now: Millis, at: float, time_of: Callable[[Millis], Millis]) -> Hold:
        silence_s = self.room.silence_s(at)
        reason, unanswered = HoldReason.NO_ANSWER, _requests(self.room.unanswered_count(at))
        detail = f"no answer from Meta for {silence_s:.0f} s, to {unanswered}"
        if self._not_sent is not None:
            reason = HoldReason.META_UNREACHABLE
            detail = f"no answer from Meta for {silence_s:.0f} s; the last message was {self._not_sent}"
        return Hold(reason, detail, time_of(now - round(silence_s * SECOND)))


def _requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count} requests"
