"""The short torture; `make torture KILLS=1000` is the long one."""

from pathlib import Path

import pytest

from tests.e2e.torture import expected, torture

pytestmark = [pytest.mark.anyio, pytest.mark.torture]


async def test_ten_kills_lose_nobody_and_message_nobody_twice(tmp_path: Path) -> None:
    report = await torture(kills=10, seed=7, folder=tmp_path)
    assert report.problems == [], report.text()
    assert (report.lost, report.twice) == (0, 0)
    assert report.kills.total() >= 10
    assert report.taken > 0
    assert report.recipients == report.final.total() > 0


@pytest.mark.parametrize(
    ("told", "status"),
    [
        (("sent",), "sent"),
        (("read", "sent"), "read"),
        (("reply", "sent", "delivered"), "replied"),
        (("failed", "sent"), "failed"),
        (("failed", "delivered"), "delivered"),
        ((), "nothing told"),
    ],
)
def test_what_the_comparison_expects(told: tuple[str, ...], status: str) -> None:
    assert expected(told) == status
