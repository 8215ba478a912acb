"""Every pair of state and event: the table and the SQL on a real file give the same result."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.store.rows import N1, NOW, broadcast, database, receipt_of, row
from tests.support.table import rows
from wacrmd.domain.attempt import AttemptResult, Claim, MetaError, UncertainPolicy
from wacrmd.domain.broadcast import Broadcast, BroadcastStatus
from wacrmd.domain.broadcast_transitions import BROADCAST, BroadcastEvent
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.recipient import RecipientState, RecipientStatus, recipient_state
from wacrmd.domain.recipient_transitions import RECIPIENT, STATUS_EVENTS, RecipientEvent
from wacrmd.domain.retry import NO_LIMITS, RetryRequest, RetryRule
from wacrmd.store import (
    attempts,
    broadcasts,
    due,
    numbers,
    people,
    person_merge,
    receipts,
    recipients,
    retries,
)
from wacrmd.store.database import Tx
from wacrmd.store.migrate import migrations
from wacrmd.store.rows import json_of

S, E = RecipientState, RecipientEvent
B, V = BroadcastStatus, BroadcastEvent
ATTEMPT = 2
"""The newest attempt of the recipient in these tests; the one before it is an older one."""

COLUMNS: dict[RecipientState, dict[str, object]] = {
    S.PENDING: {},
    S.SENDING: {"claimed_at": NOW},
    S.SENT: {"wamid": "w1", "sent_at": NOW},
    S.DELIVERED: {"wamid": "w1", "sent_at": NOW, "delivered_at": NOW},
    S.READ: {"wamid": "w1", "sent_at": NOW, "delivered_at": NOW, "read_at": NOW},
    S.REPLIED: {"wamid": "w1", "sent_at": NOW, "delivered_at": NOW, "read_at": NOW, "replied_at": NOW},
    S.FAILED: {"wamid": "w1", "failed_at": NOW, "error_code": 131026, "error_title": "Undeliverable"},
    S.GIVEN_UP: {"failed_at": NOW, "error_title": "Nobody knows"},
    S.UNCERTAIN: {"error_title": "Nobody knows"},
    S.CANCELLED: {},
}
RESULTS = {
    E.ACCEPTED: (RecipientStatus.SENT, None),
    E.REFUSED_FOR_GOOD: (RecipientStatus.FAILED, MetaError(131026, "Undeliverable")),
    E.ATTEMPT_GIVEN_UP: (RecipientStatus.FAILED, None),
    E.RETRY_SCHEDULED: (RecipientStatus.PENDING, None),
    E.OUTCOME_UNKNOWN: (RecipientStatus.UNCERTAIN, None),
}
LEASES = {
    E.LEASE_EXPIRED_HOLD: [(UncertainPolicy.HOLD, 3)],
    E.LEASE_EXPIRED_RESEND: [(UncertainPolicy.RESEND, 3)],
    E.LEASE_EXPIRED_FAIL: [(UncertainPolicy.FAIL, 3), (UncertainPolicy.RESEND, 0)],
}
Change = Callable[[Tx, int, int], object]
"""Makes an event happen to the recipient of a broadcast (their ids)."""


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Tx]:
    with database(tmp_path) as connection:
        yield connection


def one_in(tx: Tx, state: RecipientState) -> tuple[int, int]:
    """A recipient in this state after two attempts; its broadcast's id and its own."""
    tx.execute("DELETE FROM recipient")
    tx.execute("DELETE FROM broadcast")
    broadcast_id = broadcast(tx, 1)
    columns = {"status": state.status, "attempt": ATTEMPT, **COLUMNS[state]}
    tx.execute(f"UPDATE recipient SET {', '.join(f'{name} = ?' for name in columns)}", (*columns.values(),))
    (recipient_id,) = tx.execute("SELECT id FROM recipient").fetchone()
    return broadcast_id, recipient_id


