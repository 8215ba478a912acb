"""Sending again: to whom, not before Meta allows it, by hand and by rules."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.rows import N1, NOW, broadcast, database, opt_out, receipt_of, row, status_of
from wacrmd.clock import DAY, HOUR, MINUTE, Millis
from wacrmd.domain.attempt import AttemptResult, Claim, MetaError
from wacrmd.domain.canary import Canary
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.receipt import Receipt
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.domain.retry import RetryRequest, RetryRule
from wacrmd.meta.errors import RETRY_LIMITS
from wacrmd.services import failures
from wacrmd.store import (
    attempts,
    broadcast_counts,
    broadcasts,
    canaries,
    due_times,
    numbers,
    planned_retries,
    receipts,
    retries,
)
from wacrmd.store.database import Tx
from wacrmd.store.retries import Requeued
from wacrmd.store.rows import json_of

S = RecipientStatus
LATER = NOW + 10 * MINUTE
RULES = (RetryRule((131049,), 30, 2), RetryRule((131026, 131053), 1, 1))


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Tx]:
    with database(tmp_path) as connection:
        yield connection


def ended(
    claim: Claim, status: S, *, code: int = 131026, at: Millis = NOW, held: str | None = None
) -> AttemptResult:
    return AttemptResult(
        *(claim.recipient_id, claim.broadcast_id, claim.attempt, status, at, at, "note"),
        wamid=wamid(claim) if status is S.SENT else None,
        error=MetaError(code, f"error {code}") if status is S.FAILED else None,
        held=held,
    )


def wamid(claim: Claim) -> str:
    return f"wamid.{claim.recipient_id}.{claim.attempt}"


def accepted(tx: Tx, broadcast_id: int, count: int, at: Millis = NOW) -> list[Claim]:
    """Messages that Meta has accepted."""
    claims = attempts.claim(tx, broadcast_id, count, at)
    assert len(claims) == count
    attempts.record(tx, [ended(claim, S.SENT, at=at) for claim in claims])
    return claims


def failed(tx: Tx, broadcast_id: int, *codes: int, at: Millis = NOW) -> list[Claim]:
    """Messages that Meta has refused with these codes."""
    claims = attempts.claim(tx, broadcast_id, len(codes), at)
    attempts.record(
        tx, [ended(claim, S.FAILED, code=code, at=at) for claim, code in zip(claims, codes, strict=True)]
    )
    return claims


def told(claim: Claim, status: S, *, code: int = 131049, at: Millis = LATER, token: bool = True) -> Receipt:
    """A status of the message of a claim."""
    receipt = receipt_of(claim, status, wamid(claim), at=at, token=token)
    return (
        receipt
        if status is not S.FAILED
        else Receipt(N1, wamid(claim), status, at, callback=receipt.callback, error=MetaError(code, "error"))
    )


def tell(tx: Tx, *told: Receipt, now: Millis = LATER, max_streak: int = 10) -> None:
    """Apply statuses as a webhook does."""
    done = receipts.apply(tx, list(told), now)
    failures.apply_outcomes(tx, done.outcomes, max_streak, now)
    broadcasts.recipients_changed(tx, done.broadcasts, now)


def again(
    tx: Tx,
    broadcast_id: int,
    *statuses: S,
    codes: tuple[int, ...] | None = None,
    after: Millis | None = None,
    at: Millis | None = None,
    now: Millis = NOW,
) -> Requeued:
    chosen = None if codes is None else frozenset(codes)
    wanted = RetryRequest(frozenset(statuses), chosen, after, at)
    done = retries.requeue(tx, broadcast_id, wanted, now, RETRY_LIMITS)
    if done.ids:
        broadcasts.reopen(tx, broadcast_id, now)
    broadcasts.recipients_changed(tx, [broadcast_id], now)
    return done


def with_rules(tx: Tx, count: int, *, rules: tuple[RetryRule, ...] = RULES) -> int:
    broadcast_id = broadcast(tx, count)
    tx.execute("UPDATE broadcast SET retry_rules = ? WHERE id = ?", (json_of(rules), broadcast_id))
    return broadcast_id


def claimed(tx: Tx, broadcast_id: int, now: Millis) -> list[int]:
    return sorted(claim.recipient_id for claim in attempts.claim(tx, broadcast_id, 100, now))


# a person asks for it


def test_only_those_who_failed_with_these_codes_are_sent_to_again(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 4)
    one, other, _, given_up = (c.recipient_id for c in failed(tx, broadcast_id, 131026, 131053, 131000, 1))
    tx.execute("UPDATE recipient SET error_code = NULL WHERE id = ?", (given_up,))
    assert again(tx, broadcast_id, S.FAILED, codes=(131053,)).ids == [other]
    assert again(tx, broadcast_id, S.FAILED, codes=(0, 131026)).ids == [one, given_up]
    assert row(tx, given_up)["failed_attempt"] == 0, "what wacrmd assumed is not Meta's word"


def test_nobody_is_sent_to_earlier_than_meta_allows_and_the_answer_says_how_many_wait(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 4)
    early, late = failed(tx, broadcast_id, 131049, 131026)
    (last,) = failed(tx, broadcast_id, 131049, at=NOW + HOUR)
    (own,) = failed(tx, broadcast_id, 131053)
    done = again(tx, broadcast_id, S.FAILED, now=NOW + 2 * HOUR)
    assert (len(done.ids), done.waiting, done.waiting_until) == (4, 2, NOW + HOUR + DAY)
    assert claimed(tx, broadcast_id, NOW + 2 * HOUR) == [late.recipient_id, own.recipient_id]
    assert claimed(tx, broadcast_id, NOW + DAY - 1) == []
    assert claimed(tx, broadcast_id, NOW + DAY) == [early.recipient_id]
    assert claimed(tx, broadcast_id, NOW + HOUR + DAY) == [last.recipient_id]


def test_a_retry_at_a_time_waits_for_it_and_for_what_meta_allows(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 2)
    limited, other = failed(tx, broadcast_id, 131049, 131026)
    assert again(tx, broadcast_id, S.FAILED, at=NOW + 2 * DAY).waiting == 0
    assert claimed(tx, broadcast_id, NOW + 2 * DAY - 1) == []
    assert claimed(tx, broadcast_id, NOW + 2 * DAY) == [limited.recipient_id, other.recipient_id]


def test_who_would_fail_again_by_metas_word_is_left_out_and_counted(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 3)
    *final, other = failed(tx, broadcast_id, 130472, 131050, 131026)
    done = again(tx, broadcast_id, S.FAILED)
    assert (done.ids, done.left_out) == ([other.recipient_id], 2)
    assert [status_of(tx, claim.recipient_id) for claim in final] == ["failed", "failed"]
    assert again(tx, broadcast_id, S.UNCERTAIN) == Requeued([])


def test_of_those_who_are_sent_only_who_waits_long_enough_for_the_delivery_gets_it_again(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 5)
    old, delivered = accepted(tx, broadcast_id, 2)
    (held,) = attempts.claim(tx, broadcast_id, 1, NOW)
    attempts.record(tx, [ended(held, S.SENT, held="held_for_quality_assessment")])
    (young,) = accepted(tx, broadcast_id, 1, NOW + HOUR)
    failed(tx, broadcast_id, 131026)
    tell(tx, told(delivered, S.DELIVERED))
    assert again(tx, broadcast_id, S.SENT, now=NOW + DAY).ids == [], "never by default"
    done = again(tx, broadcast_id, S.SENT, after=DAY, now=NOW + DAY)
    assert done.ids == [old.recipient_id]
    assert [status_of(tx, each.recipient_id) for each in (delivered, held, young)] == [
        "delivered",
        "sent",
        "sent",
    ]
    assert again(tx, broadcast_id, S.SENT, after=DAY, now=NOW + DAY).ids == []


def test_two_recipients_who_are_one_person_get_one_message(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 4)
    ids = [claim.recipient_id for claim in accepted(tx, broadcast_id, 2)]
    ids += [claim.recipient_id for claim in failed(tx, broadcast_id, 131053, 131053)]
    (person,) = tx.execute("SELECT min(person_id) FROM recipient").fetchone()
    tx.execute("UPDATE recipient SET person_id = ? WHERE id IN (?, ?, ?)", (person, ids[0], ids[1], ids[3]))
    assert again(tx, broadcast_id, S.SENT, S.FAILED, after=0, now=LATER).ids == [ids[0], ids[2]]
    assert claimed(tx, broadcast_id, LATER) == [ids[0], ids[2]]


# another time


def waits_until(tx: Tx, *claims: Claim) -> list[object]:
    return [row(tx, claim.recipient_id)["next_attempt_at"] for claim in claims]


@pytest.mark.parametrize("first", [5 * DAY, 3 * DAY])
def test_another_time_moves_those_who_wait_for_such_a_retry_but_never_before_meta_allows_it(
    tx: Tx, first: Millis
) -> None:
    broadcast_id = broadcast(tx, 3)
    limited, other, last = failed(tx, broadcast_id, 131049, 131026, 131053)
    assert again(tx, broadcast_id, S.FAILED, codes=(131049, 131026), at=NOW + first).moved == 0
    done = again(tx, broadcast_id, S.FAILED, codes=(131049, 131026), at=NOW + 4 * DAY)
    assert (done.ids, done.moved, done.waiting) == ([], 2, 0)
    assert waits_until(tx, limited, other) == [NOW + 4 * DAY] * 2
    done = again(tx, broadcast_id, S.FAILED, at=NOW + HOUR, now=NOW + MINUTE)
    assert (done.ids, done.moved) == ([last.recipient_id], 2)
    assert (done.waiting, done.waiting_until) == (1, NOW + DAY)
    assert waits_until(tx, limited, other, last) == [NOW + DAY, NOW + HOUR, NOW + HOUR]
    assert again(tx, broadcast_id, S.FAILED, at=NOW + HOUR, now=NOW + MINUTE).moved == 0, "repeated"
    assert claimed(tx, broadcast_id, NOW + HOUR) == [other.recipient_id, last.recipient_id]


def test_without_a_time_nobody_is_moved_whom_somebody_has_planned(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 2)
    (planned,) = failed(tx, broadcast_id, 131026)
    again(tx, broadcast_id, S.FAILED, at=NOW + DAY)
    (new,) = failed(tx, broadcast_id, 131026)
    done = again(tx, broadcast_id, S.FAILED)
    assert (done.ids, done.moved) == ([new.recipient_id], 0)
    assert waits_until(tx, planned) == [NOW + DAY]


def test_a_new_time_concerns_those_alone_who_are_named(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 4)
    one, other = failed(tx, broadcast_id, 131026, 131053)
    (late,) = accepted(tx, broadcast_id, 1)
    (lost,) = attempts.claim(tx, broadcast_id, 1, NOW)
    attempts.record(tx, [ended(lost, S.UNCERTAIN)])
    everybody = (one, other, late, lost)
    done = again(tx, broadcast_id, S.FAILED, S.SENT, S.UNCERTAIN, after=0, at=NOW + DAY)
    assert len(done.ids) == 4
    assert again(tx, broadcast_id, S.FAILED, codes=(131026,), at=NOW + 2 * DAY).moved == 1
    assert again(tx, broadcast_id, S.SENT, after=DAY, at=NOW + 3 * DAY).moved == 1
    assert again(tx, broadcast_id, S.UNCERTAIN, at=NOW + 4 * DAY).moved == 1
    assert waits_until(tx, *everybody) == [NOW + days * DAY for days in (2, 1, 3, 4)]
    assert again(tx, broadcast_id, S.PENDING, codes=(131053,), at=NOW + 5 * DAY).moved == 1
    assert waits_until(tx, *everybody) == [NOW + days * DAY for days in (2, 5, 3, 4)]
    assert again(tx, broadcast_id, S.PENDING, at=NOW + 6 * DAY).moved == 4
    assert again(tx, broadcast_id, S.PENDING).moved == 4, "now: that needs no time"
    assert len(claimed(tx, broadcast_id, NOW)) == 4


def test_who_waits_for_something_else_than_a_retry_is_not_moved(tx: Tx) -> None:
    """For the first message, for another attempt after a fault, or for nothing: it is sent again already."""
    broadcast_id = broadcast(tx, 3)
    (fault,) = attempts.claim(tx, broadcast_id, 1, NOW)
    (retried,) = failed(tx, broadcast_id, 131026)
    again(tx, broadcast_id, S.FAILED)
    tx.execute("UPDATE recipient SET next_attempt_at = ? WHERE id != ?", (NOW + DAY, retried.recipient_id))
    (second,) = attempts.claim(tx, broadcast_id, 1, NOW)
    assert second.recipient_id == retried.recipient_id
    attempts.record(tx, [ended(each, S.PENDING) for each in (fault, second)])
    before = tx.execute("SELECT id, next_attempt_at FROM recipient ORDER BY id").fetchall()
    assert again(tx, broadcast_id, S.FAILED, S.PENDING, at=NOW + 2 * DAY).moved == 0
    assert tx.execute("SELECT id, next_attempt_at FROM recipient ORDER BY id").fetchall() == before
    assert not planned_retries.is_planned(tx, broadcast_id)


def test_a_persons_time_counts_for_whom_a_rule_has_chosen_and_uses_up_no_more_of_the_rule(tx: Tx) -> None:
    broadcast_id = with_rules(tx, 2)
    (claim,) = accepted(tx, broadcast_id, 1)
    (new,) = accepted(tx, broadcast_id, 1)
    tell(tx, told(claim, S.FAILED, at=NOW + MINUTE))
    assert planned_retries.is_planned(tx, broadcast_id)
    assert again(tx, broadcast_id, S.FAILED, codes=(131049,), at=NOW + HOUR).moved == 1
    found = row(tx, claim.recipient_id)
    assert (found["next_attempt_at"], found["rule_retries"]) == (NOW + MINUTE + DAY, 1), "Meta's 24 hours"
    assert status_of(tx, new.recipient_id) == "sent"


def test_a_clock_that_is_set_back_takes_along_what_meta_allows(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    (claim,) = failed(tx, broadcast_id, 131049)
    again(tx, broadcast_id, S.FAILED)
    due_times.move_back(tx, 10 * DAY, NOW - 10 * DAY)
    assert waits_until(tx, claim) == [NOW - 9 * DAY]
    done = again(tx, broadcast_id, S.PENDING, now=NOW - 10 * DAY)
    assert (done.moved, done.waiting) == (0, 1)
    assert waits_until(tx, claim) == [NOW - 9 * DAY]


# what becomes of the old message


STAGES = ("before the claim", "in flight", "accepted", "delivered")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("old", [S.SENT, S.FAILED, S.DELIVERED, S.READ, S.REPLIED])
@pytest.mark.parametrize("token", [True, False])
def test_a_status_of_the_old_message_counts_only_if_it_arrived(
    tx: Tx, stage: str, old: S, *, token: bool
) -> None:
    """With our token or without: Meta's id is known, and `replied` is an answer that quotes the old message."""
    broadcast_id = broadcast(tx, 1)
    (first,) = accepted(tx, broadcast_id, 1)
    assert again(tx, broadcast_id, S.SENT, after=0, now=NOW + DAY).ids == [first.recipient_id]
    second: Claim | None = None
    if stage != "before the claim":
        (second,) = attempts.claim(tx, broadcast_id, 1, NOW + DAY)
        if stage != "in flight":
            attempts.record(tx, [ended(second, S.SENT, at=NOW + DAY)])
        if stage == "delivered":
            tell(tx, told(second, S.DELIVERED))
    before = row(tx, first.recipient_id)
    for _ in range(2):
        tell(tx, told(first, old, token=token), now=NOW + DAY)
    found = row(tx, first.recipient_id)
    if old in (S.SENT, S.FAILED) or (stage, old) == ("delivered", S.DELIVERED):
        assert found == before
    else:
        assert found["status"] == old
        assert claimed(tx, broadcast_id, NOW + 2 * DAY) == [], "its arrival ends the retry"
    if second is not None:
        attempts.record(tx, [ended(second, S.SENT, at=NOW + DAY)])  # the answer may come after all that
        tell(tx, told(second, S.DELIVERED, token=token), told(second, S.READ, token=token))
        assert row(tx, first.recipient_id)["wamid"] == wamid(second) or stage == "in flight"
        progress = broadcast_counts.progress(tx, broadcast_id)
        assert (progress.sent_count, progress.delivered_count, progress.read_count) == (1, 1, 1)
        assert tx.execute("SELECT count(*) FROM unmatched_status").fetchone() == (0,)
    elif old in (S.SENT, S.FAILED):
        assert claimed(tx, broadcast_id, NOW + DAY) == [first.recipient_id]


