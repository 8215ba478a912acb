"""Accounts: the tenants that own numbers, keys, broadcasts, templates and opt-outs."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from wacrmd.domain.account import Account, AccountFacts
from wacrmd.domain.account_settings import AccountSettings
from wacrmd.domain.actor import Actor
from wacrmd.errors import bad_request, conflict, counted, not_found
from wacrmd.fields import shared
from wacrmd.services.context import Context
from wacrmd.store import accounts
from wacrmd.store.database import Tx
from wacrmd.views.access import AccountRef, AccountView


async def account_named(ctx: Context, name: str) -> Account:
    """The account with this name or id; raises Refusal if there is none."""
    account = await ctx.db.read(partial(accounts.find, reference=name))
    if account is None:
        raise not_found(f"Account {name!r}")
    return account


async def account_or_only(ctx: Context, name: str | None) -> Account:
    """The account with this name or id; without a name the only account. Raises Refusal if there is not exactly one."""
    if name is not None:
        return await account_named(ctx, name)
    found = await ctx.db.read(accounts.all_of)
    if len(found) != 1:
        listed = ", ".join(account.name for account in found) or "none yet: wacrmd account add NAME"
        raise bad_request(f"account: name one of the accounts ({listed})")
    return found[0]


async def list_accounts(ctx: Context, actor: Actor) -> list[AccountView]:
    """The accounts that the caller may see, by name."""
    found = await ctx.db.read(accounts.all_of)
    return [_view(account) for account in found if actor.account_id in (None, account.id)]


async def show(ctx: Context, actor: Actor, name: str) -> AccountView:
    """One account with its settings; raises Refusal if there is none, or the caller may not see it."""
    account = await account_named(ctx, name)
    if actor.account_id not in (None, account.id):
        raise not_found(f"Account {name!r}")
    return _view(account)


async def add(ctx: Context, name: str, chosen: Mapping[str, Any]) -> AccountRef:
    """Create an account with these settings; raises Refusal if the name is in use."""
    account = await ctx.db.write(
        partial(accounts.add, name=name, chosen=AccountSettings().changed(chosen), now=ctx.clock.now())
    )
    return AccountRef(**shared(AccountFacts, account))


async def settings(ctx: Context, account_id: str) -> AccountSettings:
    """The account's settings."""
    return await ctx.db.read(partial(accounts.settings, account_id=account_id))


async def change_settings(ctx: Context, name: str, changes: Mapping[str, Any]) -> AccountView:
    """Set some settings of an account, by name; None takes one away. Raises Refusal if there is none to change."""
    if not changes:
        raise bad_request("Nothing to change: name at least one setting")
    account = await account_named(ctx, name)
    await ctx.db.write(partial(accounts.change_settings, account_id=account.id, changes=changes))
    return _view(await account_named(ctx, account.id))


async def rename(ctx: Context, name: str, new: str) -> AccountView:
    """Rename an account; raises Refusal if the new name is in use."""
    account = await account_named(ctx, name)
    await ctx.db.write(partial(accounts.rename, account_id=account.id, name=new))
    return _view(await account_named(ctx, new))


async def remove(ctx: Context, name: str) -> AccountView:
    """Delete an account and return it as it was; raises Refusal if it still has something, and says what to do about it."""
    account = await account_named(ctx, name)

    def work(tx: Tx) -> None:
        left = _left(accounts.left_of(tx, account.id, ctx.clock.now()), ctx.config.retention.recipients_days)
        if left:
            raise conflict(f"The account still has {'; '.join(left)}")
        accounts.remove(tx, account.id)

    await ctx.db.write(work)
    return _view(account)


def _left(found: accounts.Left, days: int) -> list[str]:
    """What an account still has, and how it gets rid of each; finished broadcasts go by themselves after so many days."""
    end = (
        f"each is deleted {counted(days, 'day')} after its end"
        if days
        else "none is ever deleted, as it is configured"
    )
    return [
        f"{counted(count, noun)}{more}: {way}"
        for count, noun, more, way in (
            (found.numbers, "number", "", "wacrmd number remove"),
            (found.keys, "key", "", "wacrmd key revoke"),
            (found.users, "user", " limited to it", "wacrmd user set, or wacrmd user remove"),
            (found.drafts, "draft", "", "wacrmd draft discard"),
            (found.media, "file", " for headers", "wacrmd media remove"),
            (found.unfinished, "broadcast", " that is to be sent", "wacrmd broadcast cancel"),
            (found.finished, "finished broadcast", "", f"{end} ([retention] recipients_days)"),
        )
        if count
    ]


def _view(account: Account) -> AccountView:
    return AccountView(
        **shared(AccountFacts, account),
        **shared(AccountSettings, account),
        created_at=account.created_at,
    )
