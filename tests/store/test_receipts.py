"""Statuses of Meta in unusual orders, before and after crashes and retries."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.rows import N1, NOW, broadcast, database, receipt_of, row, status_of
from wacrmd.domain.attempt import AttemptResult, Claim, MetaError, UncertainPolicy
from wacrmd.domain.receipt import Receipt
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.domain.retry import RetryRequest
from wacrmd.store import attempts, broadcasts, receipts, retries
from wacrmd.store.database import Tx
from wacrmd.store.recipient_history import error_detail, stored_error

S = RecipientStatus


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Tx]:
    with database(tmp_path) as connection:
        yield connection


def claim_one(tx: Tx, broadcast_id: int, now: int = NOW) -> Claim:
    (claim,) = attempts.claim(tx, broadcast_id, 1, now)
    return claim


def result(claim: Claim, status: RecipientStatus, wamid: str | None = None) -> AttemptResult:
    error = MetaError(131026, "Message undeliverable") if status is S.FAILED else None
    return AttemptResult(
        claim.recipient_id,
        claim.broadcast_id,
        claim.attempt,
        status,
        NOW + 100,
        NOW,
        "note",
        wamid,
        error=error,
    )


def expire_leases(tx: Tx, policy: UncertainPolicy = UncertainPolicy.HOLD) -> dict[int, list[int]]:
    return attempts.expire_leases(tx, policy, NOW + 1000)


def test_a_reply_counts_once_a_status_with_the_token_names_its_message(tx: Tx) -> None:
    """Meta's response was lost in a crash, so only a webhook with our token names the message's id."""
    claim = claim_one(tx, broadcast(tx, 1))
    expire_leases(tx)
    receipts.apply(tx, [receipt_of(claim, S.REPLIED, "w1", token=False)], NOW)
    assert status_of(tx, claim.recipient_id) == "uncertain"
    receipts.apply(tx, [receipt_of(claim, S.SENT, "w1")], NOW)
    assert status_of(tx, claim.recipient_id) == "replied"


def test_a_failure_without_token_counts_before_and_after_the_status_with_the_token(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 2)
    claims = attempts.claim(tx, broadcast_id, 2, NOW)
    expire_leases(tx)
    receipts.apply(
        tx,
        [
            receipt_of(claims[0], S.FAILED, "w1", token=False),
            receipt_of(claims[0], S.SENT, "w1"),
            receipt_of(claims[1], S.SENT, "w2"),
            receipt_of(claims[1], S.FAILED, "w2", token=False),
        ],
        NOW,
    )
    assert [status_of(tx, claim.recipient_id) for claim in claims] == ["failed", "failed"]
    assert tx.execute("SELECT count(*) FROM unmatched_status").fetchone() == (0,)


@pytest.mark.parametrize("between", ["before the claim", "in flight"])
def test_a_repeated_status_of_an_older_message_does_not_change_a_retry(tx: Tx, between: str) -> None:
    """The message was sent, then failed, and an operator retried it. Then Meta repeats the old `sent`."""
    broadcast_id = broadcast(tx, 1)
    first = claim_one(tx, broadcast_id)
    attempts.record(tx, [result(first, S.SENT, "w1")])
    failed = Receipt(N1, "w1", S.FAILED, NOW + 2000, error=MetaError(131026, "Message undeliverable"))
    receipts.apply(tx, [failed], NOW)
    assert len(retries.requeue(tx, broadcast_id, RetryRequest(frozenset([S.FAILED])), NOW).ids) == 1
    again = claim_one(tx, broadcast_id) if between == "in flight" else None
    receipts.apply(tx, [receipt_of(first, S.SENT, "w1"), receipt_of(first, S.FAILED, "w1")], NOW)
    assert status_of(tx, first.recipient_id) == ("sending" if again else "pending")
    again = again or claim_one(tx, broadcast_id)
    attempts.record(tx, [result(again, S.SENT, "w2")])
    assert row(tx, first.recipient_id)["wamid"] == "w2"
    receipts.apply(tx, [receipt_of(again, S.DELIVERED, "w2", token=False)], NOW)
    assert status_of(tx, first.recipient_id) == "delivered"


@pytest.mark.parametrize("between", ["before the claim", "in flight"])
def test_a_late_delivery_of_the_old_message_ends_a_retry(tx: Tx, between: str) -> None:
    broadcast_id = broadcast(tx, 1)
    first = claim_one(tx, broadcast_id)
    expire_leases(tx)
    retries.requeue(tx, broadcast_id, RetryRequest(frozenset([S.UNCERTAIN])), NOW)
    if between == "in flight":
        claim_one(tx, broadcast_id)
    receipts.apply(tx, [receipt_of(first, S.DELIVERED, "w1")], NOW)
    assert status_of(tx, first.recipient_id) == "delivered"
    assert attempts.claim(tx, broadcast_id, 1, NOW) == []


def test_a_sent_status_replaces_a_failure_that_was_only_assumed(tx: Tx) -> None:
    """Under policy `fail` the failure is only assumed. A status of Meta replaces it."""
    claim = claim_one(tx, broadcast(tx, 1))
    expire_leases(tx, UncertainPolicy.FAIL)
    assert status_of(tx, claim.recipient_id) == "failed"
    receipts.apply(tx, [receipt_of(claim, S.SENT, "w1")], NOW)
    assert status_of(tx, claim.recipient_id) == "sent"
    assert row(tx, claim.recipient_id)["failed_at"] is None


def test_a_failure_reported_by_meta_is_not_undone_by_sent(tx: Tx) -> None:
    claim = claim_one(tx, broadcast(tx, 1))
    receipts.apply(tx, [receipt_of(claim, S.FAILED, "w1"), receipt_of(claim, S.SENT, "w1")], NOW)
    attempts.record(tx, [result(claim, S.SENT, "w1")])
    assert status_of(tx, claim.recipient_id) == "failed"
    receipts.apply(tx, [receipt_of(claim, S.READ, "w1")], NOW)
    assert status_of(tx, claim.recipient_id) == "read"


def test_attempts_of_a_crashed_process_expire_even_if_the_clock_was_set_back(tx: Tx) -> None:
    """The machine's clock was set back between the crash and the start."""
    claim = claim_one(tx, broadcast(tx, 1), NOW)
    assert attempts.expire_leases(tx, UncertainPolicy.HOLD, NOW - 3_600_000) == {
        claim.broadcast_id: [claim.recipient_id]
    }
    assert status_of(tx, claim.recipient_id) == "uncertain"