def test_a_late_answer_about_the_old_message_changes_nothing(tx: Tx) -> None:
    """Its `sent` came before the answer, which comes after the retry."""
    broadcast_id = broadcast(tx, 1)
    (first,) = attempts.claim(tx, broadcast_id, 1, NOW)
    tell(tx, told(first, S.SENT, at=NOW))
    again(tx, broadcast_id, S.SENT, after=0, now=NOW + DAY)
    attempts.record(tx, [ended(first, S.SENT)])
    assert claimed(tx, broadcast_id, NOW + DAY) == [first.recipient_id]


# by rules


@pytest.mark.parametrize("how", ["answer", "status"])
def test_a_rule_sends_again_after_its_time_as_often_as_it_says(tx: Tx, how: str) -> None:
    broadcast_id = with_rules(tx, 1)
    at, tries = NOW, 0
    while tries < 5 and (claims := attempts.claim(tx, broadcast_id, 1, at)):
        (claim,), tries = claims, tries + 1
        if how == "answer":
            attempts.record(tx, [ended(claim, S.FAILED, code=131049, at=at)])
            failures.retry_by_rules(tx, [claim.recipient_id], at)
        else:
            attempts.record(tx, [ended(claim, S.SENT, at=at)])
            tell(tx, told(claim, S.FAILED, at=at), now=at)
        broadcasts.recipients_changed(tx, [broadcast_id], at)
        waits = row(tx, claim.recipient_id)
        if tries < 3:
            assert (waits["status"], waits["next_attempt_at"]) == ("pending", at + 30 * HOUR)
            assert (waits["error_code"], waits["failed_at"], waits["wamid"]) == (131049, None, None)
            assert attempts.claim(tx, broadcast_id, 1, at + 30 * HOUR - 1) == []
        at += 30 * HOUR
    assert (tries, waits["status"], waits["rule_retries"]) == (3, "failed", 2)
    found = broadcasts.get(tx, broadcast_id)
    assert found is not None
    assert found.status == "sent"
    assert again(tx, broadcast_id, S.FAILED, now=at + DAY).ids, "a person may still ask for it"


