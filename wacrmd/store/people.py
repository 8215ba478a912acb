"""People: one row for each person of an account, and every address by which payloads and callers name them."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from wacrmd.clock import Millis
from wacrmd.domain.person import Names, identity, kind_of
from wacrmd.domain.person_joining import Holding, Joining, Lost, join, may_be_one
from wacrmd.store import optouts, person_merge
from wacrmd.store.database import Tx

MAX_ADDRESSES = 50
"""Addresses of one person: people have a few. To join one to others costs more the more there are, so one webhook that gives
thousands to one person would hold the database for minutes. Whoever is named beside a person who has so many is somebody
else."""

MAX_HOLDERS = 20
"""So many of those who had an address before are looked at, the latest ones: a phone gets a new holder once in months."""

_HAS = "p.account_id = ?2 AND p.address = j.value AND p.until IS NULL"
_HAD = (
    "p.id IN (SELECT id FROM person_address WHERE account_id = ?2 AND address = j.value AND until IS NOT NULL"
    f" ORDER BY id DESC LIMIT {MAX_HOLDERS})"
)
_HOLDING = "p.address, p.person_id, p.since, p.scope, p.former_since, p.until"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One payload that names a person: in which account, at what time, and for which business account it came."""

    account_id: str
    names: Names
    at: Millis
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """Who has an address now. `lacks_scope`: it is a user id of which no business account is known."""

    person_id: int
    since: Millis
    lacks_scope: bool
    is_former: bool


def of_addresses(tx: Tx, account_id: str, addresses: Iterable[str]) -> dict[str, int]:
    """The ids of the people with these addresses, by address as given; unknown addresses are left out."""
    wanted = {address: identity(address) for address in addresses}
    found = _known(tx, account_id, wanted.values())
    return {address: found[each].person_id for address, each in wanted.items() if each in found}


def ensure(tx: Tx, account_id: str, addresses: Iterable[str], now: Millis) -> dict[str, int]:
    """The ids of the people with these addresses, by address as given; who is not known yet gets a row."""
    wanted = {address: identity(address) for address in addresses}
    found = {address: each.person_id for address, each in _known(tx, account_id, wanted.values()).items()}
    new = list(dict.fromkeys(each for each in wanted.values() if each not in found))
    if new:
        first = _insert_people(tx, account_id, len(new), now)
        rows = list(enumerate(new, start=first))
        _insert_addresses(tx, account_id, rows, now, None)
        found.update((address, person_id) for person_id, address in rows)
    return {address: found[each] for address, each in wanted.items()}


def add_address(tx: Tx, account_id: str, person_id: int, address: str, now: Millis) -> None:
    """Store that a person has this address, in the form of `identity`, unless somebody is known to have it."""
    if not _known(tx, account_id, [address]):
        _insert_addresses(tx, account_id, [(person_id, address)], now, None)


@dataclass(slots=True)
class Seen:
    """Who was named by each of some sightings, None without names, and the broadcasts that this has changed."""

    people: list[int | None] = field(default_factory=list)
    joined: set[int] = field(default_factory=set)
    """Those of whom more addresses are known now, or who turned out to be one with others."""
    broadcasts: set[int] = field(default_factory=set)


def see(tx: Tx, sightings: Sequence[Sighting], now: Millis) -> Seen:
    """Join what payloads say about people, in their order."""
    by_account = dict[str, dict[str, Known]]()
    for account_id in {each.account_id for each in sightings}:
        addresses = {one for each in sightings if each.account_id == account_id for one in each.names.all}
        by_account[account_id] = _known(tx, account_id, addresses)
        new = {one for each in sightings for one in each.names.all if len(each.names.all) == 1}
        if new := new & addresses - by_account[account_id].keys():  # many at a time, as in an import
            ensure(tx, account_id, new, now)
            by_account[account_id] |= _known(tx, account_id, new)
    seen = Seen()
    for each in sightings:
        known = by_account[each.account_id]
        person_id = _known_already(each, known)
        if person_id is None and each.names:
            person_id, merged = _join(tx, each, now, seen)
            seen.joined.add(person_id)
            if merged:
                known |= {
                    address: replace(each_known, person_id=person_id)
                    for address, each_known in known.items()
                    if each_known.person_id in merged
                }
            known |= _known(tx, each.account_id, each.names.all)
        seen.people.append(person_id)
    return seen


