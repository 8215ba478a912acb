"""One webhook of Meta while it is applied: its transaction, what it may change, and what it did."""

from dataclasses import dataclass, field

from wacrmd.clock import Millis
from wacrmd.config import Config
from wacrmd.services.pausing import PauseEvent, Resumed
from wacrmd.services.webhook_secrets import AuthorizedNumbers
from wacrmd.store import account_events
from wacrmd.store.database import Tx
from wacrmd.store.receipts import Applied

_NOT_AUTHORIZED = {"ignored": "this number or account is not configured with this secret"}
MAX_KIND = 40
"""Characters of a kind of event that Meta names: it becomes a label of a metric."""


@dataclass(slots=True)
class IngestResult:
    """What one webhook did, for the log, the metrics, and the effects after the commit."""

    broadcasts: set[int] = field(default_factory=set)
    """Broadcasts of which something changed."""
    resumed: Resumed = field(default_factory=Resumed)
    pauses: list[PauseEvent] = field(default_factory=list)
    throttled: dict[str, str] = field(default_factory=dict)
    """Numbers that Meta says are too fast, each with a sentence."""
    kinds: dict[str, int] = field(default_factory=dict)
    """How many events of each kind."""
    statuses: Applied = field(default_factory=Applied)
    numbers_with_statuses: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    """Ids of numbers and business accounts that are not configured with the secret of this webhook."""

    def count(self, kind: str, by: int = 1) -> None:
        """Count one kind of event."""
        if by:
            kind = kind[:MAX_KIND]
            self.kinds[kind] = self.kinds.get(kind, 0) + by


@dataclass(frozen=True, slots=True)
class Batch:
    """The updates of one webhook are applied with this, one after the other, in one transaction."""

    tx: Tx
    config: Config
    authorized: AuthorizedNumbers
    now: Millis
    result: IngestResult = field(default_factory=IngestResult)

    def number(self, phone_number_id: str | None) -> tuple[str, str] | None:
        """(id, account id) of a number that is configured with the webhook's secret."""
        return self.authorized.numbers.get(phone_number_id or "")

    def keep_unknown(self, field: str, subject: str | None) -> None:
        """Keep that Meta sent an event of something that is not configured; once for each subject."""
        self.result.count("number_unknown")
        if subject is not None and subject not in self.result.unknown:
            self.result.unknown.add(subject)
            account_events.add(self.tx, field, subject, _NOT_AUTHORIZED, self.now)
