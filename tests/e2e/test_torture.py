"""The short torture; `make torture KILLS=1000` is the long one."""

import io
import os
import signal
from pathlib import Path

import anyio
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


class Interrupted(Torture):
    """Somebody presses Ctrl-C while the file of the daemon is away, and again while it waits for the end."""

    async def one_life(self) -> None:
        async with self.mishaps._moved():
            while not (self.folder / "away.db").exists():  # noqa: ASYNC110 - of a file
                await anyio.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)
            await anyio.sleep_forever()

    async def settle(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await anyio.sleep_forever()


async def test_ctrl_c_ends_the_kills_and_a_second_one_the_wait_and_both_with_a_report(tmp_path: Path) -> None:
    async with Simulator.running(OPTIONS) as sim:
        report = await Interrupted(tmp_path, sim, kills=3, seed=1).run()
    assert report.ended_by == "SIGINT"
    assert report.problems[0] == "the end was not reached: a second signal came", report.text()
    assert not any("answered 202 and is not there" in problem for problem in report.problems)


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
