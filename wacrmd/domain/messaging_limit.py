"""Messaging limits: how many different people a business may write to first in 24 hours."""

import math
import re
from dataclasses import dataclass

from wacrmd.clock import DAY, MINUTE, Millis, iso

MARGIN: Millis = 2 * MINUTE
"""So much later than it is claimed a message may reach Meta, and a clock may have been put right meanwhile."""
PERIOD: Millis = DAY + MARGIN
"""For how long a person counts, from the claim on: Meta's 24 hours begin when the message is there, and to write to the next
one a moment too early pauses the number."""
WINDOW: Millis = DAY - 10 * MINUTE
"""For how long after somebody wrote a message to them counts as an answer: somewhat less than Meta says, as it takes time to
arrive."""
UNLIMITED = "TIER_UNLIMITED"
_FORM = re.compile(r"(?:TIER_)?(\d{1,9})(K?)")


def limit_text(value: object) -> str | None:
    """A limit as Meta gives it, a number or a tier, as text; None if it is none, as 0 is. -1 means unlimited."""
    text = str(value).strip().upper() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if text in ("-1", "UNLIMITED"):
        return UNLIMITED
    return text if limit_people(text) else None


def limit_people(text: str | None) -> float | None:
    """How many people a limit allows, infinite if it is unlimited; None if that is not known, as of 0."""
    if text == UNLIMITED:
        return math.inf
    match = _FORM.fullmatch(text or "")
    return (float(match[1]) * (1000 if match[2] else 1) or None) if match is not None else None


def is_lower(new: str, old: str | None) -> bool:
    """Whether the new limit allows fewer people than the old one; False if one of them is not known."""
    new_people, old_people = limit_people(new), limit_people(old)
    return new_people is not None and old_people is not None and new_people < old_people


@dataclass(frozen=True, slots=True)
class LimitUse:
    """How much of a limit is used."""

    limit: float
    """People in `PERIOD`; infinite: unlimited."""
    used: int
    next_at: Millis | None = None
    """When one more than now may be written to; None: nobody counts."""
    next_count: int = 0
    """How many more may be written to an hour after that."""
    is_own: bool = False
    """Whether it is one that somebody has set here, lower than Meta's."""

    @property
    def free(self) -> float:
        """To how many more people may be written now."""
        return max(0, self.limit - self.used)

    @property
    def detail(self) -> str:
        """Why nobody else may be written to now, for people: `2,000 of 2,000 …; the next 600 within an hour from …`."""
        whose = "The daily limit that is set here" if self.is_own else "Meta's limit"
        people = "1 person" if self.limit == 1 else f"{self.limit:,.0f} different people"
        sentence = f"{whose}: {self.used:,} of {people} in 24 hours have been written to"
        if self.next_at is None:
            return f"{sentence}: raise the limit of the number, if Meta allows more"
        return f"{sentence}; the next {self.next_count:,} within an hour from {iso(self.next_at)}"
