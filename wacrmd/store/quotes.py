"""Who quotes a message of ours: its recipient, unless what is known of the two says otherwise."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from wacrmd.clock import Millis
from wacrmd.store import optouts, people
from wacrmd.store.database import Tx
from wacrmd.store.other_messages import recipient_of


@dataclass(frozen=True, slots=True)
class Keyword:
    """The stop word in a message, and whether it was written or tapped (`source`)."""

    source: str
    word: str


@dataclass(frozen=True, slots=True)
class Quoting:
    """Who quotes a message.

    `person_id` wrote it, as far as is known; `others` are people who may have written it as well: an opt-out is theirs too.
    """

    person_id: int | None
    others: tuple[int, ...] = ()
    joined: tuple[int, ...] = ()
    broadcasts: frozenset[int] = frozenset()


@dataclass(slots=True)
class Settled:
    """What has become known of messages that quote: changed broadcasts, and people who turned out to be one."""

    broadcasts: set[int] = field(default_factory=set)
    joined: set[int] = field(default_factory=set)


def quoting(tx: Tx, writer: int | None, recipient_id: int, *, at: Millis, now: Millis) -> Quoting:
    """Who wrote a message that quotes the one to this recipient. `writer` is whom its ids name, None if they name nobody.

    The two are joined where nothing that is known of them speaks against it. Else nobody can tell who of them wrote it.
    """
    account_id, to, recipient = tx.execute(
        'SELECT b.account_id, r."to", r.person_id FROM recipient r JOIN broadcast b ON b.id = r.broadcast_id'
        " WHERE r.id = ?",
        (recipient_id,),
    ).fetchone()
    if writer is None or recipient is None:  # the latter was erased
        return Quoting(recipient if writer is None else writer)
    if writer in (recipient, people.of_addresses(tx, account_id, [to]).get(to)):
        return Quoting(writer)
    together = people.join_two(tx, writer, recipient, at=at, now=now)
    if together is None:
        return Quoting(writer, (recipient,))
    person_id, broadcasts = together
    return Quoting(person_id, (), (person_id,), frozenset(broadcasts))


def remember(tx: Tx, message_id: str, context_id: str, keyword: Keyword | None) -> None:
    """Note that a stored message quotes one that is not known (yet), and the opt-out in it."""
    tx.execute(
        "UPDATE inbound_message SET context_id = ?, keyword = ? WHERE id = ?",
        (context_id, json.dumps([keyword.source, keyword.word]) if keyword else None, message_id),
    )


def settle(tx: Tx, wamids: Iterable[str], now: Millis) -> Settled:
    """Attribute messages that quote these ones, which are known now; an opt-out in them reaches who wrote them."""
    rows = tx.execute(
        "SELECT i.id, i.at, i.keyword, n.account_id, r.id, r.broadcast_id FROM json_each(?) j"
        " CROSS JOIN inbound_message i ON i.context_id = j.value JOIN number n ON n.id = i.number_id"
        f" JOIN recipient r ON r.id = {recipient_of('i.context_id')} JOIN broadcast b ON b.id = r.broadcast_id"
        " JOIN number s ON s.id = b.number_id"
        " WHERE b.account_id = n.account_id AND s.phone_number_id = n.phone_number_id ORDER BY i.at, i.id",
        (json.dumps(list(wamids)),),
    ).fetchall()
    settled = Settled()
    for message_id, at, keyword, account_id, recipient_id, broadcast_id in rows:
        # Asked for again: the one before may have joined the writer to somebody.
        (writer,) = tx.execute("SELECT person_id FROM inbound_message WHERE id = ?", (message_id,)).fetchone()
        found = quoting(tx, writer, recipient_id, at=at, now=now)
        tx.execute(
            "UPDATE inbound_message SET recipient_id = ?, person_id = ?, context_id = NULL, keyword = NULL"
            " WHERE id = ?",
            (recipient_id, found.person_id, message_id),
        )
        settled.broadcasts |= found.broadcasts
        settled.joined |= set(found.joined)
        if keyword is None:
            continue
        source, word = json.loads(keyword)
        for person_id in (found.person_id, *found.others):
            if person_id is not None:
                opt_out(tx, account_id, person_id, Keyword(source, word), broadcast_id, at=at, now=now)
    return settled


def opt_out(
    tx: Tx,
    account_id: str,
    person_id: int,
    keyword: Keyword,
    broadcast_id: int,
    *,
    at: Millis,
    now: Millis,
) -> None:
    """Opt out a person who quotes a message of a broadcast, or name the broadcast if they have opted out by that."""
    optouts.add(
        tx,
        account_id=account_id,
        person_id=person_id,
        phone=None,
        user_id=None,
        source=keyword.source,
        detail=keyword.word,
        at=at,
        now=now,
        broadcast_id=broadcast_id,
    )
    optouts.name_broadcast(tx, person_id, at, broadcast_id)
