"""The lock for write transactions."""

import threading
import time

import pytest

from tests.support.patience import PATIENCE_S
from wacrmd.store.write_lock import WriteLock


def test_who_waits_gets_the_lock_before_its_last_holder_gets_it_again() -> None:
    lock, order = WriteLock(), list[str]()

    def wait() -> None:
        with lock:
            order.append("waiting")

    waiting = threading.Thread(target=wait)
    with lock:
        waiting.start()
        until = time.monotonic() + PATIENCE_S
        while not lock.is_awaited():
            assert time.monotonic() < until, "nobody waits for the lock"
            time.sleep(0.001)
    for _ in range(100):
        with lock:
            order.append("again")
    waiting.join()
    assert order[0] == "waiting"


def test_an_error_inside_releases_the_lock() -> None:
    lock = WriteLock()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), lock:
            _ = 1 / 0
    assert not lock.is_awaited()
