"""The short torture; `make torture KILLS=1000` is the long one."""

from pathlib import Path

import pytest

from tests.e2e.torture import expected, torture

pytestmark = [pytest.mark.anyio, pytest.mark.torture]


async def test_ten_kills_lose_no_recipient_and_send_no_second_message(tmp_path: Path) -> None:
    report = await torture(kills=10, seed=7, folder=tmp_path)
    assert report.problems == [], report.text()
    assert (report.lost, report.twice) == (0, 0)
    assert report.kills.total() >= 10
    assert report.taken > 0
    assert report.recipients == report.final.total() > 0


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        (("sent",), "sent"),
        (("read", "sent"), "read"),
        (("reply", "sent", "delivered"), "replied"),
        (("failed", "sent"), "failed"),
        (("failed", "delivered"), "delivered"),
        ((), "no status"),
    ],
)
def test_the_expected_status_of_a_set_of_webhooks(statuses: tuple[str, ...], status: str) -> None:
    assert expected(statuses) == status
