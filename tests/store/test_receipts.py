"""What Meta tells of messages, told in awkward orders around crashes and retries."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.rows import NOW, broadcast, database, row, status_of, told
from wacrmd.domain.attempt import AttemptResult, Claim, MetaError, UncertainPolicy
from wacrmd.domain.receipt import Receipt
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.store import attempts, broadcasts, receipts, recipients
from wacrmd.store.database import Tx

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


def expire_leases(tx: Tx, policy: UncertainPolicy = UncertainPolicy.HOLD) -> dict[int, int]:
    return attempts.expire_leases(tx, policy, NOW + 1000)


def test_a_reply_before_the_token_that_names_its_message_counts(tx: Tx) -> None:
    """The answer of Meta was lost in a crash, so nothing but a webhook with our token tells the message's id."""
    claim = claim_one(tx, broadcast(tx, 1))
    expire_leases(tx)
    receipts.apply(tx, [told(claim, S.REPLIED, "w1", token=False)], NOW)
    assert status_of(tx, claim.recipient_id) == "uncertain"
    receipts.apply(tx, [told(claim, S.SENT, "w1")], NOW)
    assert status_of(tx, claim.recipient_id) == "replied"


def test_a_failure_without_token_counts_in_whichever_order_of_one_webhook(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 2)
    claims = attempts.claim(tx, broadcast_id, 2, NOW)
    expire_leases(tx)
    receipts.apply(
        tx,
        [
            told(claims[0], S.FAILED, "w1", token=False),
            told(claims[0], S.SENT, "w1"),
            told(claims[1], S.SENT, "w2"),
            told(claims[1], S.FAILED, "w2", token=False),
        ],
        NOW,
    )
    assert [status_of(tx, claim.recipient_id) for claim in claims] == ["failed", "failed"]
    assert tx.execute("SELECT count(*) FROM unmatched_status").fetchone() == (0,)


@pytest.mark.parametrize("between", ["before the claim", "in flight"])
def test_a_repeated_old_status_does_not_swallow_an_operators_retry(tx: Tx, between: str) -> None:
    """It was sent, then it failed, somebody said: again. Meta repeating the old `sent` is no news."""
    broadcast_id = broadcast(tx, 1)
    first = claim_one(tx, broadcast_id)
    attempts.record(tx, [result(first, S.SENT, "w1")])
    failed = Receipt("n1", "w1", S.FAILED, NOW + 2000, error=MetaError(131026, "Message undeliverable"))
    receipts.apply(tx, [failed], NOW)
    assert recipients.requeue(tx, broadcast_id, [S.FAILED], NOW) == 1
    again = claim_one(tx, broadcast_id) if between == "in flight" else None
    receipts.apply(tx, [told(first, S.SENT, "w1"), told(first, S.FAILED, "w1")], NOW)
    assert status_of(tx, first.recipient_id) == ("sending" if again else "pending")
    again = again or claim_one(tx, broadcast_id)
    attempts.record(tx, [result(again, S.SENT, "w2")])
    assert row(tx, first.recipient_id)["wamid"] == "w2"
    receipts.apply(tx, [told(again, S.DELIVERED, "w2", token=False)], NOW)
    assert status_of(tx, first.recipient_id) == "delivered"


@pytest.mark.parametrize("between", ["before the claim", "in flight"])
def test_a_late_delivery_of_the_old_message_ends_a_retry(tx: Tx, between: str) -> None:
    broadcast_id = broadcast(tx, 1)
    first = claim_one(tx, broadcast_id)
    expire_leases(tx)
    recipients.requeue(tx, broadcast_id, [S.UNCERTAIN], NOW)
    if between == "in flight":
        claim_one(tx, broadcast_id)
    receipts.apply(tx, [told(first, S.DELIVERED, "w1")], NOW)
    assert status_of(tx, first.recipient_id) == "delivered"
    assert attempts.claim(tx, broadcast_id, 1, NOW) == []


def test_a_message_given_up_as_failed_is_sent_when_meta_says_so(tx: Tx) -> None:
    """Under policy `fail` the failure is our guess; Meta's word is better."""
    claim = claim_one(tx, broadcast(tx, 1))
    expire_leases(tx, UncertainPolicy.FAIL)
    assert status_of(tx, claim.recipient_id) == "failed"
    receipts.apply(tx, [told(claim, S.SENT, "w1")], NOW)
    assert status_of(tx, claim.recipient_id) == "sent"
    assert row(tx, claim.recipient_id)["failed_at"] is None


def test_a_failure_that_meta_told_is_not_undone_by_sent(tx: Tx) -> None:
    claim = claim_one(tx, broadcast(tx, 1))
    receipts.apply(tx, [told(claim, S.FAILED, "w1"), told(claim, S.SENT, "w1")], NOW)
    attempts.record(tx, [result(claim, S.SENT, "w1")])
    assert status_of(tx, claim.recipient_id) == "failed"
    receipts.apply(tx, [told(claim, S.READ, "w1")], NOW)
    assert status_of(tx, claim.recipient_id) == "read"


