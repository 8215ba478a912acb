"""The short torture; `make torture KILLS=1000` is the long one."""

import io
import os
import signal
from collections import Counter
from pathlib import Path

import anyio
import pytest

from tests.e2e.torture import expected, torture
from tests.e2e.torture.bill import Sum, compare_bill
from tests.e2e.torture.compare import Recipient, compare_recipient
from tests.e2e.torture.meta import OPTIONS
from tests.e2e.torture.report import Report
from tests.e2e.torture.run import Torture
from wacrmd.domain.callback_token import callback_token
from wacrmd.simulator import Simulator
from wacrmd.simulator.ledger import Entry
from wacrmd.simulator.sends import Send

pytestmark = [pytest.mark.anyio, pytest.mark.torture]


@pytest.mark.exhaustive(only=True)
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


@pytest.mark.exhaustive(only=True)
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


@pytest.mark.exhaustive(only=True)
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


def message(attempt: int, *statuses: str, endpoint: str = "messages") -> Entry:
    """One that the simulated Meta took, and what it has posted about it."""
    send = Send(
        input="+4915112000001",
        wa_id="4915112000001",
        user_id="DE.774915112000001",
        callback_data=callback_token("b", 1, attempt),
        template="hello",
        language="en_US",
        button_payload=None,
    )
    return Entry(attempt, 1_795_000_000_000, "1", send, f"wamid.{attempt}", b"", statuses, endpoint)


def recipient(status: str, attempt: int, *, has_opted_out: int = 0) -> Recipient:
    return Recipient(
        "b", 1, "+4915112000001", status, attempt, 0, f"wamid.{attempt}", "why", None, has_opted_out
    )


@pytest.mark.parametrize(
    ("row", "taken", "problem"),
    [
        (recipient("sent", 1), {1: [message(1, "sent")]}, None),
        (recipient("sent", 2), {1: [message(1, "failed")], 2: [message(2, "sent")]}, None),
        (recipient("failed", 2), {1: [message(1, "failed")]}, None),
        (recipient("cancelled", 1, has_opted_out=1), {1: [message(1, "failed")]}, None),
        (recipient("sent", 1), {1: [message(1, "sent"), message(1, "sent")]}, "2 messages in attempt 1"),
        (recipient("sent", 2), {1: [message(1, "delivered")], 2: [message(2, "sent")]}, "was sent to again"),
        (recipient("sent", 2), {1: [message(1, "sent")], 2: [message(2, "sent")]}, "was sent to again"),
        (recipient("delivered", 1), {1: [message(1, "sent")]}, "Meta posted: sent"),
        (recipient("pending", 1), {1: [message(1, "failed")]}, "still waits"),
        (recipient("cancelled", 1), {1: [message(1, "failed")]}, "is cancelled"),
        (recipient("sent", 1), {}, "has no message and no reason"),
    ],
)
def test_a_recipient_is_compared_with_all_messages_to_it(
    row: Recipient, taken: dict[int, list[Entry]], problem: str | None
) -> None:
    report = Report(1)
    compare_recipient(row, taken, report)
    assert len(report.problems) == (problem is not None)
    assert all(str(problem) in each for each in report.problems)


def test_the_bill_is_compared_by_broadcast_month_and_country() -> None:
    entries = [message(1, "failed"), message(2, "sent", "delivered", endpoint="marketing_messages")]
    right = {by: Sum(1, Counter(EUR=99_000)) for by in ("b", "2026-11", "DE")}
    said = {
        "broadcast": {"b": right["b"]},
        "month": {"2026-11": right["2026-11"]},
        "country": {"DE": right["DE"]},
    }
    report = Report(1)
    compare_bill(said, entries, (), report)
    assert (report.problems, report.billed, report.money) == ([], 1, Counter(EUR=99_000))
    wrong = said | {"country": {"DE": Sum(1, Counter(EUR=113_100)), "GB": Sum(1)}}
    compare_bill(wrong, entries, (), report)
    assert len(report.problems) == 2
