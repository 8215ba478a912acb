"""The rate limiters of all numbers: applies decisions to them, and logs blocks."""

from collections.abc import Callable

from wacrmd.clock import Millis
from wacrmd.config.sections import SenderConfig
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.number import Number
from wacrmd.domain.throughput import ThroughputState
from wacrmd.log import get_logger
from wacrmd.sender.decision import Decision, Effect
from wacrmd.sender.rate_limiter import RateLimiter

log = get_logger(__name__)


class RateLimiters:
    """One rate limiter for each number that has sent since the start; `settings` returns those in force."""

    def __init__(self, settings: Callable[[], SenderConfig]) -> None:
        self._settings = settings
        self._by_number: dict[str, RateLimiter] = {}
        self._by_business_account: dict[str, set[RateLimiter]] = {}
        self._logged_blocks: dict[str, HoldReason] = {}
        self._phone_number_ids: dict[str, str] = {}

    def of(self, number: Number, now: Millis) -> RateLimiter:
        """The number's rate limiter, with the rate that is configured now."""
        settings = self._settings()
        rate = number.rate(settings.messages_per_second)
        limiter = self._by_number.get(number.id)
        if limiter is None:
            limiter = self._by_number[number.id] = RateLimiter(rate, settings.max_in_flight, now)
            self._by_business_account.setdefault(number.waba_id, set()).add(limiter)
        self._phone_number_ids[number.id] = number.phone_number_id
        limiter.configure(rate, settings.max_in_flight)
        return limiter

    def state(self, number_id: str, now: Millis) -> ThroughputState | None:
        """How fast the number sends now; None when it has not sent since the start."""
        limiter = self._by_number.get(number_id)
        return limiter.state(now) if limiter else None

    def throttle(self, number_id: str, detail: str, now: Millis) -> None:
        """Lower the number's rate: Meta reports that it sends too fast."""
        limiter = self._by_number.get(number_id)
        if limiter is not None:
            limiter.throttle(now, detail)
            self._log_block(number_id, limiter, now)

    def unblock(self, number_id: str) -> None:
        """End the number's block: a person removed its cause."""
        limiter = self._by_number.get(number_id)
        if limiter is not None:
            limiter.unblock()

    def set_rate(self, number_id: str, rate: float) -> None:
        """Let the number send this many messages per second from now on."""
        limiter = self._by_number.get(number_id)
        if limiter is not None:
            limiter.configure(rate, self._settings().max_in_flight)

    def apply(self, decision: Decision, number: Number, limiter: RateLimiter, now: Millis) -> None:
        """Slow down or block the number, or all numbers of its business account, as the decision says."""
        match decision.effect:
            case Effect.THROTTLE:
                limiter.throttle(now, decision.detail)
                if decision.wait and decision.hold:
                    limiter.block(now, decision.wait, decision.hold, decision.detail)
            case Effect.MAINTENANCE if decision.hold:
                limiter.block(now, decision.wait, decision.hold, decision.detail)
            case Effect.CALL_LIMIT if decision.hold:
                wait = max(decision.wait, limiter.call_limit_block(now))
                for other in {limiter, *self._by_business_account.get(number.waba_id, set())}:
                    other.block(now, wait, decision.hold, decision.detail)
            case _:
                pass
        self._log_block(number.id, limiter, now)

    def _log_block(self, number_id: str, limiter: RateLimiter, now: Millis) -> None:
        """Log once that a block began or ended."""
        hold, name = limiter.state(now).hold, self._phone_number_ids[number_id]
        if hold is not None and self._logged_blocks.get(number_id) is not hold.reason:
            self._logged_blocks[number_id] = hold.reason
            log.warning("number_blocked", number=name, reason=hold.reason.value, detail=hold.detail)
        elif hold is None and self._logged_blocks.pop(number_id, None) is not None:
            log.info("number_unblocked", number=name)
