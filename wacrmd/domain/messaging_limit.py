"""Messaging limits: how many different people a business may write to first in 24 hours."""

import math
import re

UNLIMITED = "TIER_UNLIMITED"
_FORM = re.compile(r"(?:TIER_)?(\d{1,9})(K?)")


def limit_text(value: object) -> str | None:
    """A limit as Meta gives it, a number or a tier, as text; None if it is none, as 0 is. -1 means unlimited."""
    text = str(value).strip().upper() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if text in ("-1", "UNLIMITED"):
        return UNLIMITED
    return text if limit_people(text) else None


def limit_people(text: str | None) -> float | None:
    """How many people a limit allows, infinite if it is unlimited; None if that is not known."""
    if text == UNLIMITED:
        return math.inf
    match = _FORM.fullmatch(text or "")
    return None if match is None else float(match[1]) * (1000 if match[2] else 1)


def is_lower(new: str, old: str | None) -> bool:
    """Whether the new limit allows fewer people than the old one; False if one of them is not known."""
    new_people, old_people = limit_people(new), limit_people(old)
    return new_people is not None and old_people is not None and new_people < old_people