def state_of(tx: Tx, recipient_id: int) -> RecipientState:
    status, error_code, wamid = tx.execute(
        "SELECT status, error_code, wamid FROM recipient WHERE id = ?", (recipient_id,)
    ).fetchone()
    return recipient_state(RecipientStatus(status), error_code=error_code, wamid=wamid)


def result(broadcast_id: int, recipient_id: int, event: RecipientEvent, attempt: int) -> AttemptResult:
    status, error = RESULTS[event]
    wamid = "w1" if event is E.ACCEPTED else None
    return AttemptResult(recipient_id, broadcast_id, attempt, status, NOW, NOW, "note", wamid, error=error)


def recorded(event: RecipientEvent, attempt: int = ATTEMPT) -> Change:
    return lambda tx, broadcast_id, recipient_id: attempts.record(
        tx, [result(broadcast_id, recipient_id, event, attempt)]
    )


def expired(policy: UncertainPolicy, max_retries: int) -> Change:
    return lambda tx, _broadcast_id, _recipient_id: attempts.expire_leases(
        tx, policy, NOW, max_retries=max_retries
    )


def status_received(status: RecipientStatus, attempt: int = ATTEMPT, *, has_failed: bool = False) -> Change:
    def change(tx: Tx, broadcast_id: int, recipient_id: int) -> None:
        if has_failed:
            tx.execute("UPDATE recipient SET failed_attempt = ?", (attempt,))
        claim = Claim(recipient_id, broadcast_id, attempt, 0, "+14152000000", None, None, NOW)
        receipts.apply(tx, [receipt_of(claim, status, "w1")], NOW)

    return change


def status_failed_after_guess(tx: Tx, broadcast_id: int, recipient_id: int) -> None:
    """A reply that quotes nothing was attributed to the message."""
    tx.execute(
        "INSERT OR REPLACE INTO inbound_message (id, number_id, at, received_at, recipient_id, replies_from)"
        " VALUES ('in', ?, ?, ?, ?, 0)",
        (N1.id, NOW, NOW, recipient_id),
    )
    status_received(RecipientStatus.FAILED)(tx, broadcast_id, recipient_id)


def superseded_acceptance(tx: Tx, broadcast_id: int, recipient_id: int) -> None:
    tx.execute("UPDATE recipient SET failed_attempt = ?", (ATTEMPT,))
    attempts.record(tx, [result(broadcast_id, recipient_id, E.ACCEPTED, ATTEMPT)])


def cancel_returned(tx: Tx, broadcast_id: int, _recipient_id: int) -> None:
    tx.execute("UPDATE broadcast SET status = 'cancelled'")
    recipients.cancel_returned(tx, [broadcast_id])


def same_person(tx: Tx, broadcast_id: int, recipient_id: int) -> None:
    """Somebody in the same broadcast who has the message turns out to be the same person."""
    other = people.ensure(tx, N1.account_id, ["US.1"], NOW)["US.1"]
    tx.execute(
        "INSERT INTO recipient (broadcast_id, person_id, \"to\", status) VALUES (?, ?, 'US.1', 'sent')",
        (broadcast_id, other),
    )
    (person_id,) = tx.execute("SELECT person_id FROM recipient WHERE id = ?", (recipient_id,)).fetchone()
    if person_id != other:
        person_merge.merge(tx, other, into=person_id, at=NOW, now=NOW)


def requeue(tx: Tx, broadcast_id: int, _recipient_id: int) -> None:
    retries.requeue(tx, broadcast_id, RetryRequest(frozenset(RecipientStatus)), NOW)


def requeue_not_delivered(tx: Tx, broadcast_id: int, _recipient_id: int) -> None:
    wanted = RetryRequest(frozenset({RecipientStatus.SENT}), not_delivered_after=0)
    retries.requeue(tx, broadcast_id, wanted, NOW)


def retry_by_rule(tx: Tx, _broadcast_id: int, recipient_id: int) -> None:
    rules = (RetryRule((131026,), 24, 1),)
    tx.execute("UPDATE broadcast SET retry_rules = ?", (json_of(rules),))
    retries.apply_rules(tx, [recipient_id], NO_LIMITS, NOW)


