"""Which fault a request gets, and a number's throughput. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from wacrmd.simulator.options import Options
from wacrmd.simulator.sends import digits


class Fault(StrEnum):
    """What goes wrong with one request."""

    NONE = "none"
    ERROR = "error"
    CLOSE_BEFORE = "close_before"
    CLOSE_AFTER = "close_after"
    HALF_ANSWER = "half_answer"
    HANG = "hang"
    BAD_GATEWAY = "bad_gateway"


def fault_for(options: Options, draw: float) -> Fault:
    """The fault for a random number from 0 to 1; each fault has its share, and a request has at most one."""
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


def accepts_message(fault: Fault, options: Options) -> bool:
    """Whether a message is accepted although its request has this fault."""
    match fault:
        case Fault.CLOSE_BEFORE:
            return False
        case Fault.HANG:
            return options.hang_taken
        case Fault.BAD_GATEWAY:
            return options.bad_gateway_taken
        case _:
            return True


def code_for(pairs: tuple[str, ...], number: str) -> int | None:
    """The error code for the digits of a number, or for a user id, in `pairs` of the form `NUMBER=CODE`."""
    for pair in pairs:
        recipient, _, code = pair.rpartition("=")
        if digits(recipient) == number:
            return int(code)
    return None


@dataclass(slots=True)
class TokenBucket:
    """A number's throughput: `rate` sends a second, with a burst of one second."""

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
