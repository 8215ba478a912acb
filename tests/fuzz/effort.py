"""How long the fuzz tests look: the same few examples in `make test`, more in `make exhaustive`, and new ones without end in
`make fuzz`."""

import os
from collections.abc import Callable
from typing import Final, TypeVar

import pytest
from hypothesis import HealthCheck, settings

from tests.support.exhaustive import IS_EXHAUSTIVE

Test = TypeVar("Test", bound=Callable[..., object])

VARIABLE = "WACRMD_FUZZ"
IS_LONG: Final = VARIABLE in os.environ
"""Whether `make fuzz` runs this."""

_LONGER = 10
"""How many times more examples one round of `make fuzz` tries."""


def examples(count: int) -> Callable[[Test], Test]:
    """Try a sixth of so many examples, all in the long run; in `make fuzz` many more, other ones in each round, and those
    first that failed before."""
    effort = settings(
        max_examples=count * _LONGER if IS_LONG else count if IS_EXHAUSTIVE else max(count // 6, 4),
        derandomize=not IS_LONG,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=IS_LONG,
    )

    def decorate(test: Test) -> Test:
        marked: Test = pytest.mark.exhaustive(effort(test))
        return marked

    return decorate