def test_policy_resend_ends_after_max_retries(tx: Tx) -> None:
    """A message that crashes the daemon each time is not sent without end."""
    broadcast_id = broadcast(tx, 1)
    for _ in range(3):
        claim = claim_one(tx, broadcast_id, NOW + 1000)
        attempts.expire_leases(tx, UncertainPolicy.RESEND, NOW + 1000, max_retries=2)
    assert status_of(tx, claim.recipient_id) == "failed"
    assert claim.attempt == 3


def test_expiring_leases_leaves_attempts_in_flight_alone(tx: Tx) -> None:
    """Also when the clock was set ahead or back, so that their age looks wrong."""
    live, dead = attempts.claim(tx, broadcast(tx, 2), 2, NOW)
    alive = frozenset({(live.recipient_id, live.attempt)})
    for now in (NOW + 10**9, NOW - 10**9):
        tx.execute("UPDATE recipient SET status = 'sending'")
        attempts.expire_leases(tx, UncertainPolicy.HOLD, now, older_than=200_000, in_flight=alive)
        assert status_of(tx, live.recipient_id) == "sending"
        assert status_of(tx, dead.recipient_id) == "uncertain"
    tx.execute("UPDATE recipient SET status = 'sending'")
    assert (
        attempts.expire_leases(tx, UncertainPolicy.HOLD, NOW + 100, older_than=200_000, in_flight=frozenset())
        == {}
    )


def test_an_unmatched_status_of_an_older_message_counts_once_the_message_is_known(tx: Tx) -> None:
    """A newer attempt is in flight; the older message was delivered."""
    broadcast_id = broadcast(tx, 1)
    first = claim_one(tx, broadcast_id)
    receipts.apply(tx, [receipt_of(first, S.DELIVERED, "w1", token=False)], NOW)
    attempts.expire_leases(tx, UncertainPolicy.RESEND, NOW, max_retries=3)
    again = claim_one(tx, broadcast_id)
    receipts.apply(tx, [receipt_of(first, S.SENT, "w1")], NOW)
    assert status_of(tx, first.recipient_id) == "delivered"
    attempts.record(tx, [result(again, S.SENT, "w2")])
    receipts.apply(tx, [receipt_of(again, S.READ, "w2")], NOW)
    assert status_of(tx, first.recipient_id) == "read"


@pytest.mark.parametrize("then", ["waits for another attempt", "its broadcast is cancelled", "is requeued"])
@pytest.mark.parametrize(
    "order", [(S.FAILED, S.SENT), (S.SENT, S.FAILED)], ids=["failed first", "sent first"]
)
def test_a_failure_of_an_expired_attempt_counts_before_and_after_its_sent(
    tx: Tx, then: str, order: tuple[S, S]
) -> None:
    """Meta had accepted the message. It reports the failure once, so the status must count."""
    broadcast_id = broadcast(tx, 1)
    claim = claim_one(tx, broadcast_id)
    if then == "is requeued":
        expire_leases(tx)
        retries.requeue(tx, broadcast_id, RetryRequest(frozenset([S.UNCERTAIN])), NOW)
    else:
        attempts.expire_leases(tx, UncertainPolicy.RESEND, NOW, max_retries=3)
    if then == "its broadcast is cancelled":
        broadcasts.cancel(tx, broadcast_id, NOW)
    webhook = [receipt_of(claim, status, "w1") for status in order]
    receipts.apply(tx, webhook, NOW)
    assert status_of(tx, claim.recipient_id) == "failed"
    assert receipts.apply(tx, webhook, NOW).applied == 0, "the same webhook counted twice"


