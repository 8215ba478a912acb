"""When a message that failed is sent again by rules."""

import pytest

from wacrmd.clock import DAY, HOUR
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.domain.retry import NO_LIMITS, RetryLimits, RetryRequest, RetryRule, again_at

RULES = (RetryRule((131049, 131026), 5, 2), RetryRule((131053,), 1, 1))
LIMITS = RetryLimits({131049: DAY}, frozenset({131026}))


@pytest.mark.parametrize(
    ("code", "used", "limits", "after"),
    [
        (131049, 0, NO_LIMITS, 5 * HOUR),
        (131049, 1, NO_LIMITS, 5 * HOUR),
        (131049, 2, NO_LIMITS, None),
        (131049, 0, LIMITS, DAY),
        (131026, 0, NO_LIMITS, 5 * HOUR),
        (131026, 0, LIMITS, None),
        (131053, 0, LIMITS, HOUR),
        (131053, 1, LIMITS, None),
        (131000, 0, LIMITS, None),
    ],
)
def test_a_rule_waits_as_long_as_it_and_meta_say_and_is_used_up_at_last(
    code: int, used: int, limits: RetryLimits, after: int | None
) -> None:
    found = again_at(RULES, code, failed_at=1000, used=used, limits=limits)
    assert found == (None if after is None else 1000 + after)


def test_a_rule_reads_as_it_is_written_on_the_command_line() -> None:
    assert [str(rule) for rule in RULES] == ["131049, 131026 after 5h, 2 times", "131053 after 1h, 1 time"]


def test_only_a_time_or_those_who_wait_already_move_a_retry() -> None:
    failed, waiting = frozenset({RecipientStatus.FAILED}), frozenset({RecipientStatus.PENDING})
    assert not RetryRequest(failed).moves
    assert RetryRequest(failed, at=0).moves
    assert RetryRequest(waiting).moves
