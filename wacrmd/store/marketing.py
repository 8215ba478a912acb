"""What Meta has said about marketing messages of a business account, and what the route of a broadcast depends on."""

from collections.abc import Iterable

from wacrmd.clock import Millis
from wacrmd.domain.marketing_route import Endpoint, RouteFacts, route_of
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper

_FACTS = RowMapper(
    RouteFacts,
    {
        "marketing_route": "a.marketing_route",
        "product_policy": "a.product_policy",
        "message_activity_sharing": "a.message_activity_sharing",
        "category": "t.category",
        "onboarding": "m.onboarding",
    },
)


def record_onboarding(tx: Tx, waba_id: str, onboarding: str, at: Millis, *, is_now: bool) -> bool:
    """Keep what Meta said at `at`, in its word, unless something newer is known; whether the word is another one now.

    `is_now`: Meta was asked and has just said so, which is the newest whatever time is stored.
    """
    before = onboarding_of(tx, waba_id)
    row = tx.execute(
        "INSERT INTO marketing_onboarding (waba_id, onboarding, told_at) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (waba_id) DO UPDATE SET onboarding = ?2, told_at = ?3 WHERE ?4 OR told_at <= ?3 RETURNING onboarding",
        (waba_id, onboarding, at, int(is_now)),
    ).fetchone()
    return row is not None and before != onboarding


def onboarding_of(tx: Tx, waba_id: str) -> str | None:
    """What Meta said last about the business account; None: nothing."""
    row: tuple[str] | None = tx.execute(
        "SELECT onboarding FROM marketing_onboarding WHERE waba_id = ?", (waba_id,)
    ).fetchone()
    return row[0] if row else None


def facts_of_account(tx: Tx, account_id: str, waba_id: str) -> RouteFacts:
    """What the routes of an account's templates of a business account depend on, besides each template's category."""
    row = tx.execute(
        f"SELECT {_FACTS.columns} FROM account a LEFT JOIN template t ON FALSE"
        " LEFT JOIN marketing_onboarding m ON m.waba_id = ?2 WHERE a.id = ?1",
        (account_id, waba_id),
    ).fetchone()
    return _FACTS.record(row) if row else RouteFacts()


def facts_of_broadcast(tx: Tx, broadcast_id: int) -> RouteFacts:
    """What the route of a broadcast's messages depends on, as it is now; the safe defaults if there is no such row."""
    row = tx.execute(
        f"SELECT {_FACTS.columns} FROM broadcast b JOIN number n ON n.id = b.number_id"
        " JOIN account a ON a.id = n.account_id"
        " LEFT JOIN template t ON t.waba_id = n.waba_id AND t.name = b.template_name"
        " AND t.language = b.template_language"
        " LEFT JOIN marketing_onboarding m ON m.waba_id = n.waba_id WHERE b.id = ?",
        (broadcast_id,),
    ).fetchone()
    return _FACTS.record(row) if row else RouteFacts()


def add_wrong_way(tx: Tx, broadcast_id: int, waba_id: str, endpoint: Endpoint) -> None:
    """Note that this endpoint refuses the template of a broadcast, and the other one takes it."""
    tx.execute(
        "INSERT INTO wrong_way (broadcast_id, waba_id, endpoint) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (broadcast_id) DO UPDATE SET endpoint = ?3",
        (broadcast_id, waba_id, endpoint),
    )


def forget_wrong_ways(tx: Tx, broadcast_ids: Iterable[int]) -> None:
    """These broadcasts were resumed: whatever refuses them next says so."""
    tx.executemany("DELETE FROM wrong_way WHERE broadcast_id = ?", [(each,) for each in broadcast_ids])


def rerouted(tx: Tx, waba_id: str) -> list[int]:
    """The broadcasts that an endpoint of Meta's refused, and that would go to the other one now."""
    rows = tx.execute("SELECT broadcast_id, endpoint FROM wrong_way WHERE waba_id = ?", (waba_id,)).fetchall()
    return [each for each, refused in rows if route_of(facts_of_broadcast(tx, each)).endpoint != refused]