def test_a_failure_status_adds_metas_error_to_an_assumed_failure(tx: Tx) -> None:
    claim = claim_one(tx, broadcast(tx, 1))
    expire_leases(tx, UncertainPolicy.FAIL)
    failed = replace(receipt_of(claim, S.FAILED, "w1"), error=MetaError(131026, "Message undeliverable"))
    assert receipts.apply(tx, [failed], NOW).applied == 1
    assert row(tx, claim.recipient_id)["error_code"] == 131026
    assert receipts.apply(tx, [failed, receipt_of(claim, S.SENT, "w1")], NOW).applied == 0


def test_a_status_of_another_number_does_not_block_a_later_valid_one(tx: Tx) -> None:
    """The id of a message is only looked up among the messages of the status's own number."""
    claim = claim_one(tx, broadcast(tx, 1))
    ours = receipt_of(claim, S.DELIVERED, "w1", token=False)
    receipts.apply(tx, [replace(ours, number=replace(N1, phone_number_id="another")), ours], NOW)
    attempts.record(tx, [result(claim, S.SENT, "w1")])
    receipts.apply_unmatched(tx, ["w1"], NOW)
    assert status_of(tx, claim.recipient_id) == "delivered"


def test_a_late_status_stores_no_personal_data_of_an_erased_person(tx: Tx) -> None:
    claim = claim_one(tx, broadcast(tx, 1))
    tx.execute("UPDATE recipient SET \"to\" = 'erased:' || id")
    late = replace(receipt_of(claim, S.DELIVERED, "w1"), wa_id="14152000000", user_id="US.1")
    receipts.apply(tx, [late], NOW)
    erased = row(tx, claim.recipient_id)
    assert erased["status"] == "delivered"
    assert (erased["wamid"], erased["wa_id"], erased["user_id"]) == (None, None, None)


def test_each_time_is_that_of_the_first_status_that_says_so(tx: Tx) -> None:
    claim = claim_one(tx, broadcast(tx, 1))
    attempts.record(tx, [result(claim, S.SENT, "w1")])
    for at, status in ((200, S.SENT), (300, S.DELIVERED), (400, S.READ), (500, S.REPLIED)):
        receipts.apply(tx, [receipt_of(claim, status, "w1", at=NOW + at)], NOW)
    times = [row(tx, claim.recipient_id)[f"{name}_at"] for name in ("sent", "delivered", "read", "replied")]
    assert times == [NOW + 100, NOW + 300, NOW + 400, NOW + 500]


@pytest.mark.parametrize("answer_first", [True, False])
def test_no_time_is_before_the_one_that_it_follows(tx: Tx, *, answer_first: bool) -> None:
    """Meta's times are whole seconds, rounded down; ours are not, and its clock may be behind ours."""
    claim = claim_one(tx, broadcast(tx, 1))
    if answer_first:
        attempts.record(tx, [result(claim, S.SENT, "w1")])
    for at, status in ((-700, S.DELIVERED), (-1700, S.READ), (-2700, S.REPLIED)):
        receipts.apply(tx, [receipt_of(claim, status, "w1", at=NOW + at)], NOW)
    attempts.record(tx, [result(claim, S.SENT, "w1")])
    times = [row(tx, claim.recipient_id)[f"{name}_at"] for name in ("sent", "delivered", "read", "replied")]
    assert times == [NOW + 100 if answer_first else NOW - 700] * 4


def test_a_failure_is_not_before_the_answer(tx: Tx) -> None:
    claim = claim_one(tx, broadcast(tx, 1))
    attempts.record(tx, [result(claim, S.SENT, "w1")])
    receipts.apply(tx, [receipt_of(claim, S.FAILED, "w1", at=NOW - 700)], NOW)
    assert row(tx, claim.recipient_id)["failed_at"] == NOW + 100


def test_a_token_of_an_attempt_that_was_not_made_names_nobody(tx: Tx) -> None:
    """After a restored backup, Meta still reports attempts that came later than the backup."""
    claim = claim_one(tx, broadcast(tx, 1))
    applied = receipts.apply(tx, [receipt_of(replace(claim, attempt=2), S.FAILED, "w1")], NOW)
    assert (applied.unmatched, status_of(tx, claim.recipient_id)) == (1, "sending")


@pytest.mark.parametrize("subcode", [None, 33])
def test_an_error_is_kept_with_its_subcode(subcode: int | None) -> None:
    error = MetaError(100, "title", "details", subcode=subcode)
    assert stored_error(error_detail(error)) == error
