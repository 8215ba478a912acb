"""Conversations: whom a business portfolio has written to first in the last 24 hours, of which Meta limits the number.

A person counts from the claim of a message on, so also after a crash; those who wrote lately, and those whose message
Meta refuses, do not. Numbers of one portfolio share the limit.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import inf

from wacrmd.clock import HOUR, SECOND, Millis
from wacrmd.domain.messaging_limit import PERIOD, WINDOW, LimitUse, limit_people
from wacrmd.store.database import Tx

RECOUNT_AFTER: Millis = 1 * SECOND
"""How long after they were counted people are not counted anew: a count of 100,000 takes some milliseconds."""
_SHARE = "coalesce(portfolio, account_id)"


@dataclass(frozen=True, slots=True)
class Budget:
    """A portfolio, and how many different people it may write to in `PERIOD`: infinite if that is unlimited or unknown."""

    portfolio: str
    limit: float
    is_known: bool = True
    """Whether Meta has told the limit, also that there is none, or one is configured."""
    is_own: bool = False
    """Whether it is one that is configured, lower than Meta's."""

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit that is known."""
        return self.limit != inf


def budget_of(tx: Tx, number_id: str) -> Budget:
    """The budget that a number shares with the others of its portfolio.

    Meta's limit is that of the number of which it was told last; one that is configured counts if it is lower.
    """
    (portfolio,) = tx.execute(f"SELECT {_SHARE} FROM number WHERE id = ?", (number_id,)).fetchone()
    rows = tx.execute(
        f"SELECT limit_tier, daily_limit FROM number WHERE {_SHARE} = ? AND removed_at IS NULL"
        " ORDER BY limit_told_at DESC",
        (portfolio,),
    ).fetchall()
    told = [people for tier, _ in rows if (people := limit_people(tier)) is not None][:1]
    own = [float(each) for _, each in rows if each is not None]
    limit = min(told + own, default=inf)
    return Budget(portfolio, limit, bool(told or own), is_own=limit not in told and limit in own)


@dataclass(frozen=True, slots=True)
class Standing:
    """Of people who are to be written to: who counts already, and who would. Those who wrote lately do not count."""

    new: set[int]
    counted: set[int]


def standing_of(tx: Tx, number_id: str, portfolio: str, person_ids: Collection[int], now: Millis) -> Standing:
    """How these people stand with the portfolio of a number."""
    people = json.dumps(list(person_ids))
    wrote = tx.execute(
        "SELECT i.person_id FROM json_each(?) j CROSS JOIN inbound_message i ON i.person_id = j.value"
        " CROSS JOIN number n ON n.id = i.number_id WHERE i.at > ?"
        " AND n.phone_number_id = (SELECT phone_number_id FROM number WHERE id = ?)",
        (people, now - WINDOW, number_id),
    ).fetchall()
    rows = tx.execute(
        # In this order: few are asked for, and there may be 100,000.
        "SELECT c.person_id FROM json_each(?) j CROSS JOIN conversation c ON c.portfolio = ? AND c.person_id = j.value"
        " WHERE +c.at > ?",
        (people, portfolio, now - PERIOD),
    ).fetchall()
    others = set(person_ids) - {person_id for (person_id,) in wrote}
    counted = others & {person_id for (person_id,) in rows}
    return Standing(others - counted, counted)


def would_count(tx: Tx, number_id: str, person_id: int, now: Millis) -> bool:
    """Whether a message of this number to a person needs room: not if they count already, or wrote lately."""
    return bool(standing_of(tx, number_id, budget_of(tx, number_id).portfolio, [person_id], now).new)


def free(tx: Tx, budget: Budget, wanted: int, now: Millis) -> int:
    """To how many more people the portfolio may write now, `wanted` at most."""
    if not budget.is_limited:
        return wanted
    used, counted_at = _use(tx, budget.portfolio)
    if budget.limit - used < wanted and not 0 <= now - counted_at < RECOUNT_AFTER:
        used = _recount(tx, budget.portfolio, now)
    return max(0, min(wanted, int(budget.limit) - used))


def count(
    tx: Tx, portfolio: str, standing: Standing, messages: Iterable[tuple[int, int]], now: Millis
) -> None:
    """Count the people of these messages, (person id, recipient id) each, who are claimed now."""
    rows = [
        (portfolio, person_id, now, recipient_id if person_id in standing.new else None)
        for person_id, recipient_id in messages
        if person_id in standing.new or person_id in standing.counted
    ]
    tx.executemany(
        "INSERT INTO conversation (portfolio, person_id, at, recipient_id) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET at = excluded.at, recipient_id = excluded.recipient_id",
        rows,
    )
    _add(tx, portfolio, sum(recipient_id is not None for *_, recipient_id in rows))


def give_back(tx: Tx, attempts: Iterable[tuple[int, int]], now: Millis) -> None:
    """Meta has not taken the messages of these attempts, (recipient id, attempt) each: who counts for one does not any more.

    One that is in flight no more, as of this transaction, changes nothing: it was decided otherwise.
    """
    rows = tx.execute(
        "SELECT coalesce(n.portfolio, n.account_id), r.person_id, r.id FROM json_each(?) j"
        " CROSS JOIN recipient r ON r.id = j.value ->> 0 JOIN broadcast b ON b.id = r.broadcast_id"
        " JOIN number n ON n.id = b.number_id WHERE r.status = 'sending' AND r.attempt = j.value ->> 1",
        (json.dumps(list(attempts)),),
    ).fetchall()
    for portfolio, person_id, recipient_id in rows:
        removed = tx.execute(
            "DELETE FROM conversation WHERE portfolio = ? AND person_id = ? AND recipient_id = ? AND at > ?",
            (portfolio, person_id, recipient_id, now - PERIOD),
        ).rowcount
        if removed:
            _add(tx, portfolio, -removed)


def join(tx: Tx, number_id: str, portfolio: str, now: Millis) -> None:
    """A number was moved here from this portfolio: whom it has written to counts in its new one, and still in the old.

    Also those of whom it is not known which number has written to them.
    """
    joined = budget_of(tx, number_id).portfolio
    if joined == portfolio:
        return
    moved = tx.execute(
        "INSERT INTO conversation (portfolio, person_id, at, recipient_id)"
        " SELECT ?1, c.person_id, c.at, c.recipient_id FROM conversation c WHERE c.portfolio = ?2 AND c.at > ?3 AND"
        " (SELECT max(b.number_id = ?4) FROM recipient r JOIN broadcast b ON b.id = r.broadcast_id"
        " WHERE r.person_id = c.person_id AND r.claimed_at > ?3) IS NOT 0"
        " ON CONFLICT DO UPDATE SET at = max(at, excluded.at), recipient_id = NULL",
        (joined, portfolio, now - PERIOD, number_id),
    ).rowcount
    _add(tx, joined, moved)


def has_room(tx: Tx, budget: Budget) -> bool:
    """Whether somebody else may be written to for certain; if not, that is to be counted (`use_of`)."""
    return not budget.is_limited or _use(tx, budget.portfolio)[0] < budget.limit


def use_of(tx: Tx, budget: Budget, now: Millis) -> LimitUse:
    """How much of a budget is used, and when how much of it is free again."""
    since, of_it = now - PERIOD, "FROM conversation WHERE portfolio = ? AND at > ?"
    (used,) = tx.execute(f"SELECT count(*) {of_it}", (budget.portfolio, since)).fetchone()
    # More count than a lowered limit allows: the first of them make room for nobody.
    beyond = max(0, used - int(budget.limit)) if budget.is_limited else 0
    first = tx.execute(
        f"SELECT at {of_it} ORDER BY at LIMIT 1 OFFSET ?", (budget.portfolio, since, beyond)
    ).fetchone()
    if first is None:
        return LimitUse(budget.limit, used, is_own=budget.is_own)
    (soon,) = tx.execute(
        f"SELECT count(*) {of_it} AND at <= ?", (budget.portfolio, since, first[0] + HOUR)
    ).fetchone()
    return LimitUse(budget.limit, used, first[0] + PERIOD, soon - beyond, budget.is_own)


def by_hour(tx: Tx, budget: Budget, now: Millis) -> list[tuple[Millis, int]]:
    """Since when how many people count, those of an hour together; none if there is no limit."""
    if not budget.is_limited:
        return []
    rows = tx.execute(
        "SELECT max(at), count(*) FROM conversation WHERE portfolio = ? AND at > ? GROUP BY at / ?",
        (budget.portfolio, now - PERIOD, HOUR),
    )
    return [(at, count) for at, count in rows]


def next_free_at(tx: Tx, portfolio: str, now: Millis) -> Millis | None:
    """When the first of the people does not count any more; None if nobody counts.

    That is in the past for somebody who has stopped since they were counted last: `free` does not know it yet.
    """
    _, counted_at = _use(tx, portfolio)
    since = min(now, counted_at or now) - PERIOD
    (first,) = tx.execute(
        "SELECT min(at) FROM conversation WHERE portfolio = ? AND at > ?", (portfolio, since)
    ).fetchone()
    return None if first is None else int(first) + PERIOD


def forget_old(tx: Tx, now: Millis, max_rows: int) -> int:
    """Delete people who do not count any more, at most so many of each portfolio; how many."""
    portfolios = tx.execute("SELECT portfolio FROM portfolio_use").fetchall()
    return sum(_forget(tx, portfolio, now, max_rows) for (portfolio,) in portfolios)


def _forget(tx: Tx, portfolio: str, now: Millis, max_rows: int) -> int:
    return tx.execute(
        "DELETE FROM conversation WHERE portfolio = ?1 AND person_id IN"
        " (SELECT person_id FROM conversation WHERE portfolio = ?1 AND at <= ?2 LIMIT ?3)",
        (portfolio, now - PERIOD, max_rows),
    ).rowcount


def _use(tx: Tx, portfolio: str) -> tuple[int, Millis]:
    """How many people count at most, and when they were counted last."""
    row = tx.execute(
        "SELECT used, counted_at FROM portfolio_use WHERE portfolio = ?", (portfolio,)
    ).fetchone()
    return (row[0], row[1]) if row else (0, 0)


def _add(tx: Tx, portfolio: str, people: int) -> None:
    tx.execute(
        "INSERT INTO portfolio_use (portfolio, used, counted_at) VALUES (?1, max(0, ?2), 0)"
        " ON CONFLICT DO UPDATE SET used = max(0, used + ?2)",
        (portfolio, people),
    )


def _recount(tx: Tx, portfolio: str, now: Millis) -> int:
    (used,) = tx.execute(
        "SELECT count(*) FROM conversation WHERE portfolio = ? AND at > ?", (portfolio, now - PERIOD)
    ).fetchone()
    tx.execute(
        "UPDATE portfolio_use SET used = ?, counted_at = ? WHERE portfolio = ?", (used, now, portfolio)
    )
    return int(used)
