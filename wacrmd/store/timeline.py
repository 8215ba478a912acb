"""When the messages of a broadcast got which status, counted in a bounded number of rows."""

from dataclasses import dataclass

from wacrmd.clock import Millis
from wacrmd.domain.timeline import STAGES
from wacrmd.store.database import Tx
from wacrmd.store.recipient_order import id_range

ALL_ROWS = 5_000
"""Recipients of a broadcast that are all looked at: they are neighbours in the file."""

SAMPLE_ROWS = 2_000
"""Of a larger broadcast so many are looked at, evenly spread: each is on a page of its own in the file."""


SCATTERED = 2
"""Between the recipients of a draft are rows of what came meanwhile; from so many times its own on, these are skipped."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Which recipients of a broadcast are looked at: every `step`th, by id or in the index; each stands for so many."""

    broadcast_id: int
    first: int
    last: int
    step: int
    is_scattered: bool
    """Whether most of the rows between the first and the last are of other broadcasts."""

    @property
    def values(self) -> tuple[int, int, int, int]:
        """The values of `_LOOKED`."""
        return self.first, self.step, self.last, self.broadcast_id


_TIMES = "looked AS MATERIALIZED (SELECT sent_at, delivered_at, read_at, replied_at, failed_at FROM place"
_LOOKED = {
    False: (
        "WITH RECURSIVE place (id) AS (SELECT ?1 WHERE ?1 <= ?3 UNION ALL SELECT id + ?2 FROM place WHERE id + ?2 <= ?3),"
        f" {_TIMES} CROSS JOIN recipient r ON r.id = place.id WHERE +r.broadcast_id = ?4)"
    ),
    True: (
        "WITH place (id) AS (SELECT id FROM (SELECT id, row_number() OVER () AS at FROM recipient"
        " INDEXED BY recipient_count WHERE broadcast_id = ?4 AND ?1 <= ?3) WHERE at % ?2 = 0),"
        f" {_TIMES} CROSS JOIN recipient r ON r.id = place.id)"
    ),
}
"""The times of the recipients that are looked at, by `is_scattered`."""
_LAST = f"SELECT max({', '.join(f'coalesce(max({stage}_at), 0)' for stage in STAGES)}) FROM looked"
_COUNTS = (
    "SELECT stage, max(at - ?5, 0) / ?6 AS place, count(*) FROM ("
    + " UNION ALL ".join(f"SELECT '{stage}' AS stage, {stage}_at AS at FROM looked" for stage in STAGES)
    + ") WHERE at < ?7 GROUP BY stage, place"
)


def sample(tx: Tx, broadcast_id: int, people: int) -> Sample:
    """The recipients that are looked at, of so many."""
    first, last = id_range(tx, broadcast_id)
    length = last - first + 1
    is_scattered = length > SCATTERED * people
    looked = people if is_scattered else length
    step = 1 if looked <= ALL_ROWS else -(-looked // SAMPLE_ROWS)
    return Sample(broadcast_id, first, last, step, is_scattered)


def last_at(tx: Tx, which: Sample) -> Millis:
    """When the last of them got a status; 0 if none has."""
    (found,) = tx.execute(f"{_LOOKED[which.is_scattered]} {_LAST}", which.values).fetchone()
    return int(found or 0)


def counts(
    tx: Tx, which: Sample, *, start: Millis, width: Millis, until: Millis
) -> list[tuple[str, int, int]]:
    """How many got which status in which part of the time, before `until`: (status, part from 0, how many) each.

    What happened before the start counts in the first part.
    """
    statement = f"{_LOOKED[which.is_scattered]} {_COUNTS}"
    rows = tx.execute(statement, (*which.values, start, width, until))
    return rows.fetchall()
