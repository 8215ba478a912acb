"""How long the fuzz tests look: the same few examples in `make test`, and new ones without end in `make fuzz`."""

import os
from typing import Final

from hypothesis import HealthCheck, settings

VARIABLE = "WACRMD_FUZZ"
IS_LONG: Final = VARIABLE in os.environ
"""Whether `make fuzz` runs this."""

_LONGER = 10
"""How many times more examples one round of `make fuzz` tries."""


def examples(count: int) -> settings:
    """Try so many examples; in `make fuzz` many more, other ones in each round, and those first that failed before."""
    return settings(
        max_examples=count * _LONGER if IS_LONG else count,
        derandomize=not IS_LONG,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=IS_LONG,
    )
