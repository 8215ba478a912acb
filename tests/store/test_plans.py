"""The hot statements find their rows by an index: with ten million recipients a scan would stop everything.

What is asked is what the store functions really run: the connection tells each statement, with its values,
and SQLite tells how it would run it.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.store.rows import NOW, broadcast, database, told
from wacrmd.domain.attempt import AttemptResult, Claim, UncertainPolicy
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.page import Position
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.store import (
    broadcasts,
    idempotency,
    inbound_messages,
    keys,
    optouts,
    outbox,
    receipts,
    recipients,
)
from wacrmd.store.database import Tx

SENT, DELIVERED = RecipientStatus.SENT, RecipientStatus.DELIVERED
SMALL = frozenset(
    {"account", "number", "app_secret", "api_key", "webhook_endpoint", "template", "template_sync"}
)
"""Tables that stay small: one row for each account, number, key, endpoint or template."""


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Tx]:
    with database(tmp_path) as connection:
        yield connection


def plans(tx: Tx, work: Callable[[], object]) -> list[str]:
    """How SQLite runs each statement on tables that `work` makes: a line for each step."""
    statements: list[str] = []
    tx.set_trace_callback(statements.append)
    work()
    tx.set_trace_callback(None)
    found: list[str] = []
    for statement in map(str.lstrip, statements):
        is_any = re.fullmatch(r"SELECT 1 FROM \w+ LIMIT 1", statement)  # looks at one row, whichever
        if statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE")) and not is_any:
            found += [row[3] for row in tx.execute(f"EXPLAIN QUERY PLAN {statement}")]
    return found


def scanned(steps: list[str]) -> list[str]:
    """The steps that read a large table from one end to the other."""
    scans = (re.fullmatch(r"SCAN (\w+)( USING .*)?", step) for step in steps)
    aliases = {
        "r": "recipient",
        "b": "broadcast",
        "n": "number",
        "o": "optout",
        "j": "json_each",
        "s": "json_each",
    }
    return [
        scan[0]
        for scan in scans
        if scan and aliases.get(scan[1], scan[1]) not in SMALL | {"json_each", "CONSTANT"}
    ]


def used(steps: list[str]) -> set[str]:
    """The indexes that are searched, `rowid` among them."""
    indexes = {
        found[1] for step in steps if (found := re.search(r"^SEARCH .* INDEX (\w+) \(", step)) is not None
    }
    return indexes | {"rowid" for step in steps if "USING INTEGER PRIMARY KEY (" in step}


def claims_of(tx: Tx, broadcast_id: int) -> list[Claim]:
    return recipients.claim(tx, broadcast_id, 5, NOW)


def result(claim: Claim, status: RecipientStatus, wamid: str | None = None) -> AttemptResult:
    return AttemptResult(
        recipient_id=claim.recipient_id,
        broadcast_id=claim.broadcast_id,
        attempt=claim.attempt,
        status=status,
        at=NOW,
        started_at=NOW,
        note="accepted",
        wamid=wamid,
    )


def test_claiming_finds_what_is_due_in_order(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 10)
    steps = plans(tx, lambda: recipients.claim(tx, broadcast_id, 5, NOW))
    assert not scanned(steps)
    assert {"recipient_due", "rowid", "optout_phone"} <= used(steps)
    assert not [step for step in steps if "TEMP B-TREE FOR ORDER" in step]


def test_recording_touches_single_rows(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 10)
    first, second, *_ = claims_of(tx, broadcast_id)

    def work() -> None:
        recipients.record(tx, [result(first, SENT, "wamid.1"), result(second, RecipientStatus.FAILED)])
        recipients.settle_cancelled(tx, [broadcast_id])
        receipts.apply_unmatched(tx, ["wamid.1"], NOW)
        broadcasts.touch(tx, [broadcast_id], NOW)
        broadcasts.complete(tx, [broadcast_id], NOW)

    steps = plans(tx, work)
    assert not scanned(steps)
    assert {"rowid", "sqlite_autoindex_unmatched_status_1"} <= used(steps)


@pytest.mark.parametrize("token", [True, False])
def test_receipts_find_their_recipient_by_token_or_message_id(tx: Tx, token: bool) -> None:
    claims = claims_of(tx, broadcast(tx, 10))
    recipients.record(tx, [result(claim, SENT, f"wamid.{claim.recipient_id}") for claim in claims])
    told_of = [told(claim, DELIVERED, f"wamid.{claim.recipient_id}", token=token) for claim in claims]
    steps = plans(tx, lambda: receipts.apply(tx, told_of, NOW))
    assert not scanned(steps)
    assert ("rowid" if token else "recipient_wamid") in used(steps)


def test_early_receipts_are_kept_and_found_by_message_id(tx: Tx) -> None:
    claims = claims_of(tx, broadcast(tx, 10))
    early = [told(claim, SENT, f"wamid.{claim.recipient_id}", token=False) for claim in claims]
    assert receipts.apply(tx, early, NOW).unmatched == len(claims)
    steps = plans(tx, lambda: receipts.apply_unmatched(tx, ["wamid.1", "wamid.2"], NOW))
    assert not scanned(steps)
    assert "sqlite_autoindex_unmatched_status_1" in used(steps)


def test_counts_come_from_an_index_alone(tx: Tx) -> None:
    ids = [broadcast(tx, 10, uuid=f"6f1e2d3c-0000-4000-8000-00000000000{index}") for index in range(3)]
    steps = plans(tx, lambda: broadcasts.progress(tx, ids))
    assert not scanned(steps)
    assert any("USING COVERING INDEX recipient_count (" in step for step in steps)


def test_what_is_due_is_found_without_looking_at_what_is_done(tx: Tx) -> None:
    broadcast(tx, 10)
    steps = plans(
        tx,
        lambda: (
            broadcasts.due(tx, NOW),
            broadcasts.scheduled_due(tx, NOW),
            broadcasts.start_scheduled(tx, NOW),
            broadcasts.sending(tx),
        ),
    )
    assert not scanned(steps)
    assert {"broadcast_status", "recipient_due"} <= used(steps)


def test_lost_attempts_are_found_by_an_index_of_those_in_flight(tx: Tx) -> None:
    claims_of(tx, broadcast(tx, 10))
    steps = plans(tx, lambda: recipients.expire_attempts(tx, UncertainPolicy.HOLD, NOW + 1))
    in_flight = [step for step in steps if "recipient_in_flight" in step]
    assert in_flight
    assert scanned(steps) in ([], in_flight)  # all of that index is what is wanted: nothing else stands in it


@pytest.mark.parametrize("status", [None, BroadcastStatus.SENT])
def test_a_page_of_an_accounts_broadcasts_is_read_in_order(tx: Tx, status: BroadcastStatus | None) -> None:
    broadcast(tx, 1)
    (account_id,) = tx.execute("SELECT id FROM account").fetchone()
    steps = plans(
        tx,
        lambda: broadcasts.page(tx, account_id=account_id, status=status, after=Position(NOW, 7), limit=51),
    )
    assert not scanned(steps)
    assert used(steps) == {"broadcast_list" if status is None else "broadcast_list_status"}
    assert not [step for step in steps if "TEMP B-TREE" in step]


def test_a_page_of_all_broadcasts_is_read_in_order(tx: Tx) -> None:
    broadcast(tx, 1)
    steps = plans(tx, lambda: broadcasts.page(tx, account_id=None, status=None, after=None, limit=51))
    assert [step for step in steps if "broadcast_created" in step]
    assert not [step for step in steps if "TEMP B-TREE" in step]


@pytest.mark.parametrize("status", [None, RecipientStatus.PENDING, RecipientStatus.FAILED])
def test_a_page_of_recipients_is_read_in_order(tx: Tx, status: RecipientStatus | None) -> None:
    broadcast_id = broadcast(tx, 10)
    steps = plans(tx, lambda: recipients.page(tx, broadcast_id, status=status, before=7, limit=51))
    assert not scanned(steps)
    assert ("rowid" if status is None else "recipient_count") in used(steps)
    assert not [step for step in steps if "TEMP B-TREE" in step]


def test_a_reply_finds_the_messages_to_its_writer(tx: Tx) -> None:
    broadcast(tx, 10)
    (account_id,) = tx.execute("SELECT id FROM account").fetchone()
    steps = plans(
        tx,
        lambda: (
            inbound_messages.newest_message_to(
                tx, number_id="n1", wa_id="14152000000", user_id="US.1", since=NOW
            ),
            inbound_messages.broadcast_phone_of(
                tx, account_id=account_id, wa_id="14152000000", user_id="US.1"
            ),
            inbound_messages.attribute(tx, "wamid.in", "wamid.1"),
        ),
    )
    assert not scanned(steps)
    assert {"recipient_wa_id", "recipient_user_id", "recipient_wamid"} <= used(steps)


def test_accepting_asks_by_key(tx: Tx) -> None:
    broadcast(tx, 10)
    (account_id,) = tx.execute("SELECT id FROM account").fetchone()
    steps = plans(
        tx,
        lambda: (
            keys.usable(tx, b"hash", NOW),
            idempotency.get(tx, account_id, "key", NOW),
            optouts.among(tx, account_id, ["+14152000000", "US.1"]),
        ),
    )
    assert not scanned(steps)
    assert {"sqlite_autoindex_api_key_2", "optout_phone", "optout_user"} <= used(steps)


def test_due_webhooks_are_found_endpoint_by_endpoint(tx: Tx) -> None:
    (account_id,) = tx.execute("SELECT id FROM account").fetchone()
    tx.execute(
        "INSERT INTO webhook_endpoint (id, account_id, url, events, secret, created_at, updated_at)"
        " VALUES ('e1', ?, 'https://shop.example', '[]', x'00', 0, 0)",
        (account_id,),
    )
    steps = plans(tx, lambda: outbox.due(tx, now=NOW, room=10, busy=[]))
    assert not scanned(steps)
    assert "webhook_delivery_due" in used(steps)


def test_a_scan_would_be_seen(tx: Tx) -> None:
    def work() -> sqlite3.Cursor:
        return tx.execute('SELECT 1 FROM recipient WHERE "to" = ?', ("+14152000000",))

    assert scanned(plans(tx, work)) == ["SCAN recipient"]
