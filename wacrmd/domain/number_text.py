"""Numbers as people type them. Pure.

Python's own `int` and `float` also take 1_0 for 10, digits of other scripts, nan and infinity.
"""

import re

_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_AMOUNT = re.compile(r"-?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})", re.ASCII)


def read_whole(text: str) -> int | None:
    """The whole number in a text such as `80`; None for another text."""
    return int(text) if _WHOLE.fullmatch(text.strip()) else None


def read_amount(text: str) -> float | None:
    """The number in a text such as `0.5` or `80`; None for another text."""
    return float(text) if _AMOUNT.fullmatch(text.strip()) else None