def join_two(tx: Tx, one: int, other: int, *, at: Millis, now: Millis) -> tuple[int, set[int]] | None:
    """Make one person of two, if nothing that is known says that they are two; None if something does.

    Returns who they are now, and the broadcasts in which a recipient was cancelled.
    """
    of_one, of_other = _all_of(tx, one), _all_of(tx, other)
    if len(of_one) + len(of_other) > MAX_ADDRESSES or not may_be_one(of_one, of_other):
        return None
    stays, goes = sorted((one, other))
    broadcasts = person_merge.merge(tx, goes, into=stays, at=at, now=now)
    optouts.complete(tx, stays)
    return stays, broadcasts


def forget_unused(tx: Tx, person_ids: Iterable[int | None]) -> int:
    """Delete those of these people of whom nothing is stored but their addresses; how many."""
    rows = tx.execute(
        "SELECT value FROM json_each(?) p WHERE value IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM recipient WHERE person_id = p.value)"
        " AND NOT EXISTS (SELECT 1 FROM optout WHERE person_id = p.value)"
        " AND NOT EXISTS (SELECT 1 FROM inbound_message WHERE person_id = p.value)",
        (json.dumps(list(person_ids)),),
    ).fetchall()
    for table, column in (("person_address", "person_id"), ("person_event", "person_id"), ("person", "id")):
        tx.executemany(f"DELETE FROM {table} WHERE {column} = ?", rows)
    return len(rows)


def _known_already(sighting: Sighting, known: dict[str, Known]) -> int | None:
    """The person who has all these addresses already; None if there is something to join."""
    holders = [known.get(address) for address in sighting.names.addresses]
    people = {each.person_id if each else None for each in holders}
    if len(people) != 1 or sighting.names.previous or (person_id := people.pop()) is None:
        return None
    for each in holders:
        if each and (sighting.at < each.since or (each.lacks_scope and sighting.scope) or each.is_former):
            return None
    return person_id


def _join(tx: Tx, sighting: Sighting, now: Millis, seen: Seen) -> tuple[int, tuple[int, ...]]:
    """The person who is named, after what that means is stored; and those who became this person."""
    named, account_id, scope, at = sighting.names, sighting.account_id, sighting.scope, sighting.at
    holdings = _holdings(tx, account_id, named.all)
    if full := _full(named, holdings):
        rest = Names(named.addresses - full.keys(), named.previous - full.keys())
        return (
            _join(tx, replace(sighting, names=rest), now, seen)
            if rest.addresses
            else (min(full.values()), ())
        )
    joining = join(named, holdings, scope=scope, at=at)
    person_id = joining.person_id
    if person_id is None:
        person_id = _insert_people(tx, account_id, 1, now)
    for other in joining.merged:
        seen.broadcasts |= person_merge.merge(tx, other, into=person_id, at=at, now=now)
    _insert_addresses(tx, account_id, [(person_id, each) for each in joining.added], at, scope)
    for holding in joining.taken:
        seen.broadcasts |= person_merge.hand_over(tx, account_id, holding, to=person_id, at=at, now=now)
    _lose(tx, account_id, person_id, joining.lost, at, now)
    tx.executemany(
        "UPDATE person_address SET scope = ? WHERE account_id = ? AND address = ? AND until IS NULL AND scope IS NULL"
        " AND kind = 'user_id'",
        [(scope, account_id, each) for each in named.addresses] if scope else [],
    )
    _make_former(tx, account_id, person_id, joining, named, at)
    _seen_earlier(tx, account_id, person_id, named, at)
    optouts.complete(tx, person_id)
    return person_id, joining.merged


def _full(named: Names, holdings: Iterable[Holding]) -> dict[str, int]:
    """Of what is named, what belongs to people who have all the addresses that a person may have, and to whom.

    Nothing where all of it belongs to one person: then nobody gets more.
    """
    holders = {each.address: each.person_id for each in holdings if each.until is None}
    named_holders = {address: holders.get(address) for address in named.all}
    if len(set(named_holders.values())) == 1:
        return {}
    count = Counter(holders.values())
    return {
        address: person_id
        for address, person_id in named_holders.items()
        if person_id is not None and count[person_id] >= MAX_ADDRESSES
    }


def _known(tx: Tx, account_id: str, addresses: Iterable[str]) -> dict[str, Known]:
    """Who has these addresses now."""
    rows = tx.execute(
        "SELECT a.address, a.person_id, a.since, a.kind = 'user_id' AND a.scope IS NULL, a.former_since IS NOT NULL"
        " FROM json_each(?) j CROSS JOIN person_address a"
        " ON a.account_id = ? AND a.address = j.value AND a.until IS NULL",
        (json.dumps(list(addresses)), account_id),
    )
    return {address: Known(*found) for address, *found in rows}


