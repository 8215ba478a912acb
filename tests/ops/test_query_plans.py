"""No statement that the daemon runs becomes slower as the tables grow.

A site with many rows is used in every way, and each statement that runs is recorded. SQLite reports the plan of
each statement and the work of each run. With a million recipients, one statement that reads all of them would
block the daemon.
"""

import ast
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.ops.everything import METHODS, PATTERNS, Everything
from tests.ops.finished import store_finished
from tests.support.clock import ShiftClock
from tests.support.receiver import receiver
from tests.support.site import site
from tests.support.statements import Recording, recorded
from wacrmd.clock import DAY
from wacrmd.store import backups, broadcasts, drains

pytestmark = pytest.mark.anyio

STORE = Path(__file__).parents[2] / "wacrmd" / "store"
LOCAL = """
[outbound_webhooks]
allow_private = ["127.0.0.0/8"]
"""
EXTRA = f"""{LOCAL}
[dashboard]
bind = "127.0.0.1:0"
[backup]
directory = "backups"
"""
TEMPLATES = (
    {
        "id": "1",
        "name": "hello",
        "language": "en_US",
        "status": "APPROVED",
        "components": [{"type": "BODY", "text": "Hello {{1}}"}],
    },
)

BROADCASTS, SIZE = 600, 20
MAX_WORK = BROADCASTS * SIZE * 5 // 2
"""Reading all of a table that has that many rows takes more: at least three instructions for each."""

SMALL = frozenset(
    {
        "setting",
        "account",
        "number",
        "app_secret",
        "api_key",
        "webhook_endpoint",
        "price_list",
        "template",
        "template_sync",
        "template_analytics",
        "pricing",
        "portfolio_use",
        "task",
        "known_time",
        "downtime",
        "user",
        "login_link",
        "known_browser",
        "sqlite_master",
        "json_each",
        "CONSTANT",
    }
)
"""Tables that do not grow with use: a row for each account, number, key, endpoint, template, kind of price, restart or user,
and some links and browsers of each user."""

OPEN_WORK = frozenset(
    {
        "recipient_in_flight",
        "recipient_uncertain",
        "recipient_held",
        "webhook_delivery_due",
        "media_left",
        "media_upload_failed",
    }
)
"""Partial indexes that hold open work only: reading all of one is what is wanted."""

SAMPLED = "reads a number of rows that has a bound, by their ids"
IN_ORDER = "reads in the order of an index or of the ids, and stops at its limit"
BY_DESIGN = "an operator asks for all of it, seldom, and no transaction of the writer waits for it"
OF_A_LIMIT = "counts the people of a limit that is nearly used up: Meta's largest one is 100,000"

ALLOWED = {
    "timeline.last_at": SAMPLED,
    "timeline.counts": SAMPLED,
    "stats.read": IN_ORDER,
    "drafts.with_pieces": "reads an index of the files of drafts, of which each has at most some hundred pieces",
    "retention.history": IN_ORDER,
    **dict.fromkeys(("conversations.use_of", "conversations._recount", "conversations.by_hour"), OF_A_LIMIT),
    "conversations.join": "looks at the people of a limit once, when an operator moves a number",
    "inbound_messages.newest_to": "reads the few people who have or had a phone",
    "people._insert_people": "reads the one row of a counter",
    "check_run.CheckRun.rows": BY_DESIGN,
    "media.all_facts": "a draft of JSON lines may name any file of its account; as all are stored, they are few",
    "media.stored_bytes": "adds up the sizes of an account's files, once for each that is uploaded",
    "log_place._used": "reads the schema, once at the start",
    "data_subjects.collect_deliveries": BY_DESIGN,
    "data_subjects.collect_audit_entries": BY_DESIGN,
    "data_subjects._erase_in_answers": "reads the answers for Idempotency-Key, which are kept for a day",
    "revisions.raise_after_restore": "changes the copy of a backup, before a daemon uses it",
    "accounts.remove": "removing an account is rare, and it has no broadcasts any more",
}
"""Functions of the store whose statements may read much, each with the reason."""

OFFLINE = {"after_loss", "repair", "salvage"}
"""Modules that make a whole file of a damaged one, before a daemon uses it: they read all of it once."""

UNREACHED = {
    "recipients.lose_attempts": "changes a repaired file, before a daemon uses it",
    "transaction.fill_disk": "tried only while the disk takes no data",
    "transaction.unfill_disk": "removes what that has written",
    "migrate.migrate": "changes the schema before anything else runs",
    "login_sessions.end_all": "changes a restored or repaired file, before a daemon uses it",
    "encrypted_secrets.all_of": "reads them once, while the key is replaced and nothing else runs",
    "encrypted_secrets.replace": "as above",
    "encrypted_secrets.set_key_fingerprint": "as above",
    "template_clicks.read_all_again": "changes a repaired file, before a daemon uses it",
    "log_place.remember_path": "changes one row at the start, before anything else runs",
}
"""Functions of the store that a healthy site does not reach, each with the reason."""


