"""The counts by which costs are known are those of the recipients' rows, whatever changes these."""

import random
from pathlib import Path

from tests.store.rows import N1, NOW, UUID, broadcast, database
from wacrmd.clock import DAY
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.domain.retry import RetryRequest
from wacrmd.store import retries, spending
from wacrmd.store.database import Tx
from wacrmd.store.integrity import _RULES

ROWS = (
    "SELECT r.broadcast_id, coalesce(sent_at, 0) / 86400000, coalesce(country, ''), pricing_id, count(*) FROM recipient r"
    " WHERE pricing_id IS NOT NULL GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
)
COUNTED = "SELECT * FROM billed_broadcast WHERE count != 0 ORDER BY 1, 2, 3, 4"
OF_ALL = "SELECT day, country, pricing_id, sum(count) FROM billed_{} WHERE count != 0 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
RULE = _RULES["messages of a broadcast are missing in what it costs"]


def check(tx: Tx) -> None:
    assert tx.execute(COUNTED).fetchall() == tx.execute(ROWS).fetchall()
    assert tx.execute(OF_ALL.format("day")).fetchall() == tx.execute(OF_ALL.format("broadcast")).fetchall()


def test_each_change_of_a_recipients_pricing_or_time_changes_the_counts(tmp_path: Path) -> None:
    chance = random.Random(17)
    with database(tmp_path) as tx:
        ids = [broadcast(tx, 6), broadcast(tx, 6, uuid=UUID[:-1] + "2")]
        tx.execute("UPDATE recipient SET country = NULL WHERE id % 4 = 0")
        tx.executemany(
            "INSERT INTO pricing VALUES (?, ?, 'regular', 'PMP', 1)", [(1, "utility"), (2, "marketing")]
        )
        people = [row[0] for row in tx.execute("SELECT id FROM recipient")]
        changes: list[tuple[str, list[int | None]]] = [
            ("pricing_id", [None, 1, 2]),
            ("sent_at", [None, NOW, NOW + DAY]),
            ("read_at", [NOW]),
        ]
        for _ in range(300):
            column, values = chance.choice(changes)
            change = (chance.choice(values), chance.choice(people))
            tx.execute(f"UPDATE recipient SET {column} = ? WHERE id = ?", change)
            check(tx)
        tx.execute("UPDATE recipient SET status = 'failed', failed_at = 1 WHERE broadcast_id = ?", (ids[0],))
        assert retries.requeue(tx, ids[0], RetryRequest(frozenset([RecipientStatus.FAILED])), NOW).ids
        check(tx)
        found = spending.of_broadcasts(tx, ids)
        assert ids[0] not in found, "what is sent again is not billed yet"
        assert sum(each.messages for each in found[ids[1]]) == sum(
            each.messages for each in spending.of_account(tx, N1.account_id, 0, 10**6)
        )
        assert tx.execute(RULE).fetchall() == []
        tx.execute("DELETE FROM billed_broadcast WHERE broadcast_id = ?", (ids[1],))
        assert len(tx.execute(RULE).fetchall()) == 1