def _holdings(tx: Tx, account_id: str, addresses: Iterable[str]) -> list[Holding]:
    """Who has or lately had these addresses, and all addresses that these people have now."""
    named = json.dumps(list(addresses))
    found = [
        Holding(*row)
        for which in (_HAS, _HAD)  # each has its index
        for row in tx.execute(
            f"SELECT {_HOLDING} FROM json_each(?1) j CROSS JOIN person_address p ON {which}",
            (named, account_id),
        )
    ]
    lost = [each for each in found if each.until is not None]
    return lost + _all_of(tx, *{each.person_id for each in found})


def _all_of(tx: Tx, *people: int) -> list[Holding]:
    """All addresses that these people have now."""
    rows = tx.execute(
        f"SELECT {_HOLDING} FROM json_each(?) j CROSS JOIN person_address p"
        " ON p.person_id = j.value AND p.until IS NULL",
        (json.dumps(people),),
    )
    return [Holding(*row) for row in rows]


def _insert_people(tx: Tx, account_id: str, count: int, now: Millis) -> int:
    """Store new people; the id of the first one, the others follow it. An id is never used again."""
    row = tx.execute("SELECT seq FROM sqlite_sequence WHERE name = 'person'").fetchone()
    first: int = row[0] + 1 if row else 1
    # One statement for all: a fifth of the time of `executemany`, while somebody waits for the answer.
    tx.execute(
        "INSERT INTO person (id, account_id, created_at) SELECT value, ?, ? FROM json_each(?)",
        (account_id, now, json.dumps(list(range(first, first + count)))),
    )
    return first


def _insert_addresses(
    tx: Tx, account_id: str, rows: Iterable[tuple[int, str]], since: Millis, scope: str | None
) -> None:
    tx.execute(
        "INSERT INTO person_address (account_id, address, kind, person_id, since, scope)"
        " SELECT ?1, value ->> 1, value ->> 2, value ->> 0, ?2, iif(value ->> 2 = 'user_id', ?3, NULL)"
        " FROM json_each(?4)",
        (
            account_id,
            since,
            scope,
            json.dumps([(person_id, address, kind_of(address)) for person_id, address in rows]),
        ),
    )


def _lose(tx: Tx, account_id: str, person_id: int, lost: Iterable[Lost], since: Millis, now: Millis) -> None:
    """Store phones that the person had before somebody else got them, each once; an opt-out stays with each of them."""
    for each in lost:
        tx.execute(
            "INSERT INTO person_address (account_id, address, kind, person_id, since, until, former_since)"
            " SELECT ?1, ?2, 'phone', ?3, ?4, ?5, ?6 WHERE NOT EXISTS (SELECT 1 FROM person_address"
            " WHERE person_id = ?3 AND address = ?2 AND until >= ?5)",
            (account_id, each.address, person_id, since, each.until, each.former_since),
        )
        holder = _known(tx, account_id, [each.address]).get(each.address)
        if holder is not None:
            optouts.hand_on(
                tx, person_id, to=holder.person_id, phone=each.address, lost_at=each.until, now=now
            )


def _make_former(tx: Tx, account_id: str, person_id: int, joining: Joining, named: Names, at: Millis) -> None:
    """The person has other addresses now than former ones, which still lead to them."""
    tx.executemany(
        "UPDATE person_address SET former_since = ? WHERE account_id = ? AND address = ? AND until IS NULL",
        [
            *((each.since, account_id, each.address) for each in joining.former),
            *((None, account_id, address) for address in joining.again),
        ],
    )
    if joining.former and named.previous:
        detail = {"from": sorted(each.address for each in joining.former), "to": sorted(named.addresses)}
        person_merge.add_event(tx, person_id, at, "address_changed", detail)


def _seen_earlier(tx: Tx, account_id: str, person_id: int, named: Names, at: Millis) -> None:
    """The person had these addresses at this time already; who had a phone before that lost it earlier."""
    phones = tx.execute(
        "UPDATE person_address SET since = ?1 WHERE account_id = ?2 AND person_id = ?3 AND until IS NULL AND since > ?1"
        " AND address IN (SELECT value FROM json_each(?4)) RETURNING address",
        (at, account_id, person_id, json.dumps(sorted(named.addresses))),
    ).fetchall()
    tx.executemany(
        "UPDATE person_address SET until = max(since, ?1) WHERE account_id = ?2 AND address = ?3 AND until > ?1",
        [(at, account_id, address) for (address,) in phones],
    )
