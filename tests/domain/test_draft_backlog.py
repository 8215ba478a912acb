"""What there is to do for drafts, in words."""

import pytest

from wacrmd.domain.draft_backlog import MAX_WAIT, DraftBacklog, reason


@pytest.mark.parametrize(
    ("counts", "since", "said"),
    [
        ({}, None, "0 drafts, none waits"),
        ({"editing": 2, "checked": 1}, None, "3 drafts, none waits"),
        ({"checking": 1}, 0, "1 draft waits (1 to be checked), the oldest since 1970-01-01T00:00:00.000Z"),
        (
            {"editing": 4, "checking": 2, "preparing": 1, "returning": 1, "discarded": 1},
            1000,
            (
                "5 drafts wait (2 to be checked, 1 to be sent, 1 to be taken back, 1 to be deleted),"
                " the oldest since 1970-01-01T00:00:01.000Z"
            ),
        ),
    ],
)
def test_the_backlog_says_what_waits(counts: dict[str, int], since: int | None, said: str) -> None:
    assert DraftBacklog(counts, since).text() == said


def test_it_is_behind_after_ten_minutes() -> None:
    assert [DraftBacklog.is_behind(age) for age in (0, MAX_WAIT - 1, MAX_WAIT)] == [False, False, True]


@pytest.mark.parametrize(
    ("is_draining", "shares", "why", "advice"),
    [
        (
            True,
            [(1, 2)],
            "the daemon drains",
            "They go on by themselves when it does not drain any more: wacrmd undrain",
        ),
        (
            False,
            [(1, 3), (0, 0), (5, 5)],
            "one after the other is done, now at 33 %, 0 %, 100 %",
            "If this does not grow: systemctl restart wacrmd",
        ),
        (
            False,
            [],
            "nothing works on them",
            "The log says why (draft_worker_crashed). After a restart they go on.",
        ),
    ],
)
def test_a_wait_has_a_reason(is_draining: bool, shares: list[tuple[int, int]], why: str, advice: str) -> None:
    assert reason(is_draining=is_draining, shares=shares) == (why, advice)
