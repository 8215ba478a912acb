"""How a broadcast is sent: in which hours, how fast, to whom first, and to whom again. Pure."""

from dataclasses import dataclass, replace
from typing import Annotated

from wacrmd.clock import MINUTE, SECOND
from wacrmd.domain.account_settings import AccountSettings
from wacrmd.domain.canary import Canary
from wacrmd.domain.retry import RetryRules
from wacrmd.domain.send_between import SendBetween
from wacrmd.fields import Doc

MAX_MINUTES = 7 * 24 * 60
"""A week: over how long a broadcast may be spread, and how long it may wait after its first people."""
MIN_RATE, MAX_RATE = 0.001, 1000
"""Messages per second: one in a quarter of an hour, and the most that Meta takes from a number."""


@dataclass(frozen=True, kw_only=True)
class SendingPlan:
    """What the caller says of the way in which a broadcast is sent; each part is optional."""

    send_between: Annotated[
        SendBetween | None, Doc("the hours in which messages are sent; null: at any time")
    ] = None
    spread_over_minutes: Annotated[
        int | None, Doc("over how many minutes the messages are spread; null: as fast as its number may")
    ] = None
    messages_per_second: Annotated[
        float | None, Doc("how many messages of it are sent in a second at most; null: as its number may")
    ] = None
    canary: Annotated[Canary | None, Doc("to whom it is sent first; null: to all at once")] = None
    retry_rules: Annotated[
        RetryRules | None, Doc("when it is sent again by itself to those who failed; null or none: never")
    ] = None

    def over(self, settings: AccountSettings) -> "SendingPlan":
        """The plan with what is set for the account where it says nothing."""
        rules = settings.retry_rules if self.retry_rules is None else self.retry_rules
        return replace(self, send_between=self.send_between or settings.send_between, retry_rules=rules)

    def rate_for(self, people: int) -> float | None:
        """Messages per second that a broadcast to so many people may send at most; None: as many as its number may."""
        spread = None
        if self.spread_over_minutes:
            spread = people * SECOND / (self.spread_over_minutes * MINUTE)
        rates = [rate for rate in (self.messages_per_second, spread) if rate]
        return min(rates) if rates else None


AS_FAST_AS_POSSIBLE = SendingPlan()
