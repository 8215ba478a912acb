"""The pacers of all numbers: who slows down at which answer, and what the log tells of it."""

from collections.abc import Callable

from wacrmd.clock import Millis
from wacrmd.config.sections import SenderConfig
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.number import Number
from wacrmd.log import get_logger
from wacrmd.sender.decision import Decision, Effect
from wacrmd.sender.rate_limiter import RateLimiter
from wacrmd.services.context import ThroughputState

log = get_logger(__name__)


class RateLimiters:
    """One pacer a number that has sent since the start; `settings` are the present ones."""

    def __init__(self, settings: Callable[[], SenderConfig]) -> None:
        self._settings = settings
        self._limiters: dict[str, RateLimiter] = {}
        self._business: dict[str, set[RateLimiter]] = {}
        self._held: dict[str, HoldReason] = {}
        self._names: dict[str, str] = {}

    def of(self, number: Number, now: Millis) -> RateLimiter:
        """The number's pacer, with the rate that it has now."""
        settings = self._settings()
        rate = number.messages_per_second or settings.messages_per_second
        limiter = self._limiters.get(number.id)
        if limiter is None:
            limiter = self._limiters[number.id] = RateLimiter(rate, settings.max_in_flight, now)
            self._business.setdefault(number.waba_id, set()).add(limiter)
        self._names[number.id] = number.phone_number_id
        limiter.configure(rate, settings.max_in_flight)
        return limiter

    def state(self, number_id: str, now: Millis) -> ThroughputState | None:
        """How the number sends just now; None when it has not sent since the start."""
        limiter = self._limiters.get(number_id)
        return limiter.state(now) if limiter else None

    def throttle(self, number_id: str, detail: str, now: Millis) -> None:
        """Meta says that the number is too fast."""
        limiter = self._limiters.get(number_id)
        if limiter is not None:
            limiter.throttle(now, detail)
            self._tell(number_id, limiter, now)

    def unblock(self, number_id: str) -> None:
        """A person has mended what blocked the number."""
        limiter = self._limiters.get(number_id)
        if limiter is not None:
            limiter.unblock()

    def set_rate(self, number_id: str, rate: float) -> None:
        """The number may send so many messages per second from now on."""
        limiter = self._limiters.get(number_id)
        if limiter is not None:
            limiter.configure(rate, self._settings().max_in_flight)

    def apply(self, decision: Decision, number: Number, limiter: RateLimiter, now: Millis) -> None:
        """Slow down or block the number, or all of its business account's; tell when it begins and ends."""
        match decision.effect:
            case Effect.THROTTLE:
                limiter.throttle(now, decision.detail)
                if decision.wait and decision.hold:
                    limiter.block(now, decision.wait, decision.hold, decision.detail)
            case Effect.MAINTENANCE if decision.hold:
                limiter.block(now, decision.wait, decision.hold, decision.detail)
            case Effect.LIMIT if decision.hold:
                wait = max(decision.wait, limiter.limit_block(now))
                for other in {limiter, *self._business.get(number.waba_id, set())}:
                    other.block(now, wait, decision.hold, decision.detail)
            case _:
                pass
        self._tell(number.id, limiter, now)

    def _tell(self, number_id: str, limiter: RateLimiter, now: Millis) -> None:
        hold, name = limiter.state(now).hold, self._names[number_id]
        if hold is not None and self._held.get(number_id) is not hold.reason:
            self._held[number_id] = hold.reason
            log.warning("number_blocked", number=name, reason=hold.reason.value, detail=hold.detail)
        elif hold is None and self._held.pop(number_id, None) is not None:
            log.info("number_unblocked", number=name)
