"""What one transaction writes for results of attempts: the recipient's state and its consequences."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.rows import N1, NOW, broadcast, database, receipt_of, status_of
from wacrmd.domain.attempt import AttemptResult, Claim, MetaError
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.sender.decision import Decision
from wacrmd.sender.recorder import Recorded, record
from wacrmd.store import attempts, broadcast_counts, broadcasts, optouts, receipts
from wacrmd.store.database import Tx

STOPPED = MetaError(131050, "User has stopped marketing messages from this business")


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Tx]:
    with database(tmp_path) as connection:
        yield connection


def recorded(tx: Tx, claim: Claim, status: RecipientStatus, **fields: object) -> Recorded:
    result = AttemptResult(
        claim.recipient_id, claim.broadcast_id, claim.attempt, status, NOW, NOW, "note", next_attempt_at=NOW
    )
    decision = Decision(replace(result, **fields), opt_out=fields.get("error") == STOPPED)  # type: ignore[arg-type]
    return record(tx, entries=[(decision, N1)], max_streak=10, now=NOW)


def test_a_retry_of_a_cancelled_broadcast_is_cancelled_and_leaves_nothing_pending(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 3)
    claims = attempts.claim(tx, broadcast_id, 3, NOW)
    broadcasts.cancel(tx, broadcast_id, NOW)
    for claim in claims:
        recorded(tx, claim, RecipientStatus.PENDING)
    counts = broadcast_counts.progress(tx, broadcast_id)
    assert (counts.pending_count, counts.cancelled_count) == (0, 3)


def test_the_last_result_completes_the_broadcast(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 2)
    first, second = attempts.claim(tx, broadcast_id, 2, NOW)
    assert recorded(tx, first, RecipientStatus.SENT, wamid="w1").completed == []
    assert recorded(tx, second, RecipientStatus.FAILED).completed == [broadcast_id]
    found = broadcasts.get(tx, broadcast_id)
    assert found is not None
    assert found.status is BroadcastStatus.SENT


def test_an_unmatched_failure_with_code_131050_counts_and_opts_the_person_out(tx: Tx) -> None:
    (claim,) = attempts.claim(tx, broadcast(tx, 1), 1, NOW)
    early = replace(receipt_of(claim, RecipientStatus.FAILED, "w1", token=False), error=STOPPED)
    assert receipts.apply(tx, [early], NOW).unmatched == 1
    recorded(tx, claim, RecipientStatus.SENT, wamid="w1")
    assert status_of(tx, claim.recipient_id) == "failed"
    assert opted_out(tx) == [(claim.to, STOPPED.title)]


def test_an_error_response_with_code_131050_opts_the_person_out(tx: Tx) -> None:
    (claim,) = attempts.claim(tx, broadcast(tx, 1), 1, NOW)
    recorded(tx, claim, RecipientStatus.FAILED, error=STOPPED)
    assert opted_out(tx) == [(claim.to, STOPPED.title)]


def opted_out(tx: Tx) -> list[tuple[str | None, str | None]]:
    found = optouts.page(tx, account_id=None, after=None, limit=10)
    assert all(each.source == "meta_131050" for each in found)
    return [(each.phone, each.detail) for each in found]
