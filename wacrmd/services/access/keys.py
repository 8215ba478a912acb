"""API keys: create, list, authenticate by hash, revoke."""

from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from wacrmd.clock import DAY, MINUTE
from wacrmd.domain.account import ApiKey, ApiKeyFacts, Scope
from wacrmd.errors import ErrorCode, Refusal
from wacrmd.fields import shared
from wacrmd.secrets import API_KEY_PREFIX, hash_api_key, new_api_key
from wacrmd.services.context import Context
from wacrmd.services.lookup import exactly_one
from wacrmd.store import keys
from wacrmd.store.database import Tx
from wacrmd.store.outage import StorageError
from wacrmd.views.access import KeyView, NewKeyView


def unauthorized() -> Refusal:
    """The refusal of a missing, malformed, unknown, revoked or expired key: always the same, so it reveals nothing."""
    return Refusal(
        ErrorCode.UNAUTHORIZED, "Missing or invalid API key: send Authorization: Bearer wacrm_live_…"
    )


async def authenticate(ctx: Context, key: str) -> ApiKey:
    """The key's record as of the last commit; raises `unauthorized` for every key that is not valid."""
    if not key.startswith(API_KEY_PREFIX):
        raise unauthorized()
    now = ctx.clock.now()
    found = await ctx.db.read(partial(keys.usable, hashed=hash_api_key(key), now=now))
    if found is None:
        raise unauthorized()
    if found.last_used_at is None or abs(now - found.last_used_at) > MINUTE:
        with suppress(StorageError):  # a key also works while the disk is full
            await ctx.db.write(partial(keys.set_last_used, key_id=found.id, now=now))
    return found


async def create(
    ctx: Context, account_id: str, *, name: str, scopes: Iterable[Scope], expires_in_days: int | None
) -> NewKeyView:
    """Create a key for an account; only this answer contains the key itself."""
    key, hashed, prefix = new_api_key()
    now = ctx.clock.now()
    expires_at = None if expires_in_days is None else now + expires_in_days * DAY

    def work(tx: Tx) -> ApiKey:
        key_id = keys.add(
            tx,
            account_id=account_id,
            name=name,
            hashed=hashed,
            prefix=prefix,
            scopes=list(dict.fromkeys(scopes)),
            expires_at=expires_at,
            now=now,
        )
        return keys.find(tx, key_id)[0]

    made = await ctx.db.write(work)
    return NewKeyView(**shared(ApiKeyFacts, made), key=key)


async def list_keys(ctx: Context, account_id: str | None) -> list[KeyView]:
    """The keys of one account or of all, oldest first."""
    return [_view(key) for key in await ctx.db.read(partial(keys.all_of, account_id=account_id))]


async def revoke(ctx: Context, reference: str) -> KeyView:
    """Revoke a key from its next request on; repeating it changes nothing. Raises Refusal as `exactly_one`."""
    now = ctx.clock.now()

    def work(tx: Tx) -> KeyView:
        found = exactly_one(keys.find(tx, reference), "Key", reference)
        keys.revoke(tx, found.id, now)
        return _view(keys.find(tx, found.id)[0])

    return await ctx.db.write(work)


def _view(key: ApiKey) -> KeyView:
    return KeyView(
        **shared(ApiKeyFacts, key),
        created_at=key.created_at,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
    )
