"""A number: its rate, and whether it is removed."""

from dataclasses import replace

from tests.domain.test_broadcast_hold import NOW, NUMBER


def test_the_rate_of_a_number_counts_before_the_default() -> None:
    assert NUMBER.rate(80.0) == 80.0
    assert replace(NUMBER, messages_per_second=5.0).rate(80.0) == 5.0


def test_a_number_with_a_time_of_removal_is_removed() -> None:
    assert not NUMBER.is_removed
    assert replace(NUMBER, removed_at=NOW).is_removed
