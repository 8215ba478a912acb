"""The speed of a broadcast while it is watched."""

from wacrmd.clock import SECOND
from wacrmd.services.broadcasts.details import Speed

NOW = 1_795_000_000_000


def test_the_speed_is_measured_over_the_last_seconds() -> None:
    speed = Speed()
    assert speed.add(0, NOW) is None
    assert speed.add(50, NOW + SECOND) == 50
    for second in range(2, 20):
        rate = speed.add(50 + (second - 1) * 10, NOW + second * SECOND)
    assert rate == 10
