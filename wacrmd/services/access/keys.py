"""API keys: create, list, authenticate by hash, rotate, revoke."""

from collections.abc import Sequence
from functools import partial

from wacrmd.clock import DAY, HOUR, Millis
from wacrmd.domain.account import ApiKey, ApiKeyFacts, KeyFault, Scope
from wacrmd.domain.actor import Actor
from wacrmd.errors import ErrorCode, Refusal, conflict
from wacrmd.fields import shared
from wacrmd.log import get_logger
from wacrmd.secrets import API_KEY_PREFIX, hash_api_key, new_api_key
from wacrmd.services.context import Context
from wacrmd.services.lookup import exactly_one
from wacrmd.store import keys
from wacrmd.store.database import Tx
from wacrmd.views.access import KeyView, NewKeyView, RotatedKeyView

log = get_logger(__name__)


def unauthorized() -> Refusal:
    """The refusal of every key that is not valid, from this address: always the same, so it reveals nothing."""
    return Refusal(
        ErrorCode.UNAUTHORIZED, "Missing or invalid API key: send Authorization: Bearer wacrm_live_…"
    )


async def authenticate(ctx: Context, key: str, address: str | None) -> ApiKey:
    """The key's record as of the last commit; raises `unauthorized` for every key that is not valid.

    `address` is the peer's; None on a unix socket. Only the log tells why a key that exists is refused.
    """
    if not key.startswith(API_KEY_PREFIX):
        raise unauthorized()
    found = await ctx.db.read(partial(keys.with_hash, hashed=hash_api_key(key)))
    if found is None:
        raise unauthorized()
    now = ctx.clock.now()
    if (fault := found.fault_from(address, now)) is not None:
        _log_refused(found, fault, address)
        raise unauthorized()
    ctx.key_uses.note(found.id, now, address)
    return found


async def is_valid(ctx: Context, key: ApiKey, address: str | None) -> bool:
    """Whether a key with which a long answer began is still valid, and its account still there."""
    now = await ctx.db.read(partial(keys.get, key_id=key.id))
    fault = KeyFault.REVOKED if now is None else now.fault_from(address, ctx.clock.now())
    if fault is not None:
        _log_refused(key, fault, address)
    return fault is None


def _log_refused(key: ApiKey, fault: KeyFault, address: str | None) -> None:
    log.warning(
        "api_key_refused",
        key_prefix=key.prefix,
        reason=fault.value,
        address=address,
        summed=(key.id, fault),
    )


async def create(
    ctx: Context,
    account_id: str,
    *,
    name: str,
    scopes: Sequence[Scope],
    allowed_from: Sequence[str] = (),
    expires_in_days: int | None = None,
) -> NewKeyView:
    """Create a key for an account; only this answer contains the key itself."""
    key, hashed, prefix = new_api_key()
    now = ctx.clock.now()

    def work(tx: Tx) -> ApiKey:
        return keys.add(
            tx,
            account_id=account_id,
            name=name,
            hashed=hashed,
            prefix=prefix,
            scopes=list(dict.fromkeys(scopes)),
            allowed_from=list(dict.fromkeys(allowed_from)),
            expires_at=_after(now, expires_in_days),
            now=now,
        )

    made = await ctx.db.write(work)
    return NewKeyView(**shared(ApiKeyFacts, made), key=key)


async def list_keys(ctx: Context, account_id: str | None) -> list[KeyView]:
    """The keys of one account or of all, oldest first."""
    return [_view(ctx, key) for key in await ctx.db.read(partial(keys.all_of, account_id=account_id))]


async def rotate(
    ctx: Context, actor: Actor, reference: str, *, overlap_hours: float, expires_in_days: int | None
) -> RotatedKeyView:
    """Make a key that replaces another one, which expires after `overlap_hours` or at its own end, if that is earlier.

    It has the same name, scopes and addresses, and lives as long as the other one would have. Raises Refusal as
    `exactly_one`, and for a key that is not valid or has been replaced.
    """
    key, hashed, prefix = new_api_key()
    now = ctx.clock.now()

    def work(tx: Tx) -> tuple[ApiKey, ApiKey]:
        old = exactly_one(keys.find(tx, reference, actor.account_id), "Key", reference)
        successor = None if old.replaced_by is None else keys.get(tx, old.replaced_by)
        _check_rotation(old, successor, now)
        first = successor or old  # a rotation has cut the old one's life short
        lifetime = None if first.expires_at is None else first.expires_at - first.created_at
        expires_at = None if lifetime is None else now + lifetime
        made = keys.add(
            tx,
            account_id=old.account_id,
            name=old.name,
            hashed=hashed,
            prefix=prefix,
            scopes=old.scopes,
            allowed_from=old.allowed_from,
            expires_at=expires_at if expires_in_days is None else _after(now, expires_in_days),
            now=now,
            family=old.family,
        )
        end = now + round(overlap_hours * HOUR)
        keys.set_replaced(tx, old.id, by=made.id, expires_at=min(end, old.expires_at or end))
        return made, keys.find(tx, old.id)[0]

    made, old = await ctx.db.write(work)
    return RotatedKeyView(**shared(ApiKeyFacts, made), key=key, replaces=_view(ctx, old))


def _check_rotation(old: ApiKey, successor: ApiKey | None, now: Millis) -> None:
    """Raise Refusal for a key that cannot be replaced."""
    fault = old.fault(now)
    if fault is not None:
        raise conflict(
            f"Key {old.id[:8]} is {fault.value}, so no app uses it: create a new one with wacrmd key create"
        )
    if successor is not None and successor.revoked_at is None:
        raise conflict(
            f"Key {old.id[:8]} has been replaced by {successor.id[:8]}: rotate that one. If it was lost, revoke it,"
            f" and then rotate {old.id[:8]} again"
        )


async def revoke(ctx: Context, actor: Actor, reference: str) -> KeyView:
    """Revoke a key from its next request on; repeating it changes nothing. Raises Refusal as `exactly_one`."""
    now = ctx.clock.now()

    def work(tx: Tx) -> ApiKey:
        found = exactly_one(keys.find(tx, reference, actor.account_id), "Key", reference)
        keys.revoke(tx, found.id, now)
        return keys.find(tx, found.id)[0]

    return _view(ctx, await ctx.db.write(work))


def _after(now: Millis, days: int | None) -> Millis | None:
    return None if days is None else now + days * DAY


def _view(ctx: Context, key: ApiKey) -> KeyView:
    use = ctx.key_uses.last(key.id)
    return KeyView(
        **shared(ApiKeyFacts, key),
        created_at=key.created_at,
        revoked_at=key.revoked_at,
        replaced_by=key.replaced_by,
        last_used_at=use.at if use else key.last_used_at,
        last_used_from=use.address if use else key.last_used_from,
    )
