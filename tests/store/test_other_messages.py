"""A recipient of whom Meta has several messages: each is found by its id, whichever the row names."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.rows import N1, NOW, broadcast, database, receipt_of, row
from wacrmd.clock import DAY, HOUR, MINUTE
from wacrmd.domain.attempt import AttemptResult, Claim, MetaError
from wacrmd.domain.billing import Billing, Pricing
from wacrmd.domain.receipt import Receipt
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.domain.retry import RetryLimits, RetryRequest, RetryRule
from wacrmd.store import attempts, inbound_messages, quotes, receipts, retries
from wacrmd.store.database import Tx
from wacrmd.store.rows import json_of

S = RecipientStatus
LATER = NOW + 10 * MINUTE
KEPT = "SELECT wamid, recipient_id, attempt, sent_at FROM other_message ORDER BY 1"


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Tx]:
    with database(tmp_path) as connection:
        yield connection


def claimed(tx: Tx, broadcast_id: int, at: int = NOW) -> Claim:
    (claim,) = attempts.claim(tx, broadcast_id, 1, at)
    return claim


def end(tx: Tx, claim: Claim, status: S, *, wamid: str | None = None, at: int = NOW) -> None:
    result = AttemptResult(
        *(claim.recipient_id, claim.broadcast_id, claim.attempt, status, at, at, "note"),
        wamid=wamid,
        next_attempt_at=at,
    )
    attempts.record(tx, [result])
    if wamid is not None:
        receipts.apply_unmatched(tx, [wamid], at)


def tell(tx: Tx, claim: Claim, status: S, wamid: str, *, token: bool = False, code: int = 131026) -> None:
    told = receipt_of(claim, status, wamid, token=token, at=LATER)
    if status is S.FAILED:
        error = MetaError(code, "error")
        told = Receipt(N1, wamid, status, LATER, callback=told.callback, error=error)
    receipts.apply(tx, [told], LATER)


def again(tx: Tx, broadcast_id: int, status: S) -> None:
    wanted = RetryRequest(frozenset({status}), not_delivered_after=0)
    assert len(retries.requeue(tx, broadcast_id, wanted, LATER).ids) == 1


def facts(tx: Tx, claim: Claim) -> tuple[object, ...]:
    found = row(tx, claim.recipient_id)
    return found["status"], found["attempt"], found["wamid"], found["sent_at"]


def test_after_a_retry_the_row_names_the_message_that_arrived_with_the_time_at_which_meta_took_it(
    tx: Tx,
) -> None:
    """The day on which it was sent decides what it costs."""
    broadcast_id = broadcast(tx, 1)
    claim = claimed(tx, broadcast_id)
    end(tx, claim, S.SENT, wamid="w1", at=NOW + 1)
    again(tx, broadcast_id, S.SENT)
    assert tx.execute(KEPT).fetchall() == [("w1", claim.recipient_id, 1, NOW + 1)]
    assert facts(tx, claim) == ("pending", 1, None, None)
    tell(tx, claim, S.DELIVERED, "w1")
    assert facts(tx, claim) == ("delivered", 1, "w1", NOW + 1)


def test_the_price_of_a_message_that_arrives_after_a_retry_counts_again_as_meta_told_it(tx: Tx) -> None:
    """Meta tells it with `sent`; an answer that ends the retry tells none. A later status may correct it."""
    broadcast_id = broadcast(tx, 1)
    claim = claimed(tx, broadcast_id)
    end(tx, claim, S.SENT, wamid="w1")
    counted = (
        "SELECT day, p.category, count FROM billed_broadcast JOIN pricing p ON p.id = pricing_id WHERE count"
    )
    at_sent, at_read = (
        Receipt(
            N1, "w1", status, at, billing=Billing(Pricing(category, "regular", "PMP", billable=True), None)
        )
        for status, at, category in ((S.SENT, NOW, "marketing"), (S.READ, LATER, "utility"))
    )
    receipts.apply(tx, [at_sent], NOW)
    assert tx.execute(counted).fetchall() == [(NOW // DAY, "marketing", 1)]
    again(tx, broadcast_id, S.SENT)
    assert tx.execute(counted).fetchall() == []
    receipts.apply(tx, [Receipt(N1, "w1", S.REPLIED, NOW + 2 * DAY)], NOW + 2 * DAY)
    assert tx.execute(counted).fetchall() == [(NOW // DAY, "marketing", 1)]
    receipts.apply(tx, [at_read], LATER)
    assert tx.execute(counted).fetchall() == [(NOW // DAY, "utility", 1)]


@pytest.mark.parametrize("how", ["by hand", "by rule"])
def test_a_message_that_failed_by_metas_word_and_arrived_after_all_ends_its_retry(tx: Tx, how: str) -> None:
    broadcast_id = broadcast(tx, 1)
    rules = (RetryRule((131026,), 1, 1),)
    tx.execute("UPDATE broadcast SET retry_rules = ?", (json_of(rules),))
    claim = claimed(tx, broadcast_id)
    end(tx, claim, S.SENT, wamid="w1")
    tell(tx, claim, S.FAILED, "w1")
    if how == "by hand":
        again(tx, broadcast_id, S.FAILED)
    else:
        assert retries.apply_rules(tx, [claim.recipient_id], RetryLimits(), LATER) == [claim.recipient_id]
    tell(tx, claim, S.SENT, "w1")
    tell(tx, claim, S.FAILED, "w1")
    assert facts(tx, claim)[0] == "pending", "both say nothing new"
    tell(tx, claim, S.DELIVERED, "w1")
    assert facts(tx, claim)[0] == "delivered"
    assert attempts.claim(tx, broadcast_id, 1, NOW + DAY) == []


@pytest.mark.parametrize("token", [True, False])
def test_of_two_messages_that_meta_has_both_are_found(tx: Tx, *, token: bool) -> None:
    """The old one arrives while the new one is in flight: the row names the old one, and the new one is read."""
    broadcast_id = broadcast(tx, 1)
    first = claimed(tx, broadcast_id)
    end(tx, first, S.SENT, wamid="w1")
    again(tx, broadcast_id, S.SENT)
    second = claimed(tx, broadcast_id, LATER)
    tell(tx, second, S.READ, "w2")  # before its answer: not known yet
    tell(tx, first, S.DELIVERED, "w1", token=token)
    assert facts(tx, first)[:3] == ("delivered", 2, "w1")
    end(tx, second, S.SENT, wamid="w2", at=LATER)
    assert facts(tx, first)[:3] == ("read", 2, "w1")
    assert {(kept[0], kept[2]) for kept in tx.execute(KEPT)} == {("w1", 1), ("w2", 2)}


def test_an_answer_that_comes_after_the_next_attempt_began_tells_the_id_of_its_message(tx: Tx) -> None:
    """The outcome was unknown, and somebody asked for another attempt. The first one arrives, without our token."""
    broadcast_id = broadcast(tx, 1)
    first = claimed(tx, broadcast_id)
    end(tx, first, S.UNCERTAIN)
    again(tx, broadcast_id, S.UNCERTAIN)
    second = claimed(tx, broadcast_id, LATER)
    tell(tx, first, S.DELIVERED, "w1")
    end(tx, first, S.SENT, wamid="w1")
    assert facts(tx, first)[:3] == ("delivered", 2, "w1")
    end(tx, second, S.FAILED)
    assert facts(tx, first)[:3] == ("delivered", 2, "w1")


@pytest.mark.parametrize("answered", [True, False])
def test_a_failure_of_the_first_of_two_attempts_is_not_one_of_the_second(tx: Tx, *, answered: bool) -> None:
    """Meta had the first one after all, and reports its failure without our token."""
    broadcast_id = broadcast(tx, 1)
    first = claimed(tx, broadcast_id)
    end(tx, first, S.PENDING)  # policy `resend`: unknown, and tried again
    second = claimed(tx, broadcast_id, LATER)
    tell(tx, first, S.SENT, "w1", token=True)
    assert facts(tx, first)[:3] == ("sent", 2, "w1")
    if answered:
        end(tx, second, S.SENT, wamid="w2", at=LATER)
    tell(tx, first, S.FAILED, "w1")
    assert facts(tx, first)[0] == "sent"
    if answered:
        tell(tx, second, S.FAILED, "w2")
        assert facts(tx, first)[0] == "failed"


def test_a_status_with_our_token_makes_the_id_known_and_what_came_before_without_it_counts(tx: Tx) -> None:
    """Also where the status itself changes nothing: the failure of an attempt before."""
    broadcast_id = broadcast(tx, 1)
    first = claimed(tx, broadcast_id)
    end(tx, first, S.PENDING)
    claimed(tx, broadcast_id, LATER)
    tell(tx, first, S.DELIVERED, "w1")
    assert facts(tx, first)[0] == "sending"
    tell(tx, first, S.FAILED, "w1", token=True)
    assert facts(tx, first)[:3] == ("delivered", 2, "w1")


def test_a_held_message_is_not_released_by_a_status_of_the_one_before(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    first = claimed(tx, broadcast_id)
    end(tx, first, S.PENDING)
    second = claimed(tx, broadcast_id, LATER)
    result = AttemptResult(
        *(second.recipient_id, broadcast_id, 2, S.SENT, LATER, LATER, "note"), wamid="w2", held="held"
    )
    attempts.record(tx, [result])
    tell(tx, first, S.SENT, "w1", token=True)
    assert row(tx, first.recipient_id)["held"] == "held"
    tell(tx, second, S.SENT, "w2")
    assert row(tx, first.recipient_id)["held"] is None


def test_who_quotes_the_message_before_a_retry_answers_its_broadcast(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    first = claimed(tx, broadcast_id)
    end(tx, first, S.SENT, wamid="w1")
    again(tx, broadcast_id, S.SENT)
    found = inbound_messages.with_wamid(tx, N1, "w1")
    assert found is not None
    assert (found.recipient_id, found.broadcast_id) == (first.recipient_id, broadcast_id)
    assert inbound_messages.with_wamid(tx, N1, "w2") is None
    second = claimed(tx, broadcast_id, LATER)
    for message_id, quoted in (("in1", "w2"), ("in2", "w3")):
        inbound_messages.add(
            tx,
            message_id=message_id,
            number_id=N1.id,
            person_id=None,
            wa_id=None,
            user_id=None,
            recipient_id=None,
            at=LATER,
            now=LATER,
        )
        quotes.remember(tx, message_id, quoted, None)
    tell(tx, first, S.DELIVERED, "w1")
    end(tx, second, S.SENT, wamid="w2", at=LATER)  # the row names w1
    rows = tx.execute("SELECT id, recipient_id FROM inbound_message ORDER BY id").fetchall()
    assert rows == [("in1", first.recipient_id), ("in2", None)]


def test_an_id_that_another_recipient_has_stays_there(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 2)
    one, other = attempts.claim(tx, broadcast_id, 2, NOW)
    end(tx, one, S.SENT, wamid="w1")
    end(tx, other, S.SENT, wamid="w1")
    tell(tx, other, S.SENT, "w1", token=True)
    assert tx.execute(KEPT).fetchall() == []
    assert [row(tx, each.recipient_id)["wamid"] for each in (one, other)] == ["w1", None]


def test_the_ids_go_with_their_recipient(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    end(tx, claimed(tx, broadcast_id), S.SENT, wamid="w1")
    again(tx, broadcast_id, S.SENT)
    assert len(tx.execute(KEPT).fetchall()) == 1
    tx.execute("DELETE FROM recipient")
    assert tx.execute(KEPT).fetchall() == []


def test_a_status_of_another_number_does_not_find_the_message_before(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    claim = claimed(tx, broadcast_id)
    end(tx, claim, S.SENT, wamid="w1")
    again(tx, broadcast_id, S.SENT)
    foreign = Receipt(replace(N1, phone_number_id="1"), "w1", S.DELIVERED, NOW + HOUR)
    receipts.apply(tx, [foreign], NOW + HOUR)
    assert facts(tx, claim)[0] == "pending"
