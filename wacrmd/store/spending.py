"""How many messages have which pricing, by broadcast, account, day and country: kept by a trigger of the schema."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from wacrmd.store.database import Tx


class BilledCount(NamedTuple):
    """So many messages of one day (since the epoch, UTC) to one country that Meta counts in one way."""

    day: int
    country: str | None
    category: str | None
    type: str | None
    billable: bool | None
    messages: int


_WHAT = "day, nullif(country, ''), p.category, p.type, p.billable, sum(count)"
_GROUP = "GROUP BY day, country, p.category, p.type, p.billable HAVING sum(count) > 0"


def of_broadcasts(tx: Tx, broadcast_ids: Iterable[int]) -> dict[int, list[BilledCount]]:
    """The messages of these broadcasts, by row id; those without any are left out."""
    rows = tx.execute(
        f"SELECT broadcast_id, {_WHAT} FROM billed_broadcast JOIN pricing p ON p.id = pricing_id"
        f" WHERE broadcast_id IN (SELECT value FROM json_each(?)) {_GROUP.replace('BY', 'BY broadcast_id,', 1)}",
        (json.dumps(list(broadcast_ids)),),
    )
    found: dict[int, list[BilledCount]] = {}
    for broadcast_id, *row in rows:
        found.setdefault(broadcast_id, []).append(_count(*row))
    return found


def of_account(tx: Tx, account_id: str, first_day: int, last_day: int) -> list[BilledCount]:
    """The messages of an account on these days, deleted broadcasts too."""
    rows = tx.execute(
        f"SELECT {_WHAT} FROM billed_day JOIN pricing p ON p.id = pricing_id"
        f" WHERE account_id = ? AND day >= ? AND day <= ? {_GROUP}",
        (account_id, first_day, last_day),
    )
    return [_count(*row) for row in rows]


def _count(
    day: int, country: str | None, category: str | None, kind: str | None, billable: int | None, count: int
) -> BilledCount:
    return BilledCount(day, country, category, kind, None if billable is None else bool(billable), count)