CHANGES: dict[RecipientEvent, list[Change]] = {
    E.CLAIMED: [lambda tx, broadcast_id, _: attempts.claim(tx, broadcast_id, 1, NOW)],
    E.OPTED_OUT: [lambda tx, _, recipient_id: due.cancel_opted_out(tx, [recipient_id], NOW)],
    E.SAME_PERSON: [same_person],
    E.BROADCAST_CANCELLED: [
        lambda tx, broadcast_id, _: recipients.cancel_pending(tx, broadcast_id),
        cancel_returned,
    ],
    E.ATTEMPT_LOST: [lambda tx, _, recipient_id: recipients.lose_attempts(tx, [recipient_id], "Lost")],
    E.ERASED: [lambda tx, _, recipient_id: recipients.cancel_erased(tx, [recipient_id], "Erased")],
    E.REQUEUED: [requeue],
    E.NOT_DELIVERED_REQUEUED: [requeue_not_delivered],
    E.RETRIED_BY_RULE: [retry_by_rule],
    E.UNCERTAIN_GIVEN_UP: [lambda tx, broadcast_id, _: recipients.give_up_uncertain(tx, broadcast_id, NOW)],
    E.RESULT_OUTDATED: [recorded(event, ATTEMPT - 1) for event in RESULTS],
    E.ACCEPTANCE_SUPERSEDED: [superseded_acceptance],
    E.STATUS_SENT_SUPERSEDED: [status_received(RecipientStatus.SENT, has_failed=True)],
    E.STATUS_FAILED_AFTER_GUESS: [status_failed_after_guess],
    E.STATUS_FAILED_SUPERSEDED: [status_received(RecipientStatus.FAILED, has_failed=True)],
    E.STATUS_FAILED_OUTDATED: [status_received(RecipientStatus.FAILED, ATTEMPT - 1)],
    **{event: [recorded(event)] for event in RESULTS},
    **{event: [expired(*policy) for policy in policies] for event, policies in LEASES.items()},
    **{event: [status_received(status)] for status, event in STATUS_EVENTS.items()},
}


@pytest.mark.parametrize("event", [event for event in RecipientEvent if event is not E.CREATED])
@rows("state", list(RecipientState))
def test_each_recipient_statement_does_what_its_table_row_says(
    tx: Tx, state: RecipientState, event: RecipientEvent
) -> None:
    for change in CHANGES[event]:
        broadcast_id, recipient_id = one_in(tx, state)
        change(tx, broadcast_id, recipient_id)
        assert state_of(tx, recipient_id) is (RECIPIENT.after(state, event) or state)


@pytest.mark.parametrize("event", [event for event in RecipientEvent if event is not E.CREATED])
@rows("state", list(RecipientState))
def test_an_event_that_happens_again_changes_nothing_more(
    tx: Tx, state: RecipientState, event: RecipientEvent
) -> None:
    """Except a retry: each one is a new decision of a person, and this one has nothing to do."""
    for change in CHANGES[event]:
        broadcast_id, recipient_id = one_in(tx, state)
        change(tx, broadcast_id, recipient_id)
        before = row(tx, recipient_id)
        change(tx, broadcast_id, recipient_id)
        assert row(tx, recipient_id) == before


def test_a_new_recipient_is_pending(tx: Tx) -> None:
    broadcast(tx, 1)
    (recipient_id,) = tx.execute("SELECT id FROM recipient").fetchone()
    assert state_of(tx, recipient_id) is RECIPIENT.of(E.CREATED).after


