"""What happened to a recipient, entry by entry."""

from dataclasses import dataclass

from wacrmd.clock import Millis
from wacrmd.domain.attempt import MetaError


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """An attempt that ended (`event` is `attempt`), or a status that Meta reported (`event` is the status).

    `started_at`, `outcome` and `note` are of attempts; `error` is of the status `failed`.
    """

    at: Millis
    event: str
    attempt: int | None
    started_at: Millis | None = None
    outcome: str | None = None
    note: str | None = None
    error: MetaError | None = None
