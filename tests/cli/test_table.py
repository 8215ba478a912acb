"""Tables on terminals of many widths: which columns are shown depends on what they hold."""

import re
from typing import Any

import pytest

from tests.support.terminal import stdout_on_a_terminal
from wacrmd.cli.broadcast_tables import COLUMNS, FAILURES, RECIPIENTS
from wacrmd.cli.commands.control import AUDIT
from wacrmd.cli.commands.key import COLUMNS as KEYS
from wacrmd.cli.folding import width
from wacrmd.cli.output import Kind
from wacrmd.cli.table import Column, table

BROADCAST: dict[str, Any] = {
    "id": "3f2a9c1e-0000-4000-8000-000000000000",
    "name": "Spring sale for everybody who asked for it, and for 日本",
    "status": "cancelled",
    "total_recipients": 1000,
    "pending_count": 500,
    "sent_count": 400,
    "delivered_count": 300,
    "read_count": 200,
    "failed_count": 0,
    "held_count": 0,
    "uncertain_count": 0,
    "created_at": "2026-01-23T12:00:00.000Z",
}
LIST = [one for one in COLUMNS if one.field != "hold"]


def drawn(monkeypatch: pytest.MonkeyPatch, columns: int, rows: list[dict[str, Any]], shown: Any) -> list[str]:
    """The lines of a table on a terminal of this width, none of them wider than it."""
    monkeypatch.setenv("COLUMNS", str(columns))
    with stdout_on_a_terminal() as terminal:
        table(rows, shown, empty="none")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", terminal.text).replace("\r", "").split("\n")
    assert all(width(line) <= columns for line in lines), lines
    return lines


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
@pytest.mark.parametrize("work", ["failed_count", "held_count", "uncertain_count"])
def test_a_count_that_means_work_goes_last(monkeypatch: pytest.MonkeyPatch, columns: int, work: str) -> None:
    rows = [BROADCAST, BROADCAST | {work: 7}]
    title = next(one.title for one in COLUMNS if one.field == work)
    head = drawn(monkeypatch, columns, rows, LIST)[0].split()
    assert title in head
    assert [one for one in ("FAILED", "HELD", "UNCERTAIN") if one in head] == [title]
    assert ("READ" in head) == (columns >= 100)


@pytest.mark.parametrize("columns", [44, 60, 80, 100, 200])
def test_all_work_is_shown_on_every_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    row = BROADCAST | {"failed_count": 1, "held_count": 2, "uncertain_count": 3}
    text = "\n".join(drawn(monkeypatch, columns, [row, row], LIST)).lower()
    assert "failed" in text
    assert "held" in text
    assert "uncertain" in text


def test_a_long_text_stands_below_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {
        "id": 1,
        "via": "command",
        "at": "2026-11-23T12:00:00.000Z",
        "user": "root",
        "pid": 4711,
        "method": "broadcast.give-up",
        "result": "ok",
        "calls": None,
        "params": "id=3f2a9c1e-0000-4000-8000-000000000000 reason=" + "a word or two " * 6,
    }
    lines = drawn(monkeypatch, 80, [entry, entry | {"params": ""}], AUDIT)
    assert lines[0].split() == ["WHEN", "USER", "VIA", "ID", "PID", "METHOD", "RESULT"]
    assert lines[1].split()[2:] == ["root", "command", "1", "4711", "broadcast.give-up", "ok"]
    assert lines[2].startswith("    id=3f2a9c1e-0000-4000-8000-000000000000 reason=a")
    assert lines[4].split()[2:] == ["root", "command", "1", "4711", "broadcast.give-up", "ok"]
    assert drawn(monkeypatch, 100, [entry | {"params": "id=3f2a9c1e"}], AUDIT)[1].endswith(
        "ok      id=3f2a9c1e"
    )


def test_two_long_texts_below_a_row_have_their_titles(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = (Column("ID", "id"), Column("NOTE", "a", Kind.PROSE), Column("ERROR", "b", Kind.PROSE))
    lines = drawn(monkeypatch, 60, [{"id": "1", "a": "x " * 40, "b": "y y" * 20}], columns)
    assert [line[:11] for line in lines if ":" in line] == ["    note: x", "    error: y"[:11]]


@pytest.mark.parametrize("columns", [44, 60, 80, 200])
@pytest.mark.parametrize("shown", [LIST, RECIPIENTS, FAILURES, AUDIT])
def test_every_table_fits_every_width(monkeypatch: pytest.MonkeyPatch, columns: int, shown: Any) -> None:
    samples = {Kind.NUMBER: 123456, Kind.STATE: "interrupted", Kind.KEY: "+491701234567"}
    row = {one.field: samples.get(one.kind, "a long text, " * 20) for one in shown}
    assert len(drawn(monkeypatch, columns, [row] * 3, shown)) > 3


def test_on_80_columns_a_list_of_keys_shows_which_are_used_and_from_where(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used = {
        "id": "64cac570-f04f-4b31-9ae6-3a7b892a934a",
        "account": "shop",
        "name": "crm",
        "prefix": "wacrm_live_61EGvspn",
        "scopes": ["broadcasts:send", "templates:read"],
        "allowed_from": ["10.1.0.0/16"],
        "last_used_at": "2026-01-23T12:00:00.000Z",
        "last_used_from": "10.1.200.171",
        "expires_at": "2126-01-23T12:00:00.000Z",
        "revoked_at": None,
        "replaced_by": "5e36aef4-5dbb-417d-8b90-2b5b25a1d0f2",
    }
    revoked = used | {"revoked_at": "2026-01-24T12:00:00.000Z"}
    head = drawn(monkeypatch, 80, [used, revoked], KEYS)[0]
    assert re.split(r"  +", head) == ["ID", "ACCOUNT", "NAME", "SCOPES", "LAST USED", "USED FROM", "REVOKED"]
    assert "KEY" in drawn(monkeypatch, 200, [used, revoked], KEYS)[0]