@pytest.mark.parametrize("condition", ["later", "broadcast paused", "number paused", "number removed"])
def test_the_condition_of_a_claim_is_checked(tx: Tx, condition: str) -> None:
    broadcast_id, _ = one_in(tx, S.PENDING)
    match condition:
        case "later":
            tx.execute("UPDATE recipient SET next_attempt_at = ?", (NOW + 1,))
        case "broadcast paused":
            broadcasts.pause(tx, broadcast_id, HoldReason.PAUSED_BY_OPERATOR, "by me", NOW)
        case "number paused":
            numbers.pause(tx, "n1", HoldReason.ACCOUNT, "131031", NOW)
        case _:
            numbers.remove(tx, "n1", NOW)
    assert attempts.claim(tx, broadcast_id, 1, NOW) == []


@pytest.mark.parametrize("given_up", [True, False])
def test_only_a_failure_reported_by_meta_sets_the_failed_attempt(tx: Tx, given_up: bool) -> None:
    """A message that only was assumed to have failed may still arrive; then its status ends the retry."""
    broadcast_id, recipient_id = one_in(tx, S.GIVEN_UP if given_up else S.FAILED)
    requeue(tx, broadcast_id, recipient_id)
    assert row(tx, recipient_id)["failed_attempt"] == (0 if given_up else ATTEMPT)
    status_received(RecipientStatus.SENT)(tx, broadcast_id, recipient_id)
    assert state_of(tx, recipient_id) is (S.SENT if given_up else S.PENDING)


# --- broadcasts -----------------------------------------------------------------------------------------------


def broadcast_in(tx: Tx, state: BroadcastStatus, **columns: object) -> int:
    """A broadcast in this state whose recipients are all done."""
    tx.execute("DELETE FROM recipient")
    tx.execute("DELETE FROM broadcast")
    broadcast_id = broadcast(tx, 1)
    tx.execute("UPDATE recipient SET status = 'sent'")
    paused = state is B.PAUSED
    values = {
        "status": state,
        "hold_reason": HoldReason.TEMPLATE if paused else None,
        "hold_detail": "132015" if paused else None,
        "hold_since": NOW if paused else None,
        "completed_at": NOW if state is B.SENT else None,
        "started_at": None if state is B.SCHEDULED else NOW - 5,
        "scheduled_at": NOW - 9,
        **columns,
    }
    tx.execute(f"UPDATE broadcast SET {', '.join(f'{name} = ?' for name in values)}", (*values.values(),))
    return broadcast_id


def stored(tx: Tx, broadcast_id: int) -> Broadcast:
    found = broadcasts.get(tx, broadcast_id)
    assert found is not None
    return found


def status_of(tx: Tx, broadcast_id: int) -> BroadcastStatus:
    return stored(tx, broadcast_id).status


LATER: dict[str, object] = {"started_at": None, "scheduled_at": NOW + 9}
BROADCAST_CHANGES: dict[BroadcastEvent, tuple[dict[str, object], list[Callable[[Tx, int], object]]]] = {
    V.DRAFT_SENT: ({}, [lambda tx, each: broadcasts.send_draft(tx, each, NOW)]),
    V.DRAFT_SCHEDULED: (LATER, [lambda tx, each: broadcasts.schedule_draft(tx, each, NOW)]),
    V.STARTED: ({}, [lambda tx, _: broadcasts.start_scheduled(tx, NOW)]),
    V.PAUSED: ({}, [lambda tx, each: broadcasts.pause(tx, each, HoldReason.TEMPLATE, "132015", NOW)]),
    V.PAUSED_BY_PERSON: (
        {},
        [lambda tx, each: broadcasts.pause_by_person(tx, each, HoldReason.PAUSED_BY_API, "by me", NOW)],
    ),
    V.RESTORED: ({}, [lambda tx, _: broadcasts.pause_restored(tx, "restored", NOW)]),
    V.RESUMED: ({}, [lambda tx, each: broadcasts.resume(tx, each, NOW)]),
    V.RESUMED_EARLY: (LATER, [lambda tx, each: broadcasts.resume(tx, each, NOW)]),
    V.TEMPLATE_APPROVED: ({}, [lambda tx, each: broadcasts.resume_after_approval(tx, each, NOW)]),
    V.CANCELLED: ({}, [lambda tx, each: broadcasts.cancel(tx, each, NOW)]),
    V.COMPLETED: (
        {},
        [
            lambda tx, each: broadcasts.complete(tx, each, NOW),
            lambda tx, each: broadcasts.recipients_changed(tx, [each], NOW),
        ],
    ),
    V.REOPENED: ({}, [lambda tx, each: broadcasts.reopen(tx, each, NOW)]),
}


