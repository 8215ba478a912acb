"""Sending again to those whose message failed or was not delivered: to whom, when, and how often by itself. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from wacrmd.clock import HOUR, Millis
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.fields import Doc

MAX_RULES = 20
MAX_CODES = 50
MAX_AFTER_HOURS = 30 * 24
MAX_TIMES = 10
MAX_NOT_DELIVERED_HOURS = 30 * 24
"""Meta gives up a message that could not be delivered after 30 days (docs/meta.md, Sending)."""


@dataclass(frozen=True, slots=True)
class RetryRule:
    """To whom a broadcast is sent again by itself: those whose message failed with one of these codes."""

    codes: Annotated[tuple[int, ...], Doc("Meta's error codes")]
    after_hours: Annotated[int, Doc("how long after the failure; later if Meta asks for more")]
    times: Annotated[int, Doc("how often at most, for one person")]

    def __str__(self) -> str:
        """As it is written on the command line: `131049 after 24h, 2 times`."""
        times = "1 time" if self.times == 1 else f"{self.times} times"
        return f"{', '.join(map(str, self.codes))} after {self.after_hours}h, {times}"


RetryRules = tuple[RetryRule, ...]


@dataclass(frozen=True, slots=True)
class RetryLimits:
    """What Meta allows: how long to wait after a failure with a code, and which codes make another attempt pointless."""

    waits: Mapping[int, Millis] = field(default_factory=dict)
    never: frozenset[int] = frozenset()

    def wait_after(self, code: int) -> Millis:
        """How long to wait at least after a failure with this code."""
        return self.waits.get(code, 0)


NO_LIMITS = RetryLimits()


@dataclass(frozen=True, slots=True)
class RetryRequest:
    """To whom a person wants to send again.

    `codes`: of those who failed, only these. `not_delivered_after`: of those in `sent`, whose message Meta took so long ago
    and has not delivered. `at`: not before this time. `pending` in the statuses: all who wait for a retry already.
    """

    statuses: frozenset[RecipientStatus]
    codes: frozenset[int] | None = None
    not_delivered_after: Millis | None = None
    at: Millis | None = None

    @property
    def moves(self) -> bool:
        """Whether those who wait for such a retry already are to wait for another time, or no more."""
        return self.at is not None or RecipientStatus.PENDING in self.statuses


def again_at(
    rules: Iterable[RetryRule], code: int, *, failed_at: Millis, used: int, limits: RetryLimits
) -> Millis | None:
    """When a message that failed with `code` is sent again by the rules, after `used` times already; None: it is not."""
    if code in limits.never:
        return None
    for rule in rules:
        if code in rule.codes:
            return (
                failed_at + max(rule.after_hours * HOUR, limits.wait_after(code))
                if used < rule.times
                else None
            )
    return None
