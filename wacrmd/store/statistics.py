"""Sums of what became of messages. They stay when retention deletes the recipients.

A broadcast is summed up as a whole, whenever its revision is another one than the last time: so it does not matter in which
order its statuses come, or whether they change back. `broadcast_stat` has its part in the sums of `message_stat`, and both
change in the same transaction. A broadcast of which recipients are deleted is settled: its part is not replaced any more.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from wacrmd.clock import Millis
from wacrmd.domain.statistics import By, Key, bounded, tally
from wacrmd.store import recipient_order
from wacrmd.store.database import Tx

FOR_GOOD = -1
"""The `stats_revision` of a broadcast that is settled."""

MAX_WAITING = 1_000
"""Broadcasts that are looked at, to say how many wait: only a first start has more."""

_RECIPIENT = (
    'SELECT r.id, r."to", r.status, r.error_code, r.error_title, coalesce(r.claimed_at, r.failed_at), r.country'
    " FROM recipient r"
)
_COLUMNS = {
    By.TEMPLATE: "template_name, template_language",
    By.COUNTRY: "country, ''",
    By.HOUR: "slot, ''",
    By.DAY: "slot, ''",
}


@dataclass(frozen=True, slots=True)
class Unsummed:
    """A broadcast that has changed since it was summed up, if it ever was."""

    id: int
    revision: int
    account_id: str
    template_name: str
    template_language: str


def unsummed(tx: Tx, now: Millis, limit: int) -> list[Unsummed]:
    """Broadcasts that are to be summed up now, those that wait longest first."""
    rows = tx.execute(
        "SELECT id, revision, account_id, template_name, template_language FROM broadcast INDEXED BY broadcast_unsummed"
        " WHERE stats_revision IS NOT revision AND stats_revision IS NOT -1 AND status NOT IN ('draft', 'scheduled')"
        " AND stats_due_at <= ? ORDER BY stats_due_at LIMIT ?",
        (now, limit),
    )
    return [Unsummed(*row) for row in rows]


def waiting(tx: Tx, account_id: str | None) -> int:
    """How many broadcasts have changed since they were summed up, among the 1,000 that are due first."""
    (found,) = tx.execute(
        "SELECT count(*) FROM (SELECT account_id FROM broadcast INDEXED BY broadcast_unsummed"
        " WHERE stats_revision IS NOT revision AND stats_revision IS NOT -1 AND status NOT IN ('draft', 'scheduled')"
        " AND stats_due_at >= 0 ORDER BY stats_due_at LIMIT ?2) WHERE ?1 IS NULL OR account_id = ?1",
        (account_id, MAX_WAITING),
    ).fetchone()
    return int(found)


class Summing:
    """The sums of some broadcasts, read in slices: of each the recipients are looked at once, as they are then."""

    def __init__(self, found: Sequence[Unsummed]) -> None:
        self.sums: dict[int, Counter[Key]] = {each.id: Counter() for each in found}
        self.looked_at: Counter[int] = Counter()
        """How many recipients each has, also those that were not tried."""
        self._left = [each.id for each in reversed(found)]
        self._after: int | None = None
        self._opted_out: set[int] = set()
        self._taps: Mapping[int, set[str]] = {}

    def read(self, tx: Tx, max_rows: int) -> bool:
        """Read at most so many recipients more; whether any are left."""
        while self._left and max_rows > 0:
            broadcast_id = self._left[-1]
            if self._after is None:
                self._after = 0
                self._opted_out = _opted_out(tx, broadcast_id)
                self._taps = _taps(tx, broadcast_id)
            rows = recipient_order.rows_between(
                tx, _RECIPIENT, broadcast_id, after=self._after, limit=max_rows
            )
            self.sums[broadcast_id].update(tally(rows, self._opted_out, self._taps))
            self.looked_at[broadcast_id] += len(rows)
            if len(rows) < max_rows:
                self.sums[broadcast_id] = bounded(self.sums[broadcast_id])
                self._left.pop()
                self._after = None
            else:
                self._after = rows[-1][0]
            max_rows -= len(rows) + 1
        return bool(self._left)


def _opted_out(tx: Tx, broadcast_id: int) -> set[int]:
    """The recipients whose opt-out answered the broadcast, also if they have opted in again since."""
    rows = tx.execute(
        "SELECT r.id FROM optout o CROSS JOIN recipient r ON r.person_id = o.person_id AND +r.broadcast_id = ?1"
        " WHERE o.broadcast_id = ?1",
        (broadcast_id,),
    )
    return {recipient_id for (recipient_id,) in rows}


def _taps(tx: Tx, broadcast_id: int) -> Mapping[int, set[str]]:
    found = defaultdict[int, set[str]](set)
    for recipient_id, button in tx.execute(
        "SELECT recipient_id, button FROM button_reply WHERE broadcast_id = ?", (broadcast_id,)
    ):
        found[recipient_id].add(button)
    return dict(found)


def part_of(tx: Tx, broadcast_id: int) -> dict[Key, int]:
    """The part of a broadcast in the sums."""
    rows = tx.execute(
        "SELECT slot, country, what, count FROM broadcast_stat WHERE broadcast_id = ?", (broadcast_id,)
    )
    return {(slot, country, what): count for slot, country, what, count in rows}


def differences(old: Mapping[Key, int], new: Mapping[Key, int]) -> list[tuple[Key, int]]:
    """What has to be put, so that a part becomes another one: each key with its new count."""
    return [(key, new.get(key, 0)) for key in sorted({*old, *new}) if old.get(key, 0) != new.get(key, 0)]


def put(tx: Tx, about: Unsummed, counts: Iterable[tuple[Key, int]]) -> None:
    """Put some counts in place of those that the part of a broadcast has, and change the sums by the difference.

    Nothing happens if the broadcast is settled, or gone.
    """
    row = tx.execute("SELECT stats_revision FROM broadcast WHERE id = ?", (about.id,)).fetchone()
    if row is None or row[0] == FOR_GOOD:
        return
    for (slot, country, what), count in counts:
        key = (about.id, slot, country, what)
        found = tx.execute(
            "SELECT count FROM broadcast_stat WHERE broadcast_id = ? AND slot = ? AND country = ? AND what = ?",
            key,
        ).fetchone()
        added = count - (found[0] if found else 0)
        if not added:
            continue
        if count:
            tx.execute(
                "INSERT OR REPLACE INTO broadcast_stat (broadcast_id, slot, country, what, count) VALUES (?, ?, ?, ?, ?)",
                (*key, count),
            )
        else:
            tx.execute(
                "DELETE FROM broadcast_stat WHERE broadcast_id = ? AND slot = ? AND country = ? AND what = ?",
                key,
            )
        _add(tx, (about.account_id, slot, about.template_name, about.template_language, country, what), added)


def _add(tx: Tx, key: tuple[str, int, str, str, str, str], added: int) -> None:
    where = (
        "account_id = ?1 AND slot = ?2 AND template_name = ?3 AND template_language = ?4 AND country = ?5"
        " AND what = ?6"
    )
    if added > 0:
        tx.execute(
            "INSERT INTO message_stat (account_id, slot, template_name, template_language, country, what, count)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET count = count + ?7",
            (*key, added),
        )
    elif not tx.execute(
        f"UPDATE message_stat SET count = count + ?7 WHERE {where} AND count > -?7", (*key, added)
    ).rowcount:
        tx.execute(f"DELETE FROM message_stat WHERE {where}", key)


def summed_up(tx: Tx, about: Unsummed, due_at: Millis) -> None:
    """Note that the sums have this revision of a broadcast; if it changes, it is summed up again from `due_at` on."""
    tx.execute(
        "UPDATE broadcast SET stats_revision = ?, stats_due_at = ? WHERE id = ? AND stats_revision IS NOT -1",
        (about.revision, due_at, about.id),
    )


def settle(tx: Tx, broadcast_id: int) -> None:
    """Sum a broadcast up for the last time, before the first of its recipients is deleted.

    If it has not changed since it was summed up, as nearly all, that takes no time.
    """
    revision, summed, *rest = tx.execute(
        "SELECT revision, stats_revision, account_id, template_name, template_language FROM broadcast WHERE id = ?",
        (broadcast_id,),
    ).fetchone()
    if summed == FOR_GOOD:
        return
    if summed != revision:
        about = Unsummed(broadcast_id, revision, *rest)
        summing = Summing([about])
        while summing.read(tx, 1_000):
            pass
        put(tx, about, differences(part_of(tx, broadcast_id), summing.sums[broadcast_id]))
    tx.execute("UPDATE broadcast SET stats_revision = ? WHERE id = ?", (FOR_GOOD, broadcast_id))


def forget_part(tx: Tx, broadcast_id: int) -> None:
    """Delete the part of a broadcast that is gone; the sums keep it."""
    tx.execute("DELETE FROM broadcast_stat WHERE broadcast_id = ?", (broadcast_id,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which sums: of one account or all, from a slot to before another one, of one template or all."""

    account_id: str | None
    first: int
    end: int
    template_name: str | None = None
    template_language: str | None = None


def sums(tx: Tx, wanted: Wanted, by: By) -> dict[tuple[str | int, str], Counter[str]]:
    """The sums by template and language, by country, or by slot: what was counted, and how often.

    The second part of the key is "" where it has only one.
    """
    found = defaultdict[tuple[str | int, str], Counter[str]](Counter)
    accounts = json.dumps([wanted.account_id] if wanted.account_id else _accounts(tx))
    rows = tx.execute(
        f"SELECT {_COLUMNS[by]}, what, sum(count) FROM json_each(?1) a CROSS JOIN message_stat s"
        " ON s.account_id = a.value AND s.slot >= ?2 AND s.slot < ?3 WHERE (?4 IS NULL OR template_name = ?4)"
        " AND (?5 IS NULL OR template_language = ?5) GROUP BY 1, 2, 3",
        (accounts, wanted.first, wanted.end, wanted.template_name, wanted.template_language),
    )
    for one, other, what, count in rows:
        found[one, other][what] += count
    return dict(found)


def _accounts(tx: Tx) -> list[str]:
    return [account_id for (account_id,) in tx.execute("SELECT id FROM account")]
