"""What webhooks held that was not applied: counted, for notes in the database once a minute; pure.

Such parts come from strangers too: one app of Meta's may serve hundreds of businesses of which this daemon knows one.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from wacrmd.fields import JsonObject

MAX_NOTES = 20
"""Rows that one minute can leave."""

MAX_PARTS = 1000
"""How many parts are told apart within a minute; the others count as one."""

SEVERAL = "several"


class UnappliedPart(NamedTuple):
    """A part of a webhook that was not applied: its field, the number or account that it is about, and why."""

    field: str
    subject: str | None
    result: str
    """`ignored` or `unreadable`."""
    reason: str


@dataclass(slots=True)
class MetaEventNotes:
    """The parts that were not applied since the last notes were stored."""

    _counts: Counter[UnappliedPart] = field(default_factory=Counter)
    _others: int = 0

    def add(self, part: UnappliedPart, count: int) -> None:
        """Count a part."""
        if part in self._counts or len(self._counts) < MAX_PARTS:
            self._counts[part] += count
        else:
            self._others += count

    def take(self) -> list[tuple[str, str | None, JsonObject]]:
        """The notes to store, as field, subject and detail: the most frequent parts, then the sum of all others."""
        ranked = self._counts.most_common()
        kept = ranked if len(ranked) <= MAX_NOTES and not self._others else ranked[: MAX_NOTES - 1]
        others = self._others + sum(count for _, count in ranked[len(kept) :])
        notes: list[tuple[str, str | None, JsonObject]] = [
            (part.field, part.subject, {part.result: part.reason, "count": count}) for part, count in kept
        ]
        if others:
            notes.append((SEVERAL, None, {"ignored": "parts that are not noted one by one", "count": others}))
        self._counts, self._others = Counter(), 0
        return notes