@pytest.fixture
async def recording(tmp_path: Path) -> AsyncIterator[Recording]:
    """The statements of a site with many rows that is used in every way and restarted."""
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, extra=LOCAL) as here:
        await here.admin("webhook.add", account="shop", url="http://127.0.0.1:9/hook")
    store_finished(tmp_path / "wacrmd.db", clock.now() - 1000 * DAY, broadcasts=1, size=SIZE)
    store_finished(tmp_path / "wacrmd.db", clock.now(), broadcasts=BROADCASTS, size=SIZE)
    with recorded() as statements:
        async with (
            receiver() as local,
            site(tmp_path, clock=clock, extra=EXTRA, templates=TEMPLATES) as here,
        ):
            local.answers = {"/fails": 500, "/gone": 410}
            used = Everything(here, clock, local, tmp_path, EXTRA)
            await used.run()
            assert used.endpoints == set(PATTERNS)
            assert used.methods == set(METHODS)
        clock.advance(DAY)
        async with site(tmp_path, clock=clock, extra=EXTRA) as here:
            await here.running.clock_watch.run()
        copied = tmp_path / "restored.db"
        backups.copy(tmp_path / "wacrmd.db", copied, prepare=prepare_copy)
    yield statements


def prepare_copy(tx: sqlite3.Connection) -> None:
    """What is done to a copy, before a daemon uses it."""
    drains.make_heir(tx, 1)
    drains.take_heirship(tx)
    broadcasts.pause_restored(tx, "restored", 1)


@pytest.mark.exhaustive(only=True)
async def test_no_statement_becomes_slower_as_the_tables_grow(recording: Recording, tmp_path: Path) -> None:
    readers: set[str] = set()
    problems: list[str] = []
    with closing(sqlite3.connect(tmp_path / "wacrmd.db")) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        for statement in recording.values():
            scanned = scans(statement.plan(connection), statement.sql)
            if not scanned and statement.work <= MAX_WORK:
                continue
            readers |= statement.functions
            for function in statement.functions - ALLOWED.keys():
                problems += [f"{function}: {statement.work} instructions, {scanned}, {statement.sql}"]
    assert not problems, "\n".join(problems)
    assert readers >= ALLOWED.keys(), "some need no exception any more"
    missed = {function for function, lines in calls() if not reached(recording, lines)}
    assert missed == set(UNREACHED), "use it in tests/ops/everything.py, so that its plan is looked at"


def scans(plan: list[str], sql: str) -> list[str]:
    """The steps that read a growing table from one end to the other."""
    found = []
    for step in plan:
        scan = re.fullmatch(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?.*", step)
        if scan is None or scan[2] in OPEN_WORK:
            continue
        name = scan[1]
        table = re.search(rf'"?(\w+)"?(?:\([^)]*\))?\s+(?:AS\s+)?{name}\b(?!\.)', sql)
        if not {name, table[1] if table else name} & SMALL:
            found.append(step)
    return found


def calls() -> Iterator[tuple[str, set[tuple[str, int]]]]:
    """Each call in store/ that reads or changes rows: `module.function`, and its lines."""
    for file in STORE.glob("*.py"):
        if file.stem in OFFLINE:
            continue
        for function in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.Call) and _runs_statement(node):
                        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
                        yield f"{file.stem}.{function.name}", {(str(file), line) for line in lines}


def _runs_statement(node: ast.Call) -> bool:
    if not isinstance(node.func, ast.Attribute) or node.func.attr not in ("execute", "executemany"):
        return False
    control = ("PRAGMA", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "VACUUM")
    return not ast.unparse(node.args[0]).lstrip("f'\"").startswith(control)


def reached(recording: Recording, lines: set[tuple[str, int]]) -> bool:
    return any(lines & statement.lines for statement in recording.values())


def test_a_scan_and_a_long_search_are_detected(tmp_path: Path) -> None:
    with recorded() as statements, closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("CREATE TABLE recipient (id INTEGER PRIMARY KEY, status TEXT, phone TEXT)")
        connection.execute("CREATE INDEX recipient_status ON recipient (status)")
        rows = [("sent", str(one)) for one in range(BROADCASTS * SIZE)]
        connection.executemany("INSERT INTO recipient (status, phone) VALUES (?, ?)", rows)
        scan = "SELECT r.id FROM recipient r WHERE phone = ?"
        search = "SELECT count(phone) FROM recipient WHERE status = ?"
        for sql in (scan, search):
            connection.execute(sql, ("sent",)).fetchall()
        assert scans(statements[scan].plan(connection), scan) == ["SCAN r"]
        assert scans(statements[search].plan(connection), search) == []
        assert statements[search].work > MAX_WORK
