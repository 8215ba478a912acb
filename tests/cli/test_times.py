"""Times on the command line: what a person wrote is one moment, or a usage error that asks what was meant."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.harness import Daemon


@pytest.fixture(autouse=True)
def one_person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").write_text("to\n" + "+14155550123\n" * 10)


def line(schedule: str, *more: str) -> tuple[str, ...]:
    return (
        "broadcast",
        "create",
        "--csv",
        "people.csv",
        "--template",
        "hello",
        "--schedule",
        schedule,
        *more,
    )


@pytest.mark.parametrize(
    ("schedule", "zone", "said"),
    [
        ("9999-12-31T23:59:59-12:00", None, "expected a time such as"),
        ("0001-01-01T00:00:00+14:00", None, "expected a time such as"),
        ("0001-01-01", None, "expected a date and a time such as"),
        ("2999-12-01", None, "expected a date and a time such as '2999-12-01 09:00'"),
        ("2999-12-01T09:00:00Z\x00", None, "expected a time such as"),
        ("2999-12-01T09:00+15:00", None, "+15:00 is no offset"),
        ("next week", None, "expected a time such as"),
        ("2020-02-28 09:00", "Asia/Jakarta", "is in the past; did you mean 20"),
        ("2999-03-31 02:30", "Europe/Berlin", "does not exist in Europe/Berlin"),
        ("2999-10-27 02:30", "Europe/Berlin", "comes twice in Europe/Berlin"),
        ("2999-01-01 09:00", "Europe/Berlni", "did you mean Europe/Berlin?"),
        ("2999-01-01 09:00", "../etc/passwd", "expected a time zone"),
        ("2999-01-01 09:00", "Europe", "expected a time zone"),
        ("2999-01-01 09:00", "localtime", "expected a time zone"),
        ("2999-01-01 09:00", "right/Europe/Berlin", "expected a time zone"),
        ("2999-01-01 09:00", "UTC+2", "an offset belongs to the time"),
    ],
)
def test_a_start_that_is_unclear_is_a_usage_error(
    daemon: Daemon, run: Run, schedule: str, zone: str | None, said: str
) -> None:
    zone_given = ("--timezone", zone) if zone else ()
    code, _, err = run("--socket", daemon.socket, *line(schedule, *zone_given))
    assert (code, daemon.asked) == (2, [])
    assert said in err


def test_a_start_is_read_in_the_time_zone_that_is_named(daemon: Daemon, run: Run) -> None:
    for given, utc in (
        (("2999-01-01 09:00", "--timezone", "Asia/Kolkata"), "2999-01-01T03:30:00Z"),
        (("2999-01-01T09:00+02:00", "--timezone", "Asia/Kolkata"), "2999-01-01T07:00:00Z"),
    ):
        daemon.asked.clear()
        run("--socket", daemon.socket, *line(*given, "--yes"))
        assert daemon.asked[-1][1]["scheduled_at"] == int(datetime.fromisoformat(utc).timestamp() * 1000)


@pytest.mark.parametrize("zone", ["Bogus/Zone", "Berlin", "/etc/nowhere"])
def test_a_zone_of_this_machine_that_is_none_is_a_usage_error(
    daemon: Daemon, run: Run, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    code, _, err = run("--socket", daemon.socket, *line("2999-01-01 09:00"))
    assert (code, daemon.asked) == (2, [])
    assert f"TZ is {zone!r}, which is no time zone" in err
    run("--socket", daemon.socket, *line("2999-01-01 09:00Z", "--yes"))
    assert daemon.asked[-1][1]["scheduled_at"] == int(datetime(2999, 1, 1, 9, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize("zone", ["Europe/Berlin", ":Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"])
def test_a_zone_of_this_machine_may_be_written_in_each_posix_form(
    daemon: Daemon, run: Run, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        run("--socket", daemon.socket, *line("2999-01-01 09:00", "--yes"))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert daemon.asked[-1][1]["scheduled_at"] == int(datetime(2999, 1, 1, 8, tzinfo=UTC).timestamp() * 1000)


def test_a_start_of_a_moment_ago_is_left_to_the_daemon(daemon: Daemon, run: Run) -> None:
    just_now = (datetime.now(UTC) - timedelta(seconds=50)).isoformat(timespec="seconds")
    _, _, err = run("--socket", daemon.socket, *line(just_now, "--yes"))
    assert "in the past" not in err
    assert daemon.asked


def test_audit_reads_local_times_and_durations(
    daemon: Daemon, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        for since, asked in (
            (("2h",), "2h"),
            (("2026-11-23 09:00",), "2026-11-23T14:00:00Z"),
            (("2026-11-23 09:00", "--timezone", "Europe/Berlin"), "2026-11-23T08:00:00Z"),
        ):
            daemon.asked.clear()
            assert run("--socket", daemon.socket, "audit", "--since", *since)[0] == 0
            assert daemon.asked == [("audit", {"since": asked, "limit": 100})]
    finally:
        monkeypatch.undo()
        time.tzset()
    for wrong in ("0001-01-01T00:00:00+14:00", "yesterday", "-2h", ""):
        daemon.asked.clear()
        code, _, err = run("--socket", daemon.socket, "audit", f"--since={wrong}")
        assert (code, "expected a time" in err, daemon.asked) == (2, True, [])
        assert "isoformat" not in err
