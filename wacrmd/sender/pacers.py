"""The pacers of all numbers: who slows down at which answer, and what the log tells of it."""

from collections.abc import Callable

from wacrmd.clock import Millis
from wacrmd.config.sections import SenderConfig
from wacrmd.log import get_logger
from wacrmd.model import HoldReason, Number
from wacrmd.sender.pacer import Pacer
from wacrmd.sender.policy import Effect, Verdict
from wacrmd.services.context import Flow

log = get_logger(__name__)


class Pacers:
    """One pacer a number that has sent since the start; `settings` are the present ones."""

    def __init__(self, settings: Callable[[], SenderConfig]) -> None:
        self._settings = settings
        self._pacers: dict[str, Pacer] = {}
        self._business: dict[str, set[Pacer]] = {}
        self._held: dict[str, HoldReason] = {}
        self._names: dict[str, str] = {}

    def of(self, number: Number, now: Millis) -> Pacer:
        """The number's pacer, with the rate that it has now."""
        settings = self._settings()
        rate = number.messages_per_second or settings.messages_per_second
        pacer = self._pacers.get(number.id)
        if pacer is None:
            pacer = self._pacers[number.id] = Pacer(rate, settings.max_in_flight, now)
            self._business.setdefault(number.waba_id, set()).add(pacer)
        self._names[number.id] = number.phone_number_id
        pacer.allow(rate, settings.max_in_flight)
        return pacer

    def flow(self, number_id: str, now: Millis) -> Flow | None:
        """How the number sends just now; None when it has not sent since the start."""
        pacer = self._pacers.get(number_id)
        return pacer.flow(now) if pacer else None

    def throttle(self, number_id: str, detail: str, now: Millis) -> None:
        """Meta says that the number is too fast."""
        pacer = self._pacers.get(number_id)
        if pacer is not None:
            pacer.throttle(now, detail)
            self._tell(number_id, pacer, now)

    def unblock(self, number_id: str) -> None:
        """A person has mended what blocked the number."""
        pacer = self._pacers.get(number_id)
        if pacer is not None:
            pacer.unblock()

    def repace(self, number_id: str, rate: float) -> None:
        """The number may send so many messages per second from now on."""
        pacer = self._pacers.get(number_id)
        if pacer is not None:
            pacer.allow(rate, self._settings().max_in_flight)

    def heed(self, verdict: Verdict, number: Number, pacer: Pacer, now: Millis) -> None:
        """Slow down or block the number, or all of its business account's; tell when it begins and ends."""
        match verdict.effect:
            case Effect.THROTTLE:
                pacer.throttle(now, verdict.detail)
                if verdict.wait and verdict.hold:
                    pacer.block(now, verdict.wait, verdict.hold, verdict.detail)
            case Effect.MAINTENANCE if verdict.hold:
                pacer.block(now, verdict.wait, verdict.hold, verdict.detail)
            case Effect.LIMIT if verdict.hold:
                wait = max(verdict.wait, pacer.limit_block(now))
                for other in {pacer, *self._business.get(number.waba_id, set())}:
                    other.block(now, wait, verdict.hold, verdict.detail)
            case _:
                pass
        self._tell(number.id, pacer, now)

    def _tell(self, number_id: str, pacer: Pacer, now: Millis) -> None:
        hold, name = pacer.flow(now).hold, self._names[number_id]
        if hold is not None and self._held.get(number_id) is not hold.reason:
            self._held[number_id] = hold.reason
            log.warning("number_held", number=name, reason=hold.reason.value, detail=hold.detail)
        elif hold is None and self._held.pop(number_id, None) is not None:
            log.info("number_flows_again", number=name)