@pytest.mark.parametrize("event", [event for event in V if BROADCAST.of(event).before])
@rows("state", list(B))
def test_each_broadcast_statement_does_what_its_table_row_says(
    tx: Tx, state: BroadcastStatus, event: BroadcastEvent
) -> None:
    columns, changes = BROADCAST_CHANGES[event]
    for change in changes:
        broadcast_id = broadcast_in(tx, state, **columns)
        expected = BROADCAST.after(state, event)
        changed = change(tx, broadcast_id)
        assert bool(changed) is (expected is not None)
        assert status_of(tx, broadcast_id) is (expected or state)


@pytest.mark.parametrize("scheduled_at", [None, NOW + 9])
def test_a_new_broadcast_is_sending_or_scheduled(tx: Tx, scheduled_at: int | None) -> None:
    event = V.SCHEDULED if scheduled_at else V.CREATED
    assert status_of(tx, broadcast(tx, 1, scheduled_at=scheduled_at)) is BROADCAST.of(event).after


def test_a_scheduled_broadcast_resumed_after_its_time_is_sending(tx: Tx) -> None:
    broadcast_id = broadcast_in(tx, B.PAUSED, started_at=None, scheduled_at=NOW)
    assert broadcasts.resume(tx, broadcast_id, NOW)
    assert status_of(tx, broadcast_id) is B.SENDING
    assert stored(tx, broadcast_id).started_at == NOW


def test_a_broadcast_that_had_started_is_sending_when_resumed(tx: Tx) -> None:
    broadcast_id = broadcast_in(tx, B.PAUSED, scheduled_at=NOW + 9)
    assert broadcasts.resume(tx, broadcast_id, NOW)
    assert status_of(tx, broadcast_id) is B.SENDING


def test_a_scheduled_broadcast_starts_at_its_time_and_not_before(tx: Tx) -> None:
    broadcast_id = broadcast_in(tx, B.SCHEDULED, scheduled_at=NOW + 1)
    assert broadcasts.start_scheduled(tx, NOW) == []
    assert status_of(tx, broadcast_id) is B.SCHEDULED
    assert broadcasts.start_scheduled(tx, NOW + 1) == [broadcast_id]


def test_a_resumed_broadcast_keeps_the_time_at_which_it_started(tx: Tx) -> None:
    broadcast_id = broadcast_in(tx, B.PAUSED)
    assert broadcasts.resume(tx, broadcast_id, NOW)
    assert stored(tx, broadcast_id).started_at == NOW - 5


@pytest.mark.parametrize("reason", [reason for reason in HoldReason if reason is not HoldReason.TEMPLATE])
def test_an_approved_template_resumes_only_broadcasts_paused_for_the_template(
    tx: Tx, reason: HoldReason
) -> None:
    broadcast_id = broadcast_in(tx, B.PAUSED, hold_reason=reason)
    assert not broadcasts.resume_after_approval(tx, broadcast_id, NOW)
    assert status_of(tx, broadcast_id) is B.PAUSED


@pytest.mark.parametrize("waiting", ["pending", "sending"])
def test_a_broadcast_is_not_completed_while_a_recipient_is_pending(tx: Tx, waiting: str) -> None:
    broadcast_id = broadcast_in(tx, B.SENDING)
    tx.execute("UPDATE recipient SET status = ?, claimed_at = ?", (waiting, NOW))
    assert not broadcasts.complete(tx, broadcast_id, NOW)
    assert status_of(tx, broadcast_id) is B.SENDING


