"""API keys: made once, recognised by their hash, revoked at once."""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from wacrmd.clock import DAY, MINUTE
from wacrmd.domain.account import Account, ApiKey, Scope
from wacrmd.errors import ErrorCode, Refusal, bad_request, conflict, not_found
from wacrmd.secrets import API_KEY_PREFIX, hash_api_key, new_api_key
from wacrmd.services.context import Context
from wacrmd.services.views import key_view, time
from wacrmd.store import accounts, keys
from wacrmd.store.database import StorageTrouble, Tx


def unauthorized() -> Refusal:
    """The one answer to a missing, malformed, unknown, revoked or expired key."""
    return Refusal(
        ErrorCode.UNAUTHORIZED, "Missing or invalid API key: send Authorization: Bearer wacrm_live_…"
    )


async def authenticate(ctx: Context, key: str) -> ApiKey:
    """The key's record, as of the last commit; refuses every key that does not open, in the same words."""
    if not key.startswith(API_KEY_PREFIX):
        raise unauthorized()
    now = ctx.clock.now()
    found = await ctx.db.read(partial(keys.usable, hashed=hash_api_key(key), now=now))
    if found is None:
        raise unauthorized()
    if found.last_used_at is None or now - found.last_used_at > MINUTE:
        with suppress(StorageTrouble):  # reading goes on while the disk is full
            await ctx.db.write(partial(keys.used, key_id=found.id, now=now))
    return found


async def account_named(ctx: Context, name: str) -> Account:
    """The account of this name or id; refuses an unknown one."""
    account = await ctx.db.read(partial(accounts.find, reference=name))
    if account is None:
        raise not_found(f"Account {name!r}")
    return account


async def account_or_only(ctx: Context, name: str | None) -> Account:
    """The account of this name or id; without one the only account there is. Refuses where there is a choice."""
    if name is not None:
        return await account_named(ctx, name)
    found = await ctx.db.read(accounts.all_of)
    if len(found) != 1:
        listed = ", ".join(account.name for account in found) or "none yet: wacrmd account add NAME"
        raise bad_request(f"account: name one of the accounts ({listed})")
    return found[0]


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was made just now; `key` is shown this once."""

    key: str
    view: dict[str, Any]


async def create(
    ctx: Context, *, account: str, name: str, scopes: list[Scope], expires_in_days: int | None
) -> NewKey:
    """Make a key for an account."""
    owner = await account_named(ctx, account)
    key, hashed, prefix = new_api_key()
    now = ctx.clock.now()
    expires_at = None if expires_in_days is None else now + expires_in_days * DAY
    key_id = await ctx.db.write(
        partial(
            keys.add,
            account_id=owner.id,
            name=name,
            hashed=hashed,
            prefix=prefix,
            scopes=scopes,
            expires_at=expires_at,
            now=now,
        )
    )
    view = {
        "id": key_id,
        "account": owner.name,
        "name": name,
        "key": key,
        "prefix": prefix,
        "scopes": list(scopes),
        "expires_at": time(expires_at),
    }
    return NewKey(key, view)


async def list_keys(ctx: Context, account: str | None) -> list[dict[str, Any]]:
    """The keys of one account or of all."""
    account_id = (await account_named(ctx, account)).id if account else None
    return [key_view(key) for key in await ctx.db.read(partial(keys.all_of, account_id=account_id))]


async def revoke(ctx: Context, reference: str) -> dict[str, Any]:
    """Shut a key out from its next request on; repeating it is harmless."""
    now = ctx.clock.now()

    def work(tx: Tx) -> dict[str, Any]:
        found = keys.find(tx, reference)
        if not found:
            raise not_found(f"Key {reference!r}")
        if len(found) > 1:
            raise conflict(f"Several keys begin with {reference!r}: give more of the id")
        keys.revoke(tx, found[0].id, now)
        return key_view(keys.find(tx, found[0].id)[0])

    return await ctx.db.write(work)
