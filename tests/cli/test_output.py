"""The output for people and for scripts."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cli.harness import Daemon
from tests.cli.samples import sample_of
from tests.support.patience import PATIENCE_S
from tests.support.terminal import terminal
from wacrmd.cli.output import Kind, clean, details, relative, shown, span
from wacrmd.cli.table import Column, table
from wacrmd.views.broadcasts import BroadcastView
from wacrmd.views.maintenance import Status

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (timedelta(seconds=0), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=3, seconds=10), "3 min ago"),
        (timedelta(hours=5), "5 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=29), "29 days ago"),
        (timedelta(days=-2), "in 2 days"),
        (timedelta(seconds=-5), "in a moment"),
    ],
)
def test_times_are_printed_relative_to_now(away: timedelta, words: str) -> None:
    assert relative((NOW - away).isoformat(), NOW) == words


def test_a_time_over_a_month_away_is_printed_as_a_date() -> None:
    assert relative("2026-01-02T12:00:00.000Z", NOW) == "2026-01-02"
    assert relative("never", NOW) == "never"


def test_characters_that_control_a_terminal_are_removed() -> None:
    assert clean("a\x1b[2Jb\x9bc\u202ed\n") == "a\ufffd[2Jb\ufffdc\ufffdd\ufffd"
    assert shown(["Zoë", "日本"]) == "Zoë, 日本"
    assert shown({"a\x1b]0;title\x07": 1}) == "a\ufffd]0;title\ufffd: 1"


def test_names_of_the_program_are_words(capsys: pytest.CaptureFixture[str]) -> None:
    details({"name": "ann", "has_password": True}.items())
    assert capsys.readouterr().out.splitlines() == ["name          ann", "has password  yes"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        ("", "-"),
        ([], "-"),
        (0, "0"),
        (False, "no"),
        (True, "yes"),
        ({"a": [1, None]}, "a: 1, -"),
    ],
)
def test_every_value_has_a_text(value: Any, text: str) -> None:
    assert shown(value) == text


def test_a_plain_table_is_aligned_and_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    columns = [Column("NAME", "name"), Column("COUNT", "count", Kind.NUMBER), Column("AT", "at", Kind.TIME)]
    rows = [
        {"name": "x" * 200, "count": 5, "at": "2026-11-23T12:00:00.000Z"},
        {"name": "y", "count": 12345, "at": None},
    ]
    table(rows, columns, empty="none")
    title, first, second = capsys.readouterr().out.splitlines()
    assert title == "NAME" + " " * 196 + "  COUNT  AT"
    assert first == "x" * 200 + "      5  2026-11-23T12:00:00.000Z"
    assert second == "y" + " " * 199 + "  12345  -"


def test_on_a_terminal_a_table_fits_the_width_and_markup_is_printed_as_text(daemon: Daemon) -> None:
    daemon.answers["broadcast.list"] = [
        sample_of(BroadcastView, filled=False)
        | {
            "id": "3f2a9c1e-0000-4000-8000-000000000000",
            "name": "[red]Spring[/red] \x1b[2J",
            "status": "failed",
            "created_at": datetime.now(UTC).isoformat(),
            "hold": {"detail": "a reason " * 30, "since": datetime.now(UTC).isoformat()},
        }
    ]
    environ = os.environ | {"COLUMNS": "150", "TERM": "xterm-256color"}
    environ.pop("NO_COLOR", None)
    with terminal() as screen:
        subprocess.run(
            [sys.executable, "-m", "wacrmd.cli.main", "--socket", str(daemon.socket), "broadcast", "list"],
            stdout=screen.end,
            env=environ,
            timeout=PATIENCE_S,
            check=True,
        )
    text = screen.text
    assert "just now" in text
    assert "3f2a9c1e " in text
    assert "0000-4000" not in text
    assert "[red]" in text
    assert "\x1b[2J" not in text
    assert "\x1b[31mfailed" in text
    plain = [line for line in text.replace("\r", "").split("\n") if "\x1b" not in line]
    assert plain
    assert all(len(line) <= 150 for line in plain)


def test_a_remark_is_folded_between_words(daemon: Daemon) -> None:
    daemon.answers["account.list"] = []
    with terminal() as screen:
        line = [sys.executable, "-m", "wacrmd.cli.main", "--socket", str(daemon.socket), "account", "list"]
        subprocess.run(
            line, stderr=screen.end, env=os.environ | {"COLUMNS": "40"}, timeout=PATIENCE_S, check=True
        )
    assert screen.text.split("\r\n") == ["There is no account yet: wacrmd account", "add NAME", ""]


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_whoever_wants_no_colours_gets_none(daemon: Daemon, name: str, value: str) -> None:
    daemon.answers["status"] = sample_of(Status, filled=False) | {"healthy": False, "warnings": ["Look."]}
    with terminal() as screen:
        line = [sys.executable, "-m", "wacrmd.cli.main", "--socket", str(daemon.socket), "status"]
        subprocess.run(
            line, stdout=screen.end, env=os.environ | {name: value}, timeout=PATIENCE_S, check=True
        )
    assert "Needs attention" in screen.text
    assert "\x1b" not in screen.text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "1 s"), (59, "59 s"), (90, "2 min"), (3599, "1 h"), (5400, "1 h 30 min"), (200_000, "2 days")],
)
def test_a_duration_has_at_most_two_units(seconds: float, said: str) -> None:
    assert span(seconds) == said
