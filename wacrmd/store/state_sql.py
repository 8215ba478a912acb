"""The transition tables as SQL: for each event the condition of the row's state, and the new status."""

from wacrmd.domain.recipient import RecipientState
from wacrmd.domain.transitions import BROADCAST, RECIPIENT, BroadcastEvent, RecipientEvent

GIVEN_UP = "(status = 'failed' AND error_code IS NULL AND wamid IS NULL)"
"""A failed recipient whose failure Meta did not report: the attempt was given up; see `RecipientState`."""


def allows(event: RecipientEvent | BroadcastEvent) -> str:
    """The condition that the row's state is one that the event applies to."""
    if isinstance(event, BroadcastEvent):
        return _status_is({state.value for state in BROADCAST.of(event).before})
    before = RECIPIENT.of(event).before
    statuses = _status_is({state.value for state in before - {RecipientState.GIVEN_UP}})
    if RecipientState.GIVEN_UP not in before or RecipientState.FAILED in before:
        return statuses
    return f"({statuses} OR {GIVEN_UP})"


def after(event: RecipientEvent | BroadcastEvent) -> str:
    """The status after the event, as an SQL literal."""
    state = BROADCAST.of(event).after if isinstance(event, BroadcastEvent) else RECIPIENT.of(event).after
    if state is None:
        raise ValueError(event)
    return f"'{state.status if isinstance(state, RecipientState) else state}'"


def _status_is(statuses: set[str]) -> str:
    quoted = [f"'{status}'" for status in sorted(statuses)]
    return f"status = {quoted[0]}" if len(quoted) == 1 else f"status IN ({', '.join(quoted)})"
