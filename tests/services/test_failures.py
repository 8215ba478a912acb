"""Faults of all recipients that Meta reports by webhook: they pause the broadcast, in any order and after a restart."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.rows import N1, NOW, broadcast, database, receipt_of
from wacrmd.domain.attempt import AttemptResult, Claim, MetaError
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.receipt import Receipt
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.domain.retry import RetryRequest
from wacrmd.sender.decision import Decision
from wacrmd.sender.recorder import record
from wacrmd.services import pausing
from wacrmd.services.failures import apply_outcomes
from wacrmd.services.pausing import PauseEvent
from wacrmd.store import attempts, broadcasts, due_times, receipts, retries
from wacrmd.store.database import Tx

S = RecipientStatus
LIMIT = 10
MEDIA = MetaError(131053, "Media upload error", "Unsupported type")


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Tx]:
    with database(tmp_path) as connection:
        yield connection


def accepted(tx: Tx, broadcast_id: int, count: int, now: int = NOW) -> list[Claim]:
    """Claims of `count` recipients whose messages Meta accepted."""
    claims = attempts.claim(tx, broadcast_id, count, now)
    assert len(claims) == count
    attempts.record(tx, [sent(claim) for claim in claims])
    return claims


def sent(claim: Claim) -> AttemptResult:
    wamid = f"w{claim.recipient_id}"
    return AttemptResult(
        claim.recipient_id, claim.broadcast_id, claim.attempt, S.SENT, NOW, NOW, "accepted", wamid
    )


def failed(claim: Claim, error: MetaError | None = MEDIA) -> Receipt:
    return replace(receipt_of(claim, S.FAILED, f"w{claim.recipient_id}", token=False), error=error)


def delivered(claim: Claim) -> Receipt:
    return receipt_of(claim, S.DELIVERED, f"w{claim.recipient_id}", token=False)


def tell(tx: Tx, *told: Receipt, now: int = NOW) -> list[PauseEvent]:
    """Apply statuses that came together; the pauses."""
    return apply_outcomes(tx, receipts.apply(tx, list(told), now).outcomes, LIMIT, now)


def hold_of(tx: Tx, broadcast_id: int) -> tuple[BroadcastStatus, HoldReason | None]:
    found = broadcasts.get(tx, broadcast_id)
    assert found is not None
    return found.status, found.hold.reason if found.hold else None


@pytest.mark.exhaustive(enough=2)
@pytest.mark.parametrize("together", [1, 3, 10, 100])
@pytest.mark.parametrize("code", [-1, 100, 131008, 131009, 131053, 132000, 132012, 999_999])
def test_failed_statuses_in_a_row_pause_the_broadcast(tx: Tx, code: int, together: int) -> None:
    broadcast_id = broadcast(tx, 200)
    claims = accepted(tx, broadcast_id, 100)
    error = MetaError(code, "Meta's title", "Meta's details")
    for told in range(0, 100, together):
        pauses = tell(tx, *(failed(claim, error) for claim in claims[told : told + together]))
        if pauses:
            break
    assert told < LIMIT <= told + together
    assert [(pause.what, pause.reason) for pause in pauses] == [("broadcast", HoldReason.MANY_FAILURES)]
    for text in ("10 recipients in a row", str(code), "Meta's title", "Meta's details"):
        assert text in pauses[0].detail
    assert hold_of(tx, broadcast_id) == (BroadcastStatus.PAUSED, HoldReason.MANY_FAILURES)
    assert attempts.claim(tx, broadcast_id, 500, NOW) == []


@pytest.mark.exhaustive(enough=2)
@pytest.mark.parametrize("code", [131000, 131026, 131049, 131050, 131056, 130472])
def test_failures_of_one_person_pause_nothing(tx: Tx, code: int) -> None:
    broadcast_id = broadcast(tx, 60)
    claims = accepted(tx, broadcast_id, 50)
    assert tell(tx, *(failed(claim, MetaError(code, "title")) for claim in claims)) == []
    assert hold_of(tx, broadcast_id) == (BroadcastStatus.SENDING, None)


def test_failures_of_one_person_between_others_do_not_end_a_streak(tx: Tx) -> None:
    claims = accepted(tx, broadcast(tx, 60), 20)
    person = MetaError(131026, "Message undeliverable")
    told = [failed(claim, person if index % 2 else MEDIA) for index, claim in enumerate(claims)]
    assert [len(tell(tx, each)) for each in told] == [0] * 18 + [1, 0]


def test_a_delivery_ends_a_streak(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 60)
    claims = accepted(tx, broadcast_id, 30)
    assert tell(tx, *map(failed, claims[:9]), delivered(claims[9]), *map(failed, claims[10:19])) == []
    assert tell(tx, replace(delivered(claims[19]), status=S.READ)) == []
    assert tell(tx, *map(failed, claims[20:29])) == []
    assert len(tell(tx, failed(claims[29]))) == 1


def test_what_says_nothing_new_does_not_count(tx: Tx) -> None:
    """Statuses come twice; reads of messages that were delivered before the fault come for hours."""
    broadcast_id = broadcast(tx, 60)
    old, *claims = accepted(tx, broadcast_id, 11)
    tell(tx, delivered(old))
    for claim in claims[:9]:
        assert tell(tx, failed(claim), failed(claim)) == []
        assert tell(tx, failed(claim)) == []
    tell(tx, delivered(old), replace(delivered(old), status=S.READ))
    assert len(tell(tx, failed(claims[9]))) == 1


def test_statuses_that_came_before_their_answers_count(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 60)
    claims = attempts.claim(tx, broadcast_id, LIMIT, NOW)
    assert tell(tx, *map(failed, claims)) == []
    recorded = record(
        tx, entries=[(Decision(sent(claim)), N1) for claim in claims], max_streak=LIMIT, now=NOW
    )
    assert [pause.reason for pause in recorded.pauses] == [HoldReason.MANY_FAILURES]
    assert hold_of(tx, broadcast_id)[0] is BroadcastStatus.PAUSED


def test_a_few_failures_among_many_deliveries_pause_nothing_in_any_order(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 500)
    claims = accepted(tx, broadcast_id, 400)
    told = [failed(claim) if index % 20 == 0 else delivered(claim) for index, claim in enumerate(claims)]
    random.Random(7).shuffle(told)
    for start in range(0, len(told), 50):
        assert tell(tx, *told[start : start + 50]) == []
    assert hold_of(tx, broadcast_id) == (BroadcastStatus.SENDING, None)


def test_after_a_resume_only_failures_of_newer_attempts_pause_again(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 100)
    old = accepted(tx, broadcast_id, 50)
    assert len(tell(tx, *map(failed, old[:10]))) == 1
    assert tell(tx, *map(failed, old[10:20])) == []  # it is paused already
    later = NOW + 60_000
    pausing.resume_broadcast(tx, broadcast_id, later)
    assert tell(tx, *map(failed, old[20:45]), now=later) == []
    new = accepted(tx, broadcast_id, 20, now=later + 1)
    assert tell(tx, *map(failed, new[:9]), now=later) == []
    assert tell(tx, delivered(old[45]), *map(failed, old[46:]), now=later) == []  # no word about the new ones
    assert len(tell(tx, failed(new[9]), now=later)) == 1


def test_a_resumed_number_lets_its_broadcasts_begin_anew(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 100)
    claims = accepted(tx, broadcast_id, 20)
    tell(tx, *map(failed, claims[:9]))
    pausing.pause_number(tx, N1.id, HoldReason.PAUSED_BY_OPERATOR, "by anna", NOW)
    pausing.resume_number(tx, N1.id, NOW + 1)
    assert tell(tx, *map(failed, claims[9:]), now=NOW + 1) == []


def test_a_finished_broadcast_is_not_paused_and_begins_anew_with_a_retry(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 20)
    claims = accepted(tx, broadcast_id, 20)
    tell(tx, *map(failed, claims[:5]))
    assert broadcasts.complete(tx, broadcast_id, NOW)
    assert tell(tx, *map(failed, claims[5:])) == []
    assert hold_of(tx, broadcast_id) == (BroadcastStatus.SENT, None)
    retries.requeue(tx, broadcast_id, RetryRequest(frozenset({S.FAILED})), NOW)
    assert broadcasts.reopen(tx, broadcast_id, NOW + 1)
    again = attempts.claim(tx, broadcast_id, 12, NOW + 1)
    told = [receipt_of(claim, S.FAILED, f"again{claim.recipient_id}") for claim in again]
    assert [len(tell(tx, replace(each, error=MEDIA))) for each in told] == [0] * 9 + [1, 0, 0]


def test_each_broadcast_has_its_own_streak(tx: Tx) -> None:
    first = accepted(tx, broadcast(tx, 20), 9)
    other_id = broadcast(tx, 20, uuid="6f1e2d3c-0000-4000-8000-000000000002")
    second = accepted(tx, other_id, 9)
    assert tell(tx, *map(failed, (*first, *second))) == []


def test_after_the_clock_was_set_back_failures_count_at_once(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 60)
    pausing.pause_broadcast(tx, broadcast_id, HoldReason.TEMPLATE, "paused", NOW)
    pausing.resume_broadcast(tx, broadcast_id, NOW)
    due_times.move_back(tx, 3_600_000, NOW - 3_600_000)
    claims = accepted(tx, broadcast_id, 10, now=NOW - 3_000_000)
    assert len(tell(tx, *map(failed, claims))) == 1
