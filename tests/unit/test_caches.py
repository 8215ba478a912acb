"""What a cache keeps of the inputs of strangers and tenants is small."""

import gc
import tracemalloc
from collections.abc import Callable

import pytest
from pydantic import ValidationError

from wacrmd.meta.billing import billing_of
from wacrmd.operations.optouts import NewOptOut

LONG = "x" * 20_000
CALLS = 200
KEPT = 400_000
"""Bytes: a tenth of what the calls are given."""


def unknown_field(number: int) -> None:
    """The field is ignored."""
    NewOptOut.model_validate({"phone": "+14155550123", f"{number}{LONG}": 1})


def misspelt_field(number: int) -> None:
    """Only the beginning is compared."""
    with pytest.raises(ValidationError, match="did you mean 'detail'"):
        NewOptOut.model_validate({"phone": "+14155550123", f"detail{number}" + "-" * 20_000: 1})


def pricing(number: int) -> None:
    """The words are cut."""
    words = {"category": f"{number}{LONG}", "pricing_model": f"{number}{LONG}", "type": [LONG]}
    found = billing_of({"pricing": words})
    assert found is not None
    assert found.pricing is not None
    assert found.pricing.category == words["category"][:64]


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("call", [unknown_field, misspelt_field, pricing])
def test_a_cache_keeps_the_beginning_of_a_long_text_only(call: Callable[[int], None]) -> None:
    call(-1)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(CALLS):
            call(number)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < KEPT
