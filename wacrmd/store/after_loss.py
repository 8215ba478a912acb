"""After rows of a database are lost: the others fit together again, and nobody gets what they might have had already."""

from dataclasses import dataclass, field
from uuid import uuid4

from wacrmd.clock import Millis
from wacrmd.domain.drain import Drain
from wacrmd.domain.person import identity
from wacrmd.store import broadcasts, drains, login_sessions, optouts, people, recipients, template_clicks
from wacrmd.store.database import Tx
from wacrmd.store.salvage import Lost

DETAIL = "The database was damaged, and wacrmd repair could not save all of it"

_ORPHANS = {
    "broadcast": "(status != 'draft' AND id NOT IN (SELECT broadcast_id FROM recipient)"
    " OR status = 'draft' AND id NOT IN (SELECT broadcast_id FROM draft WHERE state != 'sent'))",
    "recipient": "broadcast_id NOT IN (SELECT id FROM broadcast)",
    "recipient_history": "recipient_id NOT IN (SELECT id FROM recipient)",
    "button_reply": "recipient_id NOT IN (SELECT id FROM recipient)",
    "other_message": "recipient_id NOT IN (SELECT id FROM recipient)",
    "planned_retry": "recipient_id NOT IN (SELECT id FROM recipient)",
    "canary_recipient": "recipient_id NOT IN (SELECT id FROM recipient)",
    "draft": "broadcast_id NOT IN (SELECT id FROM broadcast WHERE draft.state = 'sent' OR status = 'draft')",
    "broadcast_stat": "broadcast_id NOT IN (SELECT id FROM broadcast)",
    "draft_piece": "broadcast_id NOT IN (SELECT broadcast_id FROM draft)",
    "media_piece": "media_id NOT IN (SELECT id FROM media)",
    "media_upload": "media_id NOT IN (SELECT id FROM media)",
    "broadcast_media": "broadcast_id NOT IN (SELECT id FROM broadcast) OR media_id NOT IN (SELECT id FROM media)",
    "app_secret": "number_id NOT IN (SELECT id FROM number)",
    "webhook_delivery": "endpoint_id NOT IN (SELECT id FROM webhook_endpoint)",
}
"""Rows that mean nothing without a row that is lost: they go too."""

_PERSONS = (
    "INSERT INTO person (id, account_id, created_at) SELECT person_id, account_id, ?1 FROM"
    " (SELECT person_id, account_id FROM optout UNION SELECT person_id, account_id FROM person_address"
    " UNION SELECT r.person_id, b.account_id FROM recipient r JOIN broadcast b ON b.id = r.broadcast_id)"
    " WHERE person_id NOT IN (SELECT id FROM person) GROUP BY person_id"
)
_NUMBERS = (
    "INSERT INTO number (id, account_id, phone_number_id, waba_id, access_token, verify_token_hash, created_at, removed_at)"
    " SELECT number_id, account_id, 'lost', 'lost', x'', x'', ?1, ?1 FROM broadcast"
    " WHERE number_id NOT IN (SELECT id FROM number) GROUP BY number_id"
)
_BROADCASTS = (
    "SELECT DISTINCT broadcast_id FROM recipient WHERE broadcast_id NOT IN (SELECT id FROM broadcast)"
)
_BROADCAST = (
    "INSERT OR IGNORE INTO broadcast (id, uuid, account_id, number_id, name, template_name, template_language, status,"
    " created_at, updated_at) SELECT ?1, ?2, p.account_id, n.id, 'lost', 'lost', 'lost', 'cancelled', ?3, ?3"
    " FROM recipient r JOIN person p ON p.id = r.person_id JOIN number n ON n.account_id = p.account_id"
    " WHERE r.broadcast_id = ?1 ORDER BY n.removed_at IS NOT NULL, n.is_default DESC LIMIT 1"
)
_ACCOUNTS = (
    "INSERT INTO account (id, name, created_at) SELECT account_id, 'lost ' || account_id, ?1 FROM"
    " (SELECT account_id FROM number UNION SELECT account_id FROM api_key UNION SELECT account_id FROM person"
    " UNION SELECT account_id FROM broadcast UNION SELECT account_id FROM optout"
    " UNION SELECT account_id FROM webhook_endpoint) WHERE account_id NOT IN (SELECT id FROM account)"
)
_BILLED = (
    "DELETE FROM billed_broadcast",
    (
        "INSERT INTO billed_broadcast (broadcast_id, day, country, pricing_id, count)"
        " SELECT broadcast_id, coalesce(sent_at, pricing_order / 8, 0) / 86400000, coalesce(country, ''), pricing_id,"
        " count(*)"
        " FROM recipient WHERE pricing_id IS NOT NULL GROUP BY 1, 2, 3, 4"
    ),
    "DELETE FROM billed_day WHERE account_id NOT IN (SELECT id FROM account)",
    "DELETE FROM price_list WHERE account_id NOT IN (SELECT id FROM account)",
)
"""What broadcasts cost is counted anew from their rows; what was deleted before, the sums by account alone tell."""
_PRICES = (
    "UPDATE recipient SET pricing_id = NULL, pricing_order = NULL WHERE pricing_id NOT IN (SELECT id FROM pricing)",
    "UPDATE other_message SET pricing_id = NULL, pricing_order = NULL WHERE pricing_id NOT IN (SELECT id FROM pricing)",
)
_NAMES = (
    "SELECT DISTINCT p.id, p.account_id, n.name FROM person p JOIN (SELECT person_id, phone AS name FROM optout"
    ' UNION SELECT person_id, user_id FROM optout UNION SELECT person_id, "to" FROM recipient) n'
    " ON n.person_id = p.id WHERE n.name IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM person_address a WHERE a.person_id = p.id AND a.until IS NULL)"
)


