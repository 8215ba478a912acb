"""Claims and results: one attempt at a time, and late results change nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.rows import N1, NOW, broadcast, database, opt_out, opted_out, receipt_of, row, status_of
from wacrmd.domain.attempt import AttemptResult, Claim, MetaError, UncertainPolicy
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.callback_token import callback_token
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.receipt import Receipt
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.domain.retry import RetryRequest
from wacrmd.store import (
    attempts,
    broadcast_counts,
    broadcast_queue,
    broadcasts,
    due,
    numbers,
    receipts,
    recipient_history,
    recipients,
    retries,
    webhook_endpoints,
)
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


def test_a_recipient_is_claimed_once(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 5)
    first = attempts.claim(tx, broadcast_id, 3, NOW)
    second = attempts.claim(tx, broadcast_id, 3, NOW)
    assert len(first) == 3
    assert len({claim.recipient_id for claim in first + second}) == 5
    assert attempts.claim(tx, broadcast_id, 3, NOW) == []


def test_nothing_is_claimed_while_the_broadcast_or_its_number_is_paused_or_removed(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    broadcasts.pause(tx, broadcast_id, HoldReason.PAUSED_BY_OPERATOR, "by me", NOW)
    assert attempts.claim(tx, broadcast_id, 1, NOW) == []
    broadcasts.resume(tx, broadcast_id, NOW)
    numbers.pause(tx, "n1", HoldReason.PAUSED_BY_OPERATOR, "by me", NOW)
    assert attempts.claim(tx, broadcast_id, 1, NOW) == []
    numbers.resume(tx, "n1")
    numbers.remove(tx, "n1", NOW)
    assert attempts.claim(tx, broadcast_id, 1, NOW) == []


@pytest.mark.parametrize("late", [S.FAILED, S.UNCERTAIN, S.PENDING])
def test_a_late_result_of_an_older_attempt_changes_nothing(tx: Tx, late: S) -> None:
    broadcast_id = broadcast(tx, 1)
    (first,) = attempts.claim(tx, broadcast_id, 1, NOW)
    attempts.expire_leases(tx, UncertainPolicy.RESEND, NOW, max_retries=3)
    attempts.claim(tx, broadcast_id, 1, NOW)
    attempts.record(tx, [result(first, late)])
    assert status_of(tx, first.recipient_id) == "sending"


def test_a_result_after_its_webhook_adds_the_missing_fields(tx: Tx) -> None:
    """In one transaction with a result whose webhook has not come yet."""
    early, late = attempts.claim(tx, broadcast(tx, 2), 2, NOW)
    receipts.apply(tx, [receipt_of(early, S.DELIVERED, "w1", token=True)], NOW)
    answers = [
        replace(result(each, S.SENT, name), wa_id=name) for each, name in ((early, "w1"), (late, "w2"))
    ]
    attempts.record(tx, answers)
    assert [row(tx, each.recipient_id)["wa_id"] for each in (early, late)] == ["w1", "w2"]
    assert [status_of(tx, each.recipient_id) for each in (early, late)] == ["delivered", "sent"]


def test_an_accepted_message_is_sent_though_another_recipient_has_its_id(tx: Tx) -> None:
    """Meta repeats no id. If it did, the recipient must not stay in flight and be sent to again."""
    first, second = attempts.claim(tx, broadcast(tx, 2), 2, NOW)
    attempts.record(tx, [result(first, S.SENT, "w1")])
    attempts.record(tx, [replace(result(second, S.SENT, "w1"), wa_id="1")])
    assert status_of(tx, second.recipient_id) == "sent"
    assert [row(tx, each.recipient_id)["wamid"] for each in (first, second)] == ["w1", None]
    assert row(tx, second.recipient_id)["wa_id"] == "1"


@pytest.mark.parametrize("late", [S.FAILED, S.UNCERTAIN, S.PENDING])
def test_a_late_result_does_not_undo_a_read_status(tx: Tx, late: S) -> None:
    (claim,) = attempts.claim(tx, broadcast(tx, 1), 1, NOW)
    token = callback_token("6f1e2d3c-0000-4000-8000-000000000001", claim.recipient_id, claim.attempt)
    receipts.apply(tx, [Receipt(N1, "w1", S.READ, NOW, callback=token)], NOW)
    attempts.record(tx, [result(claim, late)])
    assert status_of(tx, claim.recipient_id) == "read"


def test_a_late_success_of_a_failed_and_requeued_recipient_leaves_it_pending(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    (claim,) = attempts.claim(tx, broadcast_id, 1, NOW)
    token = callback_token("6f1e2d3c-0000-4000-8000-000000000001", claim.recipient_id, claim.attempt)
    receipts.apply(tx, [Receipt(N1, "w1", S.FAILED, NOW, callback=token)], NOW)
    retries.requeue(tx, broadcast_id, RetryRequest(frozenset([S.FAILED])), NOW)
    attempts.record(tx, [result(claim, S.SENT, "w1")])
    assert status_of(tx, claim.recipient_id) == "pending"


def test_a_recipient_who_opted_out_before_the_claim_is_cancelled_without_an_attempt(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 2)
    (first,) = tx.execute('SELECT "to" FROM recipient ORDER BY id LIMIT 1').fetchone()
    opt_out(tx, phone=first)
    (claim,) = attempts.claim(tx, broadcast_id, 2, NOW)
    assert claim.to != first
    cancelled = row(tx, claim.recipient_id - 1)
    assert (cancelled["status"], cancelled["error_title"]) == ("cancelled", due.OPTED_OUT)
    assert (cancelled["attempt"], cancelled["claimed_at"], cancelled["first_attempt_at"]) == (0, None, None)
    assert recipient_history.of_recipient(tx, claim.recipient_id - 1) == []


def test_a_recipient_who_opts_out_between_two_attempts_is_cancelled_and_keeps_the_first(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    (claim,) = attempts.claim(tx, broadcast_id, 1, NOW)
    attempts.record(tx, [result(claim, S.PENDING)])
    opt_out(tx, phone=claim.to)
    assert attempts.claim(tx, broadcast_id, 1, NOW) == []
    assert (row(tx, claim.recipient_id)["status"], row(tx, claim.recipient_id)["attempt"]) == ("cancelled", 1)


def test_a_retry_is_claimed_at_its_due_time_and_not_before(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    (claim,) = attempts.claim(tx, broadcast_id, 1, NOW)
    tx.execute("UPDATE recipient SET status = 'pending', next_attempt_at = ?", (NOW + 5000,))
    assert attempts.claim(tx, broadcast_id, 1, NOW + 4999) == []
    assert broadcast_queue.due(tx, NOW + 4999) == []
    assert broadcast_queue.due(tx, NOW + 5000) == [broadcast_id]
    (again,) = attempts.claim(tx, broadcast_id, 1, NOW + 5000)
    assert again.attempt == claim.attempt + 1


def test_a_retry_of_a_cancelled_broadcast_is_cancelled_when_its_result_is_recorded(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 2)
    (claim,) = attempts.claim(tx, broadcast_id, 1, NOW)
    assert broadcasts.cancel(tx, broadcast_id, NOW)
    attempts.record(tx, [result(claim, S.PENDING)])
    broadcasts.recipients_changed(tx, [broadcast_id], NOW)
    assert broadcast_counts.progress(tx, broadcast_id).cancelled_count == 2
    found = broadcasts.get(tx, broadcast_id)
    assert found is not None
    assert found.status is BroadcastStatus.CANCELLED


def test_an_expired_attempt_of_a_cancelled_broadcast_is_cancelled(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    attempts.claim(tx, broadcast_id, 1, NOW)
    assert broadcasts.cancel(tx, broadcast_id, NOW)
    expired = attempts.expire_leases(tx, UncertainPolicy.RESEND, NOW, max_retries=3)
    broadcasts.recipients_changed(tx, expired, NOW)
    assert broadcast_counts.progress(tx, broadcast_id).cancelled_count == 1


def test_cancelling_a_broadcast_does_not_change_another_broadcast(tx: Tx) -> None:
    cancelled, other = broadcast(tx, 1), broadcast(tx, 1, uuid="6f1e2d3c-0000-4000-8000-000000000002")
    broadcasts.cancel(tx, cancelled, NOW)
    broadcasts.recipients_changed(tx, [cancelled, other], NOW)
    assert broadcast_counts.progress(tx, other).pending_count == 1


@pytest.mark.parametrize(
    ("claimed_at", "expires"),
    [(NOW - 201, True), (NOW - 200, False), (NOW, False), (NOW + 200, False), (NOW + 201, True)],
    ids=["too old", "at the limit", "now", "as far ahead", "too far ahead"],
)
def test_a_lease_expires_when_its_claim_is_too_far_in_the_past_or_the_future(
    tx: Tx, claimed_at: int, expires: bool
) -> None:
    """A claim in the future was made before the clock was set back. Its age is unknown."""
    broadcast_id = broadcast(tx, 1)
    (claim,) = attempts.claim(tx, broadcast_id, 1, claimed_at)
    tx.execute("UPDATE recipient SET claimed_at = ?", (claimed_at,))
    expired = attempts.expire_leases(tx, UncertainPolicy.HOLD, NOW, older_than=200)
    assert expired == ({broadcast_id: [claim.recipient_id]} if expires else {})


@pytest.mark.parametrize("known", [S.SENT, S.FAILED, S.UNCERTAIN, S.PENDING])
def test_a_result_of_an_attempt_that_was_never_claimed_changes_nothing(tx: Tx, known: S) -> None:
    """Only a result of the newest attempt is recorded."""
    (claim,) = attempts.claim(tx, broadcast(tx, 1), 1, NOW)
    for attempt in (claim.attempt - 1, claim.attempt + 1):
        other = replace(result(claim, known, "w1" if known is S.SENT else None), attempt=attempt)
        attempts.record(tx, [other])
        assert status_of(tx, claim.recipient_id) == "sending"


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
def test_frequent_statements_use_their_index(tx: Tx, statement: str, index: str) -> None:
    plan = " ".join(row[3] for row in tx.execute(f"EXPLAIN QUERY PLAN {statement}"))
    assert f"INDEX {index}" in plan


def test_the_age_of_retries_counts_from_the_first_attempt(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    (first,) = attempts.claim(tx, broadcast_id, 1, NOW)
    attempts.record(tx, [result(first, S.PENDING)])
    (second,) = attempts.claim(tx, broadcast_id, 1, NOW + 7)
    assert second.first_attempt_at == NOW


def test_a_retry_by_a_person_has_all_retries_again(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    (first,) = attempts.claim(tx, broadcast_id, 1, NOW)
    attempts.record(tx, [replace(result(first, S.PENDING), used_retry=True)])
    (second,) = attempts.claim(tx, broadcast_id, 1, NOW)
    assert second.retries == 1
    attempts.record(tx, [result(second, S.FAILED)])
    retries.requeue(tx, broadcast_id, RetryRequest(frozenset([S.FAILED])), NOW + 9)
    (third,) = attempts.claim(tx, broadcast_id, 1, NOW + 9)
    assert (third.retries, third.first_attempt_at) == (0, NOW + 9)


def test_an_accepted_message_shows_no_error_of_an_earlier_attempt(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    (first,) = attempts.claim(tx, broadcast_id, 1, NOW)
    error = MetaError(131000, "Something went wrong", "details")
    attempts.record(tx, [replace(result(first, S.PENDING), error=error)])
    errors = ("error_code", "error_title", "error_details")
    assert [row(tx, first.recipient_id)[name] for name in errors] == [131000, error.title, error.details]
    (second,) = attempts.claim(tx, broadcast_id, 1, NOW)
    attempts.record(tx, [result(second, S.SENT, "w1")])
    assert [row(tx, first.recipient_id)[name] for name in errors] == [None, None, None]


def test_a_recipient_that_waits_without_an_error_of_meta_shows_none(tx: Tx) -> None:
    (claim,) = attempts.claim(tx, broadcast(tx, 1), 1, NOW)
    attempts.record(tx, [result(claim, S.PENDING)])
    assert row(tx, claim.recipient_id)["error_title"] is None


def test_who_has_waited_longest_is_claimed_first(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 3)
    tx.execute("UPDATE recipient SET next_attempt_at = ? - id", (NOW,))
    claimed = [attempts.claim(tx, broadcast_id, 1, NOW)[0].recipient_id for _ in range(3)]
    assert claimed == sorted(claimed, reverse=True)


def test_an_expired_attempt_that_is_resent_is_due_at_once_and_not_before_others(tx: Tx) -> None:
    (claim,) = attempts.claim(tx, broadcast(tx, 1), 1, NOW)
    attempts.expire_leases(tx, UncertainPolicy.RESEND, NOW + 5, max_retries=3)
    assert row(tx, claim.recipient_id)["next_attempt_at"] == NOW + 5


def test_a_reset_of_the_retry_age_leaves_finished_recipients_alone(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 2)
    waiting, sent = attempts.claim(tx, broadcast_id, 2, NOW)
    attempts.record(tx, [result(waiting, S.PENDING), result(sent, S.SENT, "w1")])
    attempts.reset_retry_age(tx, [broadcast_id])
    ages = [row(tx, each.recipient_id)["first_attempt_at"] for each in (waiting, sent)]
    assert ages == [None, NOW]


def test_what_ends_without_an_answer_is_in_the_history_and_in_the_outbox(tx: Tx) -> None:
    (account_id,) = tx.execute("SELECT account_id FROM number WHERE id = 'n1'").fetchone()
    webhook_endpoints.add(
        tx,
        endpoint_id="e",
        account_id=account_id,
        url="https://h/",
        events=["message.status_updated"],
        secret=b"s",
        now=NOW,
    )
    broadcast_id = broadcast(tx, 1)
    (claim,) = attempts.claim(tx, broadcast_id, 1, NOW)
    attempts.expire_leases(tx, UncertainPolicy.HOLD, NOW)
    assert len(recipients.give_up_uncertain(tx, broadcast_id, NOW)) == 1
    (entry,) = recipient_history.of_recipient(tx, claim.recipient_id)
    assert (entry.event, entry.outcome) == ("attempt", "uncertain")
    bodies = tx.execute("SELECT body FROM webhook_delivery ORDER BY id").fetchall()
    assert [json.loads(body)["data"]["status"] for (body,) in bodies] == ["uncertain", "failed"]


def test_only_opt_outs_of_the_account_count(tx: Tx) -> None:
    tx.execute("INSERT INTO account (id, name, created_at) VALUES ('other', 'other', 0)")
    for phone, user_id in (("+14155550123", None), (None, "US.1")):
        opt_out(tx, account_id="other", phone=phone, user_id=user_id)
    assert opted_out(tx, "+14155550123", "US.1") == set()
    assert opted_out(tx, "+14155550123", "US.1", account_id="other") == {"+14155550123", "US.1"}
