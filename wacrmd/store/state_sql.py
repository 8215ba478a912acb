"""The transition tables as SQL: for each event the condition of the row's state, and the new status."""

from wacrmd.domain.broadcast_transitions import BROADCAST, BroadcastEvent
from wacrmd.domain.hold import PAUSED_BY_PERSON
from wacrmd.domain.recipient import RecipientState
from wacrmd.domain.recipient_transitions import RECIPIENT, RecipientEvent

GIVEN_UP = "(status = 'failed' AND error_code IS NULL AND wamid IS NULL)"
"""A failed recipient whose failure Meta did not report: the attempt was given up; see `RecipientState`."""


NOT_PAUSED_BY_PERSON = "(hold_reason IS NULL OR hold_reason NOT IN ({}))".format(
    ", ".join(f"'{reason}'" for reason in sorted(PAUSED_BY_PERSON))
)
"""A broadcast or number that no person has paused."""

SET_HOLD = (
    "hold_reason = ?1, hold_since = ?3,"
    " hold_detail = ?2 || CASE WHEN hold_detail IS NULL THEN '' ELSE '. Paused before: ' || hold_detail END"
)
"""Sets reason (?1), detail (?2) and time (?3) of a pause; the detail of an earlier one stays in it."""


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