@dataclass(slots=True)
class Consequences:
    """What was done because rows are lost."""

    removed: dict[str, int] = field(default_factory=dict)
    """Rows of each table that belonged to lost ones."""
    paused: int = 0
    uncertain: int = 0
    is_drained: bool = False


def remake_people(tx: Tx, lost: Lost, now: Millis) -> None:
    """Make lost rows of people anew, of whom others tell all but the time: nothing of them is lost then."""
    if "person" in lost.rows:
        tx.execute(_PERSONS, (now,))
        del lost.rows["person"]


def settle(tx: Tx, lost: Lost, now: Millis) -> Consequences:
    """Remove what belongs to lost rows, make anew what others tell, and pause all unfinished broadcasts.

    A lost opt-out is counted in `lost` no more if its index tells of whom it was.
    """
    done = Consequences(uncertain=recipients.lose_attempts(tx, lost.sent, DETAIL))
    for (broadcast_id,) in tx.execute(_BROADCASTS).fetchall():
        uuid = lost.broadcasts.get(broadcast_id) or str(uuid4())  # the index that tells it may be lost, too
        tx.execute(_BROADCAST, (broadcast_id, uuid, now))
        recipients.cancel_pending(tx, broadcast_id)
    for table in ("recipient", "broadcast", *_ORPHANS):
        removed = tx.execute(f"DELETE FROM {table} WHERE {_ORPHANS[table]}").rowcount
        done.removed[table] = done.removed.get(table, 0) + removed
    done.removed = {table: count for table, count in done.removed.items() if count}
    for statement in (_NUMBERS, _ACCOUNTS):
        tx.execute(statement, (now,))
    for statement in _PRICES:
        tx.execute(statement)
    for person_id, account_id, name in tx.execute(_NAMES).fetchall():
        people.add_address(tx, account_id, person_id, identity(name), now)
    _opt_out_again(tx, lost, now)
    if "setting" in lost.rows and drains.stored(tx) is None:
        drains.store(tx, Drain(now, for_good=True))
        done.is_drained = True
    done.paused = broadcasts.pause_restored(tx, DETAIL, now)
    login_sessions.end_all(tx)
    # Without its part in the sums a broadcast would be added to them a second time: they stay as they are.
    is_part_lost = "broadcast_stat" in lost.rows
    tx.execute(
        "UPDATE broadcast SET counts_revision = NULL,"
        " stats_revision = iif(stats_revision = -1 OR (? AND stats_revision IS NOT NULL), -1, NULL)",
        (is_part_lost,),
    )
    for statement in _BILLED:
        tx.execute(statement)
    if "template_click" in lost.rows:
        template_clicks.read_all_again(tx)
    return done


def _opt_out_again(tx: Tx, lost: Lost, now: Millis) -> None:
    """Opt out again who is known by the index only; whether somebody has opted in since, the index does not tell."""
    for person_id in lost.optouts.values():
        found = tx.execute("SELECT account_id FROM person WHERE id = ?", (person_id,)).fetchone()
        named = tx.execute("SELECT 1 FROM person_address WHERE person_id = ? AND until IS NULL", (person_id,))
        if found is None or named.fetchone() is None:
            continue
        optouts.add(
            tx,
            account_id=found[0],
            person_id=person_id,
            phone=None,
            user_id=None,
            source="operator",
            detail=DETAIL,
            at=now,
        )
        if count := lost.rows["optout"]:
            lost.rows["optout"] = count - 1
    if lost.rows.get("optout") == 0:
        del lost.rows["optout"]