def test_a_rule_waits_for_as_long_as_meta_asks_and_ignores_what_it_does_not_name(tx: Tx) -> None:
    rules = (RetryRule((131049, 130472), 1, 1), RetryRule((131026,), 5, 1))
    broadcast_id = with_rules(tx, 4, rules=rules)
    claims = failed(tx, broadcast_id, 131049, 131026, 131053, 130472)
    failures.retry_by_rules(tx, [claim.recipient_id for claim in claims], LATER)
    found = [row(tx, claim.recipient_id) for claim in claims]
    assert [each["status"] for each in found] == ["pending", "pending", "failed", "failed"]
    assert [each["next_attempt_at"] for each in found[:2]] == [NOW + DAY, NOW + 5 * HOUR]


def test_a_failure_that_meta_dates_in_the_future_is_waited_for_from_now_on(tx: Tx) -> None:
    broadcast_id = with_rules(tx, 2)
    claims = accepted(tx, broadcast_id, 2)
    tell(
        tx,
        *(
            told(claim, S.FAILED, code=code, at=NOW + 900 * DAY)
            for claim, code in zip(claims, (131049, 131056), strict=True)
        ),
    )
    assert row(tx, claims[0].recipient_id)["next_attempt_at"] == LATER + 30 * HOUR
    assert again(tx, broadcast_id, S.FAILED, now=LATER).waiting_until == LATER + 5 * MINUTE


