"""The transition tables: complete, forward only, and independent of the order of Meta's statuses."""

from itertools import permutations, product

import pytest

from tests.domain import transition_tables
from wacrmd.domain.attempt import AttemptResult, MetaError
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.broadcast_transitions import BROADCAST, BroadcastEvent
from wacrmd.domain.recipient import STAGE, RecipientState, RecipientStatus, recipient_state
from wacrmd.domain.recipient_transitions import (
    RECIPIENT,
    STATUS_EVENTS,
    RecipientEvent,
    result_event,
    status_event,
)
from wacrmd.domain.state_machine import StateMachine, Transition

S, E = RecipientState, RecipientEvent
STATUSES = tuple(STATUS_EVENTS.values())


def after(state: RecipientState, *events: RecipientEvent) -> RecipientState:
    for event in events:
        state = RECIPIENT.after(state, event) or state
    return state


def test_every_event_has_one_row_with_a_reason() -> None:
    assert [row.event for row in RECIPIENT.rows] == list(RecipientEvent)
    assert [row.event for row in BROADCAST.rows] == list(BroadcastEvent)
    assert all(row.reason.endswith(".") for row in RECIPIENT.rows)
    assert all(row.reason.endswith(".") for row in BROADCAST.rows)


@pytest.mark.parametrize(
    ("status", "error", "event"),
    [
        (RecipientStatus.SENT, None, E.ACCEPTED),
        (RecipientStatus.PENDING, None, E.RETRY_SCHEDULED),
        (RecipientStatus.UNCERTAIN, None, E.OUTCOME_UNKNOWN),
        (RecipientStatus.FAILED, MetaError(131026, "a title"), E.REFUSED_FOR_GOOD),
        (RecipientStatus.FAILED, None, E.ATTEMPT_GIVEN_UP),
    ],
)
def test_the_event_of_a_result(
    status: RecipientStatus, error: MetaError | None, event: RecipientEvent
) -> None:
    assert result_event(AttemptResult(1, 1, 1, status, 0, 0, "", error=error)) is event


def test_a_machine_has_the_rows_it_is_made_of() -> None:
    rows = [
        Transition(E.CREATED, frozenset(), S.PENDING, "It is new."),
        Transition(E.CLAIMED, frozenset({S.PENDING, S.UNCERTAIN}), S.SENDING, "It is sent."),
        Transition(E.RESULT_OUTDATED, frozenset({S.SENT}), None, "It changes nothing."),
    ]
    machine = StateMachine(row for row in rows)
    assert machine.rows == tuple(rows)
    assert [machine.of(row.event) for row in rows] == rows
    assert machine.after(S.PENDING, E.CLAIMED) is machine.after(S.UNCERTAIN, E.CLAIMED) is S.SENDING
    assert machine.after(S.SENT, E.CLAIMED) is machine.after(S.SENT, E.RESULT_OUTDATED) is None


def test_every_state_is_reached() -> None:
    assert {row.after for row in RECIPIENT.rows} - {None} == set(RecipientState)
    assert {row.after for row in BROADCAST.rows} == set(BroadcastStatus)


def test_every_status_has_its_state_and_only_failed_has_two() -> None:
    assert [state.status for state in RecipientState if state is not S.GIVEN_UP] == list(RecipientStatus)
    assert S.GIVEN_UP.status is RecipientStatus.FAILED


@pytest.mark.parametrize("event", list(RecipientEvent))
def test_a_delivered_message_stays_delivered(event: RecipientEvent) -> None:
    for state in (S.DELIVERED, S.READ, S.REPLIED):
        then = after(state, event)
        if (state, event) == (S.REPLIED, E.STATUS_FAILED_AFTER_GUESS):  # nobody said that it was delivered
            assert then is S.FAILED
            continue
        assert STAGE[then.status] >= STAGE[state.status]


def test_only_a_retry_by_a_person_or_by_a_rule_makes_a_finished_recipient_pending() -> None:
    ended = {S.SENT, S.FAILED, S.GIVEN_UP, S.CANCELLED, S.UNCERTAIN}
    back = {row.event for row in RECIPIENT.rows if row.after in (S.PENDING, S.SENDING) and row.before & ended}
    assert back == {E.REQUEUED, E.NOT_DELIVERED_REQUEUED, E.RETRIED_BY_RULE}
    assert RECIPIENT.of(E.RETRIED_BY_RULE).before == {S.FAILED}, "nothing that may have arrived"


@pytest.mark.parametrize("state", list(RecipientState))
def test_statuses_of_one_attempt_lead_to_the_same_state_in_any_order(state: RecipientState) -> None:
    for statuses in (*product(STATUSES, repeat=2), *product(STATUSES, repeat=3)):
        assert len({after(state, *order) for order in permutations(statuses)}) == 1, statuses


@pytest.mark.parametrize("state", list(RecipientState))
def test_a_repeated_status_changes_nothing(state: RecipientState) -> None:
    for statuses in product(STATUSES, repeat=2):
        result = after(state, *statuses)
        assert after(result, *statuses) is result


@pytest.mark.parametrize("state", list(RecipientState))
def test_an_accepted_result_and_the_sent_status_lead_to_the_same_state(state: RecipientState) -> None:
    assert RECIPIENT.after(state, E.ACCEPTED) is RECIPIENT.after(state, E.STATUS_SENT)


@pytest.mark.parametrize(
    ("status", "attempt", "failed_attempt", "event"),
    [
        (RecipientStatus.FAILED, 3, 2, E.STATUS_FAILED),
        (RecipientStatus.FAILED, 2, 1, E.STATUS_FAILED_OUTDATED),
        (RecipientStatus.FAILED, 2, 2, E.STATUS_FAILED_SUPERSEDED),
        (RecipientStatus.FAILED, 3, 3, E.STATUS_FAILED_SUPERSEDED),
        (RecipientStatus.SENT, 3, 2, E.STATUS_SENT),
        (RecipientStatus.SENT, 2, 1, E.STATUS_SENT),
        (RecipientStatus.SENT, 2, 2, E.STATUS_SENT_SUPERSEDED),
        (RecipientStatus.SENT, 1, 2, E.STATUS_SENT_SUPERSEDED),
        (RecipientStatus.DELIVERED, 1, 3, E.STATUS_DELIVERED),
        (RecipientStatus.READ, 1, 3, E.STATUS_READ),
        (RecipientStatus.REPLIED, 1, 3, E.STATUS_REPLIED),
    ],
)
def test_the_event_of_a_status_depends_on_later_attempts(
    status: RecipientStatus, attempt: int, failed_attempt: int, event: RecipientEvent
) -> None:
    found = status_event(status, attempt=attempt, newest_attempt=3, failed_attempt=failed_attempt)
    assert found is event


@pytest.mark.parametrize(
    ("error_code", "wamid", "state"),
    [(None, None, S.GIVEN_UP), (131026, None, S.FAILED), (None, "w1", S.FAILED), (131026, "w1", S.FAILED)],
)
def test_a_failure_is_assumed_where_meta_has_reported_nothing(
    error_code: int | None, wamid: str | None, state: RecipientState
) -> None:
    assert recipient_state(RecipientStatus.FAILED, error_code=error_code, wamid=wamid) is state


def test_the_page_shows_the_tables() -> None:
    """If this fails: python -m tests.domain.transition_tables."""
    text = transition_tables.PAGE.read_text()
    assert len(transition_tables.MARKED.findall(text)) == 2
    assert transition_tables.page(text) == text