@pytest.mark.parametrize("state", [B.PAUSED, B.SENT, B.CANCELLED])
def test_pausing_again_keeps_the_first_reason(tx: Tx, state: BroadcastStatus) -> None:
    broadcast_id = broadcast_in(tx, state)
    before = broadcasts.get(tx, broadcast_id)
    broadcasts.pause(tx, broadcast_id, HoldReason.MANY_FAILURES, "another fault", NOW + 1)
    assert broadcasts.get(tx, broadcast_id) == before


@pytest.mark.parametrize("reason", list(HoldReason))
def test_a_pause_by_a_person_replaces_every_reason_but_that_of_a_person(tx: Tx, reason: HoldReason) -> None:
    broadcast_id = broadcast_in(tx, B.PAUSED, hold_reason=reason)
    by_person = reason in (HoldReason.PAUSED_BY_API, HoldReason.PAUSED_BY_OPERATOR)
    replaced = broadcasts.pause_by_person(tx, broadcast_id, HoldReason.PAUSED_BY_API, "by me", NOW + 1)
    assert replaced is not by_person
    hold = stored(tx, broadcast_id).hold
    assert hold is not None
    assert hold.reason is (reason if by_person else HoldReason.PAUSED_BY_API)
    assert hold.detail == ("132015" if by_person else "by me. Paused before: 132015")
    assert not broadcasts.resume_after_approval(tx, broadcast_id, NOW + 2)


def test_an_approved_template_does_not_start_a_broadcast_before_its_time(tx: Tx) -> None:
    broadcast_id = broadcast_in(tx, B.PAUSED, **LATER)
    assert not broadcasts.resume_after_approval(tx, broadcast_id, NOW)


def test_a_restored_broadcast_has_that_reason_also_if_it_was_paused_before(tx: Tx) -> None:
    broadcast_id = broadcast_in(tx, B.PAUSED, hold_reason=HoldReason.PAUSED_BY_API)
    broadcasts.pause_restored(tx, "restored", NOW)
    hold = stored(tx, broadcast_id).hold
    assert hold is not None
    assert hold.detail == "restored. Paused before: 132015"


# --- the schema -----------------------------------------------------------------------------------------------


def statuses_of(table: str) -> list[str]:
    """The statuses that the CHECK of a table allows."""
    schema = "".join(script for _, script in migrations())
    definition = re.search(rf"CREATE TABLE {table} \((.*?)\n\)", schema, re.DOTALL)
    assert definition is not None
    listed = re.search(r"CHECK \(status IN\s*\((.*?)\)", definition[1], re.DOTALL)
    assert listed is not None
    return re.findall(r"'(\w+)'", listed[1])


def test_the_schema_allows_the_statuses_of_the_tables_and_no_others(tx: Tx) -> None:
    assert sorted(statuses_of("recipient")) == sorted({state.status for state in RecipientState})
    assert sorted(statuses_of("broadcast")) == sorted(BroadcastStatus)
    assert sorted(statuses_of("unmatched_status")) == sorted(STATUS_EVENTS)


@pytest.mark.parametrize(
    ("state", "column"),
    [
        (state, column)
        for state, columns in COLUMNS.items()
        for column in ("claimed_at", "delivered_at", "read_at", "replied_at", "failed_at")
        if column in columns
    ],
)
def test_a_state_without_its_time_is_refused_by_the_schema(
    tx: Tx, state: RecipientState, column: str
) -> None:
    one_in(tx, state)
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        tx.execute(f"UPDATE recipient SET {column} = NULL")


def test_no_statement_sets_a_status_outside_the_transition_table() -> None:
    """Each statement is built from the table; `receipts` writes the state that the table gave for each row."""
    for file in (Path(attempts.__file__).parent).glob("*.py"):
        for found in re.findall(
            r"UPDATE (?:OR IGNORE )?(?:recipient|broadcast) SET .{60}", file.read_text(), re.DOTALL
        ):
            assert "status = '" not in found, f"{file.name}: {found}"