def test_a_repeated_failed_is_no_second_failure_and_a_late_delivery_ends_the_wait(tx: Tx) -> None:
    broadcast_id = with_rules(tx, 2)
    claims = accepted(tx, broadcast_id, 2)
    assert broadcasts.complete(tx, broadcast_id, NOW)
    tell(tx, *(told(claim, S.FAILED) for claim in claims))
    found = broadcasts.get(tx, broadcast_id)
    assert found is not None
    assert found.status == "sending"
    before = row(tx, claims[0].recipient_id)
    tell(tx, told(claims[0], S.FAILED), told(claims[0], S.SENT))
    assert row(tx, claims[0].recipient_id) == before
    tell(tx, *(told(claim, S.DELIVERED) for claim in claims))
    found = broadcasts.get(tx, broadcast_id)
    assert found is not None
    assert found.status == "sent"
    assert found.completed_at == LATER
    assert row(tx, claims[0].recipient_id)["error_code"] is None


@pytest.mark.parametrize("why", ["opted out", "cancelled", "number removed", "erased", "arrived"])
def test_no_rule_sends_to_whom_nothing_may_be_sent(tx: Tx, why: str) -> None:
    broadcast_id = with_rules(tx, 2)
    one, other = accepted(tx, broadcast_id, 2)
    told_first = [told(one, S.FAILED)]
    match why:
        case "opted out":
            (phone,) = tx.execute('SELECT "to" FROM recipient WHERE id = ?', (one.recipient_id,)).fetchone()
            opt_out(tx, phone=phone)
        case "cancelled":
            broadcasts.cancel(tx, broadcast_id, NOW)
        case "number removed":
            numbers.remove(tx, N1.id, NOW)
        case "erased":
            tx.execute("UPDATE recipient SET person_id = NULL WHERE id = ?", (one.recipient_id,))
        case _:
            told_first.append(told(one, S.DELIVERED))
    tell(tx, *told_first)
    assert status_of(tx, one.recipient_id) == ("delivered" if why == "arrived" else "failed")
    assert status_of(tx, other.recipient_id) == "sent"


