"""A state machine as a table: one row for each event, with the states that it applies to."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

StateT = TypeVar("StateT", bound=StrEnum)
EventT = TypeVar("EventT", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Transition(Generic[StateT, EventT]):
    """One row: `event` takes every state of `before` to `after`.

    `before` is empty for an event that creates something, and for one that never changes anything (`after` is
    None). `condition` is what must hold besides the state; the event happens only then.
    """

    event: EventT
    before: frozenset[StateT]
    after: StateT | None
    reason: str
    condition: str = ""


class StateMachine(Generic[StateT, EventT]):
    """A table of transitions, one for each event."""

    def __init__(self, rows: Iterable[Transition[StateT, EventT]]) -> None:
        self.rows = tuple(rows)
        self._by_event = {row.event: row for row in self.rows}
        self._after = {
            (state, row.event): row.after
            for row in self.rows
            for state in row.before
            if row.after is not None
        }

    def after(self, state: StateT, event: EventT) -> StateT | None:
        """The state after the event; None where the event changes nothing."""
        return self._after.get((state, event))

    def of(self, event: EventT) -> Transition[StateT, EventT]:
        """The row of an event."""
        return self._by_event[event]
