"""Claims and results: one attempt at a time, and a late worker changes nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.rows import NOW, broadcast, database, row, status_of
from wacrmd.domain.attempt import AttemptResult, Claim, MetaError, UncertainPolicy
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.callback_token import callback_token
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.receipt import Receipt
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.store import broadcasts, numbers, optouts, receipts, recipients
from wacrmd.store.database import Tx

S = RecipientStatus


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Tx]:
    with database(tmp_path) as connection:
        yield connection


def result(claim: Claim, status: S, wamid: str | None = None) -> AttemptResult:
    error = MetaError(131026, "Message undeliverable") if status is S.FAILED else None
    return AttemptResult(
        claim.recipient_id,
        claim.broadcast_id,
        claim.attempt,
        status,
        NOW,
        NOW,
        "note",
        wamid,
        error=error,
        next_attempt_at=NOW,
    )


def test_nobody_is_claimed_twice(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 5)
    first = recipients.claim(tx, broadcast_id, 3, NOW)
    second = recipients.claim(tx, broadcast_id, 3, NOW)
    assert len(first) == 3
    assert len({claim.recipient_id for claim in first + second}) == 5
    assert recipients.claim(tx, broadcast_id, 3, NOW) == []


def test_nothing_is_claimed_unless_the_broadcast_sends_and_its_number_is_active(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    broadcasts.pause(tx, broadcast_id, HoldReason.PAUSED_BY_OPERATOR, "by me", NOW)
    assert recipients.claim(tx, broadcast_id, 1, NOW) == []
    broadcasts.resume(tx, broadcast_id, NOW)
    numbers.pause(tx, "n1", HoldReason.PAUSED_BY_OPERATOR, "by me", NOW)
    assert recipients.claim(tx, broadcast_id, 1, NOW) == []
    numbers.resume(tx, "n1")
    numbers.remove(tx, "n1", NOW)
    assert recipients.claim(tx, broadcast_id, 1, NOW) == []


@pytest.mark.parametrize("late", [S.FAILED, S.UNCERTAIN, S.PENDING])
def test_a_late_result_of_an_older_attempt_changes_nothing(tx: Tx, late: S) -> None:
    broadcast_id = broadcast(tx, 1)
    (first,) = recipients.claim(tx, broadcast_id, 1, NOW)
    recipients.expire_attempts(tx, UncertainPolicy.RESEND, NOW, max_retries=3)
    recipients.claim(tx, broadcast_id, 1, NOW)
    recipients.record(tx, [result(first, late)])
    assert status_of(tx, first.recipient_id) == "sending"


@pytest.mark.parametrize("late", [S.FAILED, S.UNCERTAIN, S.PENDING])
def test_a_result_never_takes_back_what_a_webhook_told(tx: Tx, late: S) -> None:
    (claim,) = recipients.claim(tx, broadcast(tx, 1), 1, NOW)
    token = callback_token("6f1e2d3c-0000-4000-8000-000000000001", claim.recipient_id, claim.attempt)
    receipts.apply(tx, [Receipt("n1", "w1", S.READ, NOW, callback=token)], NOW)
    recipients.record(tx, [result(claim, late)])
    assert status_of(tx, claim.recipient_id) == "read"


def test_an_answer_that_comes_after_its_failure_was_retried_does_not_swallow_the_retry(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    (claim,) = recipients.claim(tx, broadcast_id, 1, NOW)
    token = callback_token("6f1e2d3c-0000-4000-8000-000000000001", claim.recipient_id, claim.attempt)
    receipts.apply(tx, [Receipt("n1", "w1", S.FAILED, NOW, callback=token)], NOW)
    recipients.requeue(tx, broadcast_id, [S.FAILED], NOW)
    recipients.record(tx, [result(claim, S.SENT, "w1")])
    assert status_of(tx, claim.recipient_id) == "pending"


def test_who_opted_out_meanwhile_is_not_sent_to(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 2)
    (account_id,) = tx.execute("SELECT account_id FROM broadcast").fetchone()
    (first,) = tx.execute('SELECT "to" FROM recipient ORDER BY id LIMIT 1').fetchone()
    optouts.add(tx, account_id=account_id, phone=first, user_id=None, source="word", detail="STOP", at=NOW)
    (claim,) = recipients.claim(tx, broadcast_id, 2, NOW)
    assert claim.to != first
    cancelled = row(tx, claim.recipient_id - 1)
    assert (cancelled["status"], cancelled["error_title"]) == ("cancelled", recipients.OPTED_OUT)


def test_a_retry_waits_for_its_time(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    (claim,) = recipients.claim(tx, broadcast_id, 1, NOW)
    tx.execute("UPDATE recipient SET status = 'pending', next_attempt_at = ?", (NOW + 5000,))
    assert recipients.claim(tx, broadcast_id, 1, NOW + 4999) == []
    assert broadcasts.due(tx, NOW + 4999) == []
    assert broadcasts.due(tx, NOW + 5000) == [broadcast_id]
    (again,) = recipients.claim(tx, broadcast_id, 1, NOW + 5000)
    assert again.attempt == claim.attempt + 1


def test_what_comes_back_to_a_cancelled_broadcast_is_cancelled(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 2)
    (claim,) = recipients.claim(tx, broadcast_id, 1, NOW)
    assert broadcasts.cancel(tx, broadcast_id, NOW)
    recipients.record(tx, [result(claim, S.PENDING)])
    recipients.settle_cancelled(tx, [broadcast_id])
    assert broadcasts.progress(tx, [broadcast_id])[broadcast_id].cancelled_count == 2
    found = broadcasts.get(tx, broadcast_id)
    assert found is not None
    assert found.status is BroadcastStatus.CANCELLED


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (
            "SELECT id FROM recipient WHERE broadcast_id = 1 AND status = 'pending' AND next_attempt_at <= 2 LIMIT 3",
            "recipient_due",
        ),
        ("SELECT status, count(*) FROM recipient WHERE broadcast_id = 1 GROUP BY status", "recipient_count"),
        ("SELECT id FROM recipient WHERE wamid = 'w'", "recipient_wamid"),
        (
            "SELECT r.id FROM recipient r INDEXED BY recipient_in_flight WHERE r.status = 'sending'",
            "recipient_in_flight",
        ),
    ],
)
def test_the_hot_statements_use_their_index(tx: Tx, statement: str, index: str) -> None:
    plan = " ".join(row[3] for row in tx.execute(f"EXPLAIN QUERY PLAN {statement}"))
    assert f"INDEX {index}" in plan
