"""Webhooks of Meta while their updates are applied: the transaction, what each authorises, and the result."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from wacrmd.clock import DAY, Millis
from wacrmd.config import Config
from wacrmd.domain.number import NumberIds
from wacrmd.meta.inbound import Unreadable
from wacrmd.services.app_secrets import AuthorizedNumbers
from wacrmd.services.meta_event_notes import UnappliedPart
from wacrmd.services.pausing import PauseEvent, Resumed
from wacrmd.store import people
from wacrmd.store.database import Tx
from wacrmd.store.people import Sighting
from wacrmd.store.receipts import Applied

_MAX_LATENESS: Millis = 8 * DAY
"""Meta repeats a webhook for seven days (docs/meta.md, Webhooks)."""
_NOT_AUTHORIZED = "this number or account is not configured with this secret"


@dataclass(slots=True)
class IngestResult:
    """What webhooks changed: for the log, the metrics, and what is done after the commit."""

    broadcasts: set[int] = field(default_factory=set)
    """Row ids of the broadcasts that changed."""
    resumed: Resumed = field(default_factory=Resumed)
    pauses: list[PauseEvent] = field(default_factory=list)
    throttled: dict[str, str] = field(default_factory=dict)
    """Ids of the numbers that send too fast, each with Meta's reason."""
    joined: set[int] = field(default_factory=set)
    """Ids of the people of whom more addresses are known now."""
    kinds: dict[str, int] = field(default_factory=dict)
    """How many events of each kind."""
    statuses: Applied = field(default_factory=Applied)
    numbers_with_statuses: set[str] = field(default_factory=set)
    unapplied: Counter[UnappliedPart] = field(default_factory=Counter)
    """Parts that were not applied, and how often."""
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    """Log lines about what is stored."""
    seconds: float = 0.0
    """How long it took to apply them."""

    def count(self, kind: str, by: int = 1) -> None:
        """Count `by` events of a kind."""
        if by:
            self.kinds[kind] = self.kinds.get(kind, 0) + by

    def count_unreadable(self, part: Unreadable) -> None:
        """Count a part that could not be read."""
        self.count("unreadable")
        self.unapplied[UnappliedPart(part.field, None, "unreadable", part.reason)] += 1

    def add(self, other: "IngestResult") -> None:
        """Add what other webhooks of the same transaction changed."""
        self.broadcasts |= other.broadcasts
        self.resumed.add(other.resumed)
        self.pauses += other.pauses
        self.throttled |= other.throttled
        self.joined |= other.joined
        self.statuses.add(other.statuses)
        self.numbers_with_statuses |= other.numbers_with_statuses
        self.unapplied += other.unapplied
        self.after_commit += other.after_commit
        for kind, count in other.kinds.items():
            self.count(kind, count)


@dataclass(frozen=True, slots=True)
class Batch:
    """What the functions that apply the updates of one webhook share; webhooks of a transaction share `result`."""

    tx: Tx
    config: Config
    authorized: AuthorizedNumbers
    now: Millis
    result: IngestResult

    def number(self, phone_number_id: str | None) -> NumberIds | None:
        """The number, if the webhook's secret authorises it."""
        return self.authorized.numbers.get(phone_number_id or "")

    def see(self, sighting: Sighting) -> int | None:
        """The person whom a payload names, who is stored; None if it names nobody.

        A time at which Meta would have given up to deliver it says nothing: then it is as if it was seen now.
        """
        if self.now - sighting.at > _MAX_LATENESS:
            sighting = replace(sighting, at=self.now)
        seen = people.see(self.tx, [sighting], self.now)
        self.result.broadcasts |= seen.broadcasts
        self.result.joined |= seen.joined
        return seen.people[0]

    def count_unknown(self, field: str, subject: str | None) -> None:
        """Count an event that is ignored: the webhook's secret does not authorise the number or account."""
        self.result.count("number_unknown")
        self.result.unapplied[UnappliedPart(field, subject, "ignored", _NOT_AUTHORIZED)] += 1
