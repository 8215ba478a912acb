"""The counts by which costs are known are those of the recipients' rows, whatever changes these."""

import random
from dataclasses import replace
from pathlib import Path

from tests.store.rows import N1, NOW, UUID, broadcast, database, receipt_of
from wacrmd.clock import DAY
from wacrmd.domain.billing import Billing, Pricing, told_at
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.domain.retry import RetryRequest
from wacrmd.store import after_loss, attempts, receipts, retries, spending
from wacrmd.store.database import Tx
from wacrmd.store.integrity import _RULES
from wacrmd.store.salvage import Lost

ROWS = (
    "SELECT r.broadcast_id, coalesce(sent_at, pricing_order / 8, 0) / 86400000, coalesce(country, ''), pricing_id, count(*)"
    " FROM recipient r WHERE pricing_id IS NOT NULL GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
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
            (
                "pricing_order",
                [None, told_at(RecipientStatus.SENT, NOW), told_at(RecipientStatus.FAILED, NOW + DAY)],
            ),
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


def test_a_message_that_was_never_known_to_be_sent_counts_on_the_day_of_its_status(tmp_path: Path) -> None:
    """Meta's first word of it is that it failed, with a price: it was counted in 1970."""
    with database(tmp_path) as tx:
        broadcast_id = broadcast(tx, 1)
        (claim,) = attempts.claim(tx, broadcast_id, 1, NOW)
        failed = replace(
            receipt_of(claim, RecipientStatus.FAILED, "wamid.1", at=NOW + 2 * DAY),
            billing=Billing(Pricing("marketing", "regular", "PMP", True), None),
        )
        receipts.apply(tx, [failed], NOW + 3 * DAY)
        assert tx.execute("SELECT status, sent_at FROM recipient").fetchall() == [("failed", None)]
        day = (NOW + 2 * DAY) // DAY
        counted = [spending.BilledCount(day, "US", "marketing", "regular", True, 1)]
        check(tx)
        assert spending.of_broadcasts(tx, [broadcast_id]) == {broadcast_id: counted}
        assert spending.of_account(tx, N1.account_id, 0, 10**6) == counted
        after_loss.settle(tx, Lost(), NOW + 3 * DAY)
        assert spending.of_broadcasts(tx, [broadcast_id]) == {broadcast_id: counted}, "also after a repair"
        delivered = receipt_of(claim, RecipientStatus.DELIVERED, "wamid.1", at=NOW + DAY)
        receipts.apply(tx, [delivered], NOW + 3 * DAY)
        check(tx)
        assert [each.day for each in spending.of_account(tx, N1.account_id, 0, 10**6)] == [day - 1]
