"""The short torture; `make torture KILLS=1000` is the long one."""

import io
from pathlib import Path

import pytest

from tests.e2e.torture import expected, torture
from tests.e2e.torture.run import OPTIONS, Torture
from wacrmd.simulator import Simulator

pytestmark = [pytest.mark.anyio, pytest.mark.torture]


async def test_ten_kills_lose_no_recipient_and_send_no_second_message(tmp_path: Path) -> None:
    report = await torture(kills=10, seed=7, folder=tmp_path)
    assert report.problems == [], report.text()
    assert (report.lost, report.twice) == (0, 0)
    assert report.kills.total() >= 10
    assert len(report.mishaps) + len(report.skipped) == 7
    assert report.taken > 0
    assert report.recipients == report.final.total() > 0


class Tripping(Torture):
    """Its second life meets an error that the harness does not know."""

    async def one_life(self) -> None:
        if self.report.kills.total() > 1:
            raise AttributeError("'NoneType' object has no attribute 'getpeername'")
        await super().one_life()


async def test_a_run_that_ends_early_reports_what_it_has(tmp_path: Path) -> None:
    async with Simulator.running(OPTIONS) as sim:
        run = Tripping(tmp_path, sim, kills=3, seed=1, progress=(progress := io.StringIO()))
        report = await run.run()
    assert len(report.problems) == 1, report.text()
    assert "the harness ended early" in report.problems[0]
    assert "getpeername" in report.problems[0]
    assert report.kills.total() == 2
    assert report.recipients == report.final.total()  # none, if the only life ended while it started
    assert "2 of 4 kills" in progress.getvalue()


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
