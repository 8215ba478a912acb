"""Sums of messages are those of the recipients whatever happened before, and stay when the recipients are deleted."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.rows import N1, NOW, broadcast, database
from wacrmd.clock import DAY, HOUR
from wacrmd.domain.statistics import OPTED_OUT, SLOT, By
from wacrmd.store import after_loss, data_subjects, optouts, retention, revisions, statistics
from wacrmd.store.data_subjects import DataSubject
from wacrmd.store.database import Tx
from wacrmd.store.retention import Cutoffs
from wacrmd.store.salvage import Lost
from wacrmd.store.statistics import Summing, Unsummed, Wanted

ALL = Wanted(account_id=N1.account_id, first=0, end=2**40)
NEVER = Cutoffs(
    broadcasts=None,
    history=None,
    deliveries=None,
    audit=None,
    unmatched_statuses=0,
    inbound=None,
    idempotency=0,
    drafts=None,
    media=None,
    now=NOW,
    sessions=0,
    links=0,
    known_browsers=0,
)
LATER = replace(NEVER, broadcasts=NOW + 400 * DAY)


def sum_up(tx: Tx, *, slice_rows: int = 3) -> int:
    """Sum up what has changed, in small slices and small pieces; of how many broadcasts."""
    found = statistics.unsummed(tx, NOW, 100)
    summing = Summing(found)
    while summing.read(tx, slice_rows):
        pass
    for each in found:
        changes = statistics.differences(statistics.part_of(tx, each.id), summing.sums[each.id])
        for at in range(0, len(changes), 2):
            statistics.put(tx, each, changes[at : at + 2])
        statistics.summed_up(tx, each, due_at=NOW)
    return len(found)


def shown(tx: Tx) -> Counter[str]:
    """What was counted, of all countries."""
    total: Counter[str] = Counter()
    for counts in statistics.sums(tx, ALL, By.COUNTRY).values():
        total.update(counts)
    return total


def true_sums(tx: Tx) -> Counter[str]:
    rows = tx.execute(
        "SELECT status || iif(status = 'failed', ':' || error_code, ''), count(*) FROM recipient"
        " WHERE status NOT IN ('pending', 'cancelled', 'sending') GROUP BY 1"
    )
    return Counter(dict(rows.fetchall()))


def become(tx: Tx, recipient_id: int, status: str, at: int = NOW) -> None:
    """Let a recipient have a status, as if it had been tried at that time."""
    code, failed_at = (131026, at) if status == "failed" else (None, None)
    steps = ("delivered", "read", "replied")
    reached = steps[: steps.index(status) + 1] if status in steps else ()
    times = ", ".join(f"{each}_at = {at if each in reached else 'NULL'}" for each in steps)
    tx.execute(
        f"UPDATE recipient SET status = ?, claimed_at = ?, error_code = ?, failed_at = ?, {times} WHERE id = ?",
        (status, at, code, failed_at, recipient_id),
    )
    (row,) = tx.execute("SELECT broadcast_id FROM recipient WHERE id = ?", (recipient_id,)).fetchall()
    revisions.raise_for(tx, row)


def finish(tx: Tx) -> None:
    tx.execute("UPDATE broadcast SET status = 'sent', completed_at = ?, revision = revision + 1", (NOW,))


def test_sums_are_those_of_the_rows_in_whatever_order_statuses_come_and_change(tmp_path: Path) -> None:
    chosen = random.Random(5)
    statuses = ("sent", "delivered", "read", "replied", "failed", "uncertain", "pending", "cancelled")
    with database(tmp_path) as tx:
        for number in range(4):
            broadcast(tx, number * 4, uuid=f"6f1e2d3c-0000-4000-8000-00000000001{number}")
        ids = [row_id for (row_id,) in tx.execute("SELECT id FROM recipient")]
        assert len(ids) == 24
        for _ in range(30):
            for each in chosen.sample(ids, 5):
                become(tx, each, chosen.choice(statuses), NOW + chosen.randrange(3) * HOUR)
            sum_up(tx)
            assert shown(tx) == true_sums(tx)
            assert sum_up(tx) == 0, "what has not changed is not looked at again"
        parts = tx.execute("SELECT sum(count) FROM broadcast_stat").fetchone()
        assert parts == tx.execute("SELECT sum(count) FROM message_stat").fetchone()


def test_a_change_while_a_broadcast_is_read_is_summed_up_the_next_time(tmp_path: Path) -> None:
    with database(tmp_path) as tx:
        broadcast_id = broadcast(tx, 6)
        ids = [row_id for (row_id,) in tx.execute("SELECT id FROM recipient")]
        for each in ids:
            become(tx, each, "sent")
        found = statistics.unsummed(tx, NOW, 100)
        summing = Summing(found)
        assert summing.read(tx, 3)
        become(tx, ids[0], "read")
        become(tx, ids[5], "read")
        while summing.read(tx, 3):
            pass
        statistics.put(tx, found[0], statistics.differences({}, summing.sums[broadcast_id]))
        statistics.summed_up(tx, found[0], due_at=NOW)
        assert shown(tx) == {"sent": 5, "read": 1}, "each person is counted once"
        assert statistics.waiting(tx, N1.account_id) == 1
        sum_up(tx)
        assert shown(tx) == {"sent": 4, "read": 2}


def test_a_kill_between_two_steps_loses_nothing_and_counts_nobody_twice(tmp_path: Path) -> None:
    """The sums are written in steps; the next pass finds what is left to do."""
    with database(tmp_path) as tx:
        broadcast_id = broadcast(tx, 6)
        ids = [row_id for (row_id,) in tx.execute("SELECT id FROM recipient")]
        for hour, each in enumerate(ids):
            become(tx, each, "sent", NOW + hour * HOUR)
        for change in ("read", "failed"):
            (found,) = statistics.unsummed(tx, NOW, 100)
            summing = Summing([found])
            while summing.read(tx, 100):
                pass
            changes = statistics.differences(statistics.part_of(tx, broadcast_id), summing.sums[broadcast_id])
            statistics.put(tx, found, changes[: len(changes) // 2])  # and then the daemon dies
            sum_up(tx)
            assert shown(tx) == true_sums(tx)
            for each in ids[:3]:
                become(tx, each, change)


def test_a_message_counts_at_the_time_at_which_it_was_last_tried(tmp_path: Path) -> None:
    with database(tmp_path) as tx:
        broadcast(tx, 2)
        first, second = [row_id for (row_id,) in tx.execute("SELECT id FROM recipient")]
        become(tx, first, "failed")
        become(tx, second, "sent")
        sum_up(tx)
        become(tx, first, "sent", NOW + 2 * HOUR)
        sum_up(tx)
        assert statistics.sums(tx, ALL, By.HOUR) == {
            (NOW // SLOT, ""): {"sent": 1},
            ((NOW + 2 * HOUR) // SLOT, ""): {"sent": 1},
        }
        before = replace(ALL, end=(NOW + HOUR) // SLOT)
        assert statistics.sums(tx, before, By.TEMPLATE) == {("hello", "en_US"): {"sent": 1}}
        assert statistics.sums(tx, replace(ALL, template_name="other"), By.TEMPLATE) == {}


def test_sums_stay_when_retention_deletes_the_recipients(tmp_path: Path) -> None:
    """Also with what changed after they were summed up, and nothing that comes later changes them."""
    with database(tmp_path) as tx:
        broadcast_id = broadcast(tx, 7)
        ids = [row_id for (row_id,) in tx.execute("SELECT id FROM recipient")]
        for each in ids:
            become(tx, each, "sent")
        sum_up(tx)
        become(tx, ids[6], "read")
        finish(tx)
        late = Unsummed(broadcast_id, 1, N1.account_id, "hello", "en_US")
        has_more, deleted = True, 0
        while has_more:
            gone, has_more = retention.broadcasts(tx, LATER, 3)
            deleted += gone.get("recipient", 0)
            assert shown(tx) == {"sent": 6, "read": 1}
            assert sum_up(tx) == 0
            statistics.put(tx, late, [((NOW // SLOT, "US", "sent"), 100)])
            assert shown(tx) == {"sent": 6, "read": 1}
        assert deleted == 7
        assert tx.execute("SELECT count(*) FROM broadcast").fetchone() == (0,)
        assert tx.execute("SELECT count(*) FROM broadcast_stat").fetchone() == (0,)
        assert shown(tx) == {"sent": 6, "read": 1}


def test_an_opt_out_counts_for_the_broadcast_that_it_answers_also_when_it_was_lifted(tmp_path: Path) -> None:
    with database(tmp_path) as tx:
        broadcast_id = broadcast(tx, 3)
        people = tx.execute("SELECT id, person_id FROM recipient").fetchall()
        for each, _ in people:
            become(tx, each, "delivered")
        sum_up(tx)
        for row_id, person_id in people[:2]:
            answers = broadcast_id if row_id == people[0][0] else None
            optouts.add(
                tx,
                account_id=N1.account_id,
                person_id=person_id,
                phone=None,
                user_id=None,
                source="keyword",
                detail=None,
                at=NOW,
                broadcast_id=answers,
            )
        assert sum_up(tx) == 1
        assert shown(tx)[OPTED_OUT] == 1
        optouts.name_broadcast(tx, people[1][1], NOW, broadcast_id)
        assert sum_up(tx) == 1
        assert shown(tx)[OPTED_OUT] == 2
        optouts.remove(tx, account_id=N1.account_id, person_id=people[0][1], source="operator", at=NOW + 1)
        become(tx, people[2][0], "read")
        sum_up(tx)
        assert shown(tx) == {"delivered": 2, "read": 1, OPTED_OUT: 2}


def test_sums_name_nobody_and_an_erasure_changes_none(tmp_path: Path) -> None:
    with database(tmp_path) as tx:
        broadcast(tx, 3)
        people = tx.execute('SELECT id, "to" FROM recipient').fetchall()
        for each, _ in people:
            become(tx, each, "read")
        sum_up(tx)
        subject = DataSubject(people[0][1], N1.account_id)
        data_subjects.find(tx, subject)
        _, touched = data_subjects.erase(tx, subject, forget_optout=True)
        revisions.raise_for(tx, touched)
        sum_up(tx)
        assert statistics.sums(tx, ALL, By.COUNTRY) == {("US", ""): {"read": 3}}
        columns = [name for (_, name, *_) in tx.execute("PRAGMA table_info(message_stat)")]
        assert columns == [
            *("account_id", "slot", "template_name", "template_language", "country", "what", "count")
        ]


def test_drafts_and_what_is_due_later_are_not_looked_at(tmp_path: Path) -> None:
    with database(tmp_path) as tx:
        first = broadcast(tx, 1)
        broadcast(tx, 1, uuid="6f1e2d3c-0000-4000-8000-000000000002", scheduled_at=NOW + HOUR)
        assert [each.id for each in statistics.unsummed(tx, NOW, 100)] == [first]
        statistics.summed_up(tx, statistics.unsummed(tx, NOW, 1)[0], due_at=NOW + HOUR)
        revisions.raise_for(tx, [first])
        assert statistics.unsummed(tx, NOW + HOUR - 1, 100) == []
        assert [each.id for each in statistics.unsummed(tx, NOW + HOUR, 100)] == [first]
        statistics.summed_up(tx, statistics.unsummed(tx, NOW + HOUR, 1)[0], due_at=NOW)
        revisions.raise_after_restore(tx, NOW)
        assert statistics.waiting(tx, None) == 0, "a restore changes no recipient"
        revisions.raise_for(tx, [first])
        assert statistics.waiting(tx, None) == 1


@pytest.mark.parametrize("table", ["broadcast_stat", "audit"])
def test_after_a_loss_nobody_is_counted_twice(tmp_path: Path, table: str) -> None:
    with database(tmp_path) as tx:
        broadcast(tx, 2)
        for (each,) in tx.execute("SELECT id FROM recipient").fetchall():
            become(tx, each, "read")
        finish(tx)
        sum_up(tx)
        lost = Lost()
        lost.add(table, 1)
        tx.execute(f"DELETE FROM {table}")
        after_loss.settle(tx, lost, NOW)
        sum_up(tx)
        assert shown(tx) == {"read": 2}