def test_attempts_in_flight_at_a_crash_are_found_whatever_the_clock_says(tx: Tx) -> None:
    """The machine's clock was set back between the crash and the start."""
    claim = claim_one(tx, broadcast(tx, 1), NOW)
    assert attempts.expire_leases(tx, UncertainPolicy.HOLD, NOW - 3_600_000) == {claim.broadcast_id: 1}
    assert status_of(tx, claim.recipient_id) == "uncertain"


def test_policy_resend_is_bounded(tx: Tx) -> None:
    """A message that kills the daemon each time is not sent for ever."""
    broadcast_id = broadcast(tx, 1)
    for _ in range(3):
        claim = claim_one(tx, broadcast_id, NOW + 1000)
        attempts.expire_leases(tx, UncertainPolicy.RESEND, NOW + 1000, max_retries=2)
    assert status_of(tx, claim.recipient_id) == "failed"
    assert claim.attempt == 3


def test_a_live_rescue_leaves_live_attempts_alone(tx: Tx) -> None:
    """Even where the clock was set ahead, or back, so that they look old, or not yet begun."""
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


def test_what_was_kept_of_an_older_message_counts_as_soon_as_it_is_named(tx: Tx) -> None:
    """Its newer attempt is in flight; the person has the older message."""
    broadcast_id = broadcast(tx, 1)
    first = claim_one(tx, broadcast_id)
    receipts.apply(tx, [told(first, S.DELIVERED, "w1", token=False)], NOW)
    attempts.expire_leases(tx, UncertainPolicy.RESEND, NOW, max_retries=3)
    again = claim_one(tx, broadcast_id)
    receipts.apply(tx, [told(first, S.SENT, "w1")], NOW)
    assert status_of(tx, first.recipient_id) == "delivered"
    attempts.record(tx, [result(again, S.SENT, "w2")])
    receipts.apply(tx, [told(again, S.READ, "w2")], NOW)
    assert status_of(tx, first.recipient_id) == "read"


@pytest.mark.parametrize("then", ["waits for another attempt", "its broadcast is cancelled", "is requeued"])
@pytest.mark.parametrize(
    "told_in", [(S.FAILED, S.SENT), (S.SENT, S.FAILED)], ids=["failed first", "sent first"]
)
def test_a_failure_of_a_lost_attempt_counts_in_whichever_order(
    tx: Tx, then: str, told_in: tuple[S, S]
) -> None:
    """Meta took the message though we do not know it, and tells its failure once: it must not be lost."""
    broadcast_id = broadcast(tx, 1)
    claim = claim_one(tx, broadcast_id)
    if then == "is requeued":
        expire_leases(tx)
        recipients.requeue(tx, broadcast_id, [S.UNCERTAIN], NOW)
    else:
        attempts.expire_leases(tx, UncertainPolicy.RESEND, NOW, max_retries=3)
    if then == "its broadcast is cancelled":
        broadcasts.cancel(tx, broadcast_id, NOW)
    webhook = [told(claim, status, "w1") for status in told_in]
    receipts.apply(tx, webhook, NOW)
    assert status_of(tx, claim.recipient_id) == "failed"
    assert receipts.apply(tx, webhook, NOW).applied == 0, "the same webhook counted twice"


def test_a_failure_of_a_given_up_attempt_brings_metas_reason(tx: Tx) -> None:
    claim = claim_one(tx, broadcast(tx, 1))
    expire_leases(tx, UncertainPolicy.FAIL)
    failed = replace(told(claim, S.FAILED, "w1"), error=MetaError(131026, "Message undeliverable"))
    assert receipts.apply(tx, [failed], NOW).applied == 1
    assert row(tx, claim.recipient_id)["error_code"] == 131026
    assert receipts.apply(tx, [failed, told(claim, S.SENT, "w1")], NOW).applied == 0


def test_a_status_of_another_number_keeps_no_other_one_out(tx: Tx) -> None:
    """A wamid is Meta's, and every app of the host may post one: only the number it belongs to counts."""
    claim = claim_one(tx, broadcast(tx, 1))
    ours = told(claim, S.DELIVERED, "w1", token=False)
    receipts.apply(tx, [replace(ours, number_id="another"), ours], NOW)
    attempts.record(tx, [result(claim, S.SENT, "w1")])
    receipts.apply_unmatched(tx, ["w1"], NOW)
    assert status_of(tx, claim.recipient_id) == "delivered"


def test_a_late_status_writes_no_name_of_an_erased_person(tx: Tx) -> None:
    claim = claim_one(tx, broadcast(tx, 1))
    tx.execute("UPDATE recipient SET \"to\" = 'erased:' || id")
    late = replace(told(claim, S.DELIVERED, "w1"), wa_id="14152000000", user_id="US.1")
    receipts.apply(tx, [late], NOW)
    erased = row(tx, claim.recipient_id)
    assert erased["status"] == "delivered"
    assert (erased["wamid"], erased["wa_id"], erased["user_id"]) == (None, None, None)
