"""Whether the time of some work grows in proportion to its input."""

import gc
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

FACTOR = 4
"""How many times larger the larger input is."""
_ALLOWED = 2.5
"""How many times more than in proportion it may take; work that grows with the square takes four times more."""
_LEAST_S = 0.002
"""Less than this says nothing."""
_MOST_S = 2.0
"""Where the smaller input takes so long, it is too slow for any input of its kind."""
_TRIES = 3


def assert_grows_in_proportion(make: Callable[[int], T], work: Callable[[T], object], size: int) -> None:
    """Fail where an input of four times the size takes more than ten times as long.

    Processor time of this thread, the of several runs the least, so that other processes make no difference.
    """
    small, large = make(size), make(size * FACTOR)
    before, after = _time(work, small), _time(work, large)
    assert before < _MOST_S, f"{before:.1f} s for an input of size {size}"
    for _ in range(_TRIES):
        if after <= FACTOR * _ALLOWED * max(before, _LEAST_S):
            return
        before = min(before, _time(work, small))
        after = min(after, _time(work, large))
    raise AssertionError(f"{FACTOR} times the input took {after / before:.1f} times as long: {after:.3f} s")


def _time(work: Callable[[T], object], given: T) -> float:
    """The processor time of this thread."""
    gc.disable()
    try:
        began = time.thread_time()
        work(given)
        return time.thread_time() - began
    finally:
        gc.enable()
