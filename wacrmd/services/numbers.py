"""Accounts and numbers as an operator manages them while the daemon runs."""

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from wacrmd.errors import bad_request, conflict, not_found
from wacrmd.meta.client import MetaCallError
from wacrmd.model import HoldReason, Number
from wacrmd.phone import normalize
from wacrmd.services.context import Context
from wacrmd.services.keys import account_named
from wacrmd.services.trust import secret_seal, token_seal
from wacrmd.services.views import account_view, number_view
from wacrmd.store import accounts, broadcasts, numbers
from wacrmd.store.database import Tx


def verify_token_hash(token: str) -> bytes:
    """How a verify token is stored: it is only ever compared."""
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True, slots=True)
class NewNumber:
    """A business phone number to be configured, with its secrets in the clear."""

    account: str
    phone_number_id: str
    waba_id: str
    access_token: str
    app_secret: str
    verify_token: str
    label: str | None = None
    display_phone: str | None = None
    messages_per_second: float | None = None
    default: bool = False

    def __repr__(self) -> str:
        return f"NewNumber({self.phone_number_id})"


async def add_account(ctx: Context, name: str) -> dict[str, Any]:
    """Make an account."""
    return account_view(await ctx.db.write(partial(accounts.add, name=name, now=ctx.clock.now())))


async def list_accounts(ctx: Context) -> list[dict[str, Any]]:
    """All accounts."""
    return [account_view(account) for account in await ctx.db.read(accounts.all_of)]


async def rename_account(ctx: Context, name: str, new: str) -> dict[str, Any]:
    """Give an account another name."""
    account = await account_named(ctx, name)
    await ctx.db.write(partial(accounts.rename, account_id=account.id, name=new))
    return account_view(await account_named(ctx, new))


async def remove_account(ctx: Context, name: str) -> dict[str, Any]:
    """Delete an account that has nothing any more."""
    account = await account_named(ctx, name)
    await ctx.db.write(partial(accounts.remove, account_id=account.id))
    return account_view(account)


async def add_number(ctx: Context, new: NewNumber, *, check: bool) -> dict[str, Any]:
    """Configure a number; its secrets are sealed before they reach the database.

    With `check` Meta is asked first; refuses a token that does not open the number.
    """
    account = await account_named(ctx, new.account)
    display = None
    if new.display_phone is not None and (display := normalize(new.display_phone)) is None:
        raise bad_request(
            f"display_phone: expected a phone number such as +14155550123, found {new.display_phone!r}"
        )
    if check:
        try:
            await ctx.meta.number(new.phone_number_id, new.access_token)
        except MetaCallError as error:
            raise bad_request(f"Meta refuses this number with this token: {error}") from error
    number_id = str(uuid4())
    await ctx.db.write(
        partial(
            numbers.add,
            number_id=number_id,
            account_id=account.id,
            phone_number_id=new.phone_number_id,
            waba_id=new.waba_id,
            access_token=ctx.vault.seal(new.access_token, token_seal(number_id)),
            app_secret=ctx.vault.seal(new.app_secret, secret_seal(number_id)),
            verify_token_hash=verify_token_hash(new.verify_token),
            label=new.label,
            display_phone=display,
            messages_per_second=new.messages_per_second,
            default=new.default,
            now=ctx.clock.now(),
        )
    )
    ctx.trust.forget()
    return number_view(ctx, await number_of(ctx, number_id))


async def number_of(ctx: Context, reference: str) -> Number:
    """The number of this phone number id, or whose id begins so. Refuses none and several."""
    found = await ctx.db.read(partial(numbers.find, reference=reference))
    if not found:
        raise not_found(f"Number {reference!r}")
    if len(found) > 1:
        raise conflict(f"Several numbers begin with {reference!r}: give more of the id")
    return found[0]


async def list_numbers(ctx: Context, account_id: str | None = None) -> list[dict[str, Any]]:
    """The numbers of one account or of all."""
    found = await ctx.db.read(partial(numbers.all_of, account_id=account_id))
    return [number_view(ctx, number) for number in found]


async def pause_number(ctx: Context, reference: str, by: str) -> dict[str, Any]:
    """Stop all sending from a number; repeating it is harmless and keeps the first reason."""
    number = await number_of(ctx, reference)
    now = ctx.clock.now()
    await ctx.db.write(
        partial(numbers.pause, number_id=number.id, reason=HoldReason.PAUSED_BY_OPERATOR, detail=by, now=now)
    )
    return number_view(ctx, await number_of(ctx, number.id))


async def resume_number(ctx: Context, reference: str) -> dict[str, Any]:
    """Let a number send again; its broadcasts go on by themselves."""
    number = await number_of(ctx, reference)
    now = ctx.clock.now()

    def work(tx: Tx) -> list[int]:
        numbers.resume(tx, number.id)
        return broadcasts.due(tx, now)

    due = await ctx.db.write(work)
    ctx.traffic.forget(number.id)
    for broadcast_id in due:
        ctx.bell.ring(broadcast_id)
    return number_view(ctx, await number_of(ctx, number.id))
