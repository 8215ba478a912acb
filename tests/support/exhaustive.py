"""What takes long is tried whole by `make exhaustive`, which CI runs, and in part by `make test`.

Tests of which there is more have the marker `exhaustive`; those that only the long run has, `exhaustive(only=True)`; those
of which the short run has some of the parametrized cases, `exhaustive(enough=3)`. A whole module may have it.
"""

import os
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

VARIABLE = "WACRMD_EXHAUSTIVE"

IS_EXHAUSTIVE = os.environ.get(VARIABLE) == "1"
"""Whether this is the long run."""


def spread(values: Iterable[T], enough: int) -> list[T]:
    """All values in the long run; else so many of them, the first, the last and others evenly between them.

    It chooses the same ones each time: a test that fails fails again.
    """
    return list(values) if IS_EXHAUSTIVE else evenly(list(values), enough)


def evenly(values: list[T], count: int) -> list[T]:
    """So many of the values, evenly spread, of which one alone is the first; all of them if there are no more."""
    last = len(values) - 1
    if last < count or count == 1:
        return values[:count]
    return [values[round(last * number / (count - 1))] for number in range(count)]
