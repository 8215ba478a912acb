"""Decisions by chance: which fault meets a request, and what becomes of a message; pure."""

import hashlib
import struct
from dataclasses import dataclass
from enum import StrEnum

from wacrmd.simulator.options import Options
from wacrmd.simulator.sends import digits

_DRAWS = struct.Struct("<8Q")
_FULL = float(2**64)


class Fault(StrEnum):
    """What goes wrong with one request."""

    NONE = "none"
    ERROR = "error"
    CLOSE_BEFORE = "close_before"
    CLOSE_AFTER = "close_after"
    HALF_ANSWER = "half_answer"
    HANG = "hang"
    BAD_GATEWAY = "bad_gateway"


def fault_of(options: Options, draw: float) -> Fault:
    """The fault for a draw within 0 and 1; each has its share, and no request has two."""
    for share, fault in (
        (options.error_share, Fault.ERROR),
        (options.close_before_share, Fault.CLOSE_BEFORE),
        (options.close_after_share, Fault.CLOSE_AFTER),
        (options.half_answer_share, Fault.HALF_ANSWER),
        (options.hang_share, Fault.HANG),
        (options.bad_gateway_share, Fault.BAD_GATEWAY),
    ):
        if draw < share:
            return fault
        draw -= share
    return Fault.NONE


def code_for(pairs: tuple[str, ...], number: str) -> int | None:
    """The code that `pairs` (each `NUMBER=CODE`) hold for a number's digits or a BSUID."""
    for pair in pairs:
        who, _, code = pair.rpartition("=")
        if digits(who) == number:
            return int(code)
    return None


@dataclass(slots=True)
class Bucket:
    """A number's throughput: `rate` sends per second, at most one second's worth at once."""

    tokens: float
    at_s: float

    def take(self, rate: int, now_s: float) -> bool:
        """Whether a send at `now_s` (monotonic seconds) is within the rate."""
        self.tokens = min(float(rate), self.tokens + (now_s - self.at_s) * rate)
        self.at_s = now_s
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Status(StrEnum):
    """What a webhook tells about a message, and the answer of its recipient."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    REPLY = "reply"
    TAP = "tap"


@dataclass(frozen=True, slots=True)
class Step:
    """A webhook: posted `after_ms` its message was answered, it tells of `told_ms` after the taking."""

    status: Status
    after_ms: int
    told_ms: int
    code: int | None = None
    text: str | None = None
    twice: bool = False


def draws(seed: int, key: str) -> tuple[float, ...]:
    """Eight numbers within 0 and 1 that depend on nothing but `seed` and `key`."""
    digest = hashlib.blake2b(f"{seed}/{key}".encode()).digest()
    return tuple(n / _FULL for n in _DRAWS.unpack(digest))


def fate_of(options: Options, key: str, number: str, *, has_button: bool) -> list[Step]:
    """The webhooks that a message brings, in order of posting; the same for the same seed and `key`."""
    failing, code, delivered, read, replied, stop, button, text = draws(options.seed, key)
    steps: list[Step] = []
    forced = code_for(options.failed_recipients, number) if options.failed_recipients else None
    if forced is not None or failing < options.failed_share:
        chosen = options.failed_codes[int(code * len(options.failed_codes))] if forced is None else forced
        steps.append(_step(Status.FAILED, options.failed_after_ms, code=chosen))
    else:
        steps.append(_step(Status.SENT, options.sent_after_ms))
        if delivered < options.delivered_share:
            steps.append(_step(Status.DELIVERED, options.delivered_after_ms))
            if read < options.read_share:
                steps.append(_step(Status.READ, options.read_after_ms))
                if replied < options.replied_share:
                    says_stop = stop < options.stop_share
                    tap = says_stop and has_button and button < options.button_share
                    said = options.stop_text
                    if not says_stop:
                        said = options.reply_texts[int(text * len(options.reply_texts))]
                    steps.append(
                        _step(Status.REPLY if not tap else Status.TAP, options.replied_after_ms, text=said)
                    )
    return _arranged(options, key, steps)


def _step(status: Status, after_ms: int, code: int | None = None, text: str | None = None) -> Step:
    return Step(status, after_ms, after_ms, code, text)


def _arranged(options: Options, key: str, steps: list[Step]) -> list[Step]:
    """The steps with lateness, doubles and a shuffled order put in; each still tells its own time."""
    if not (options.late_ms or options.twice_share or options.shuffle):
        return steps
    times = sorted(s.after_ms + options.late_ms for s in steps)
    luck = draws(options.seed, f"{key}/arranged")
    if options.shuffle and len(steps) > 1:
        # A rotation moves every step: no message keeps its order by chance.
        turn = 1 + int(luck[7] * (len(steps) - 1))
        steps = steps[turn:] + steps[:turn]
    return [
        Step(s.status, at, s.told_ms, s.code, s.text, twice=luck[n] < options.twice_share)
        for n, (s, at) in enumerate(zip(steps, times, strict=True))
    ]


def is_early(options: Options, key: str) -> bool:
    """Whether the message's first status is posted before its send is answered."""
    return options.early_share > 0 and draws(options.seed, f"{key}/early")[0] < options.early_share


def is_held(options: Options, key: str) -> bool:
    """Whether the message is answered `held_for_quality_assessment`."""
    return options.held_share > 0 and draws(options.seed, f"{key}/held")[0] < options.held_share