def test_who_opts_out_while_waiting_for_a_rule_or_a_retry_is_not_sent_to(tx: Tx) -> None:
    broadcast_id = with_rules(tx, 3)
    by_rule, by_hand, not_delivered = accepted(tx, broadcast_id, 3)
    tell(tx, told(by_rule, S.FAILED), told(by_hand, S.FAILED, code=131000))
    again(tx, broadcast_id, S.FAILED, S.SENT, after=0, now=LATER)
    for (phone,) in tx.execute('SELECT "to" FROM recipient').fetchall():
        opt_out(tx, phone=phone)
    assert claimed(tx, broadcast_id, NOW + 5 * DAY) == []
    for claim in (by_rule, by_hand, not_delivered):
        found = row(tx, claim.recipient_id)
        assert (found["status"], found["attempt"]) == ("cancelled", 1)
        assert (found["error_code"], found["error_title"]) == (None, "Opted out before the send")


def test_a_paused_broadcast_stays_paused_and_a_cancelled_one_cancels_who_waits(tx: Tx) -> None:
    broadcast_id = with_rules(tx, 3)
    first, second, _ = accepted(tx, broadcast_id, 3)
    tell(tx, told(first, S.FAILED))
    broadcasts.pause(tx, broadcast_id, HoldReason.PAUSED_BY_OPERATOR, "by me", LATER)
    tell(tx, told(second, S.FAILED))
    found = broadcasts.get(tx, broadcast_id)
    assert found is not None
    assert found.status == "paused"
    assert status_of(tx, second.recipient_id) == "pending"
    assert claimed(tx, broadcast_id, NOW + 5 * DAY) == []
    broadcasts.cancel(tx, broadcast_id, LATER)
    assert status_of(tx, first.recipient_id) == status_of(tx, second.recipient_id) == "cancelled"


def test_failures_in_a_row_still_pause_a_broadcast_whose_rules_send_again(tx: Tx) -> None:
    broadcast_id = with_rules(tx, 12)
    claims = accepted(tx, broadcast_id, 12)
    assert broadcasts.complete(tx, broadcast_id, NOW)
    tell(tx, *(told(claim, S.FAILED, code=131053) for claim in claims))
    found = broadcasts.get(tx, broadcast_id)
    assert found is not None
    assert found.hold is not None
    assert (found.status, found.hold.reason) == ("paused", HoldReason.MANY_FAILURES)
    assert broadcast_counts.progress(tx, broadcast_id).pending_count == 12


def test_two_recipients_who_are_one_person_fail_together_and_one_is_sent_to_again(tx: Tx) -> None:
    broadcast_id = with_rules(tx, 3)
    claims = accepted(tx, broadcast_id, 3)
    (person,) = tx.execute("SELECT min(person_id) FROM recipient").fetchone()
    tx.execute("UPDATE recipient SET person_id = ? WHERE id < ?", (person, claims[2].recipient_id))
    tell(tx, *(told(claim, S.FAILED) for claim in claims))
    assert [status_of(tx, each.recipient_id) for each in claims] == ["pending", "failed", "pending"]


def test_the_first_few_who_wait_for_a_rule_have_failed_as_far_as_the_others_are_concerned(tx: Tx) -> None:
    broadcast_id = with_rules(tx, 4)
    tx.execute("UPDATE broadcast SET canary = ?", (json_of(Canary(3)),))
    canaries.begin(tx, broadcast_id, 3)
    claims = accepted(tx, broadcast_id, 3)
    tell(tx, told(claims[0], S.FAILED), told(claims[1], S.DELIVERED))
    assert status_of(tx, claims[0].recipient_id) == "pending"
    figures = canaries.figures(tx, broadcast_id)
    assert (figures.people, figures.delivered, figures.failed, figures.left) == (3, 1, 1, 0)
