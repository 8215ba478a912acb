"""The suppression list for local apps and operators: add, remove and list opt-outs."""

from functools import partial

from wacrmd.domain.actor import Actor
from wacrmd.domain.address import beginning_of, is_user_id, looked_up, phone_and_user_id, read_address
from wacrmd.domain.optout import OptOut, OptOutFacts
from wacrmd.domain.page import Page, PageRequest, Position
from wacrmd.domain.phone import Reading
from wacrmd.domain.phone_guess import Home, doubt
from wacrmd.domain.phone_text import Unreadable
from wacrmd.errors import bad_request, not_found
from wacrmd.fields import shared
from wacrmd.services.access.accounts import settings
from wacrmd.services.context import Context
from wacrmd.store import accounts, numbers, optouts, people
from wacrmd.store.database import Tx
from wacrmd.views.optouts import AccountOptOut, AddedOptOut


async def add(ctx: Context, actor: Actor, *, address: str, detail: str | None = None) -> AddedOptOut:
    """Opt a person out; repeating it changes nothing, also not the time and source of the first opt-out."""
    home = await ctx.db.read(partial(home_of, account_id=actor.account))
    found = read_address(address, home.country if home.is_default else None)
    if isinstance(found, Unreadable):
        raise bad_request(
            f"phone: expected a phone number such as +14155550123, or a user id: {address[:64]!r} {found.detail}"
        )
    normalized = found.phone if isinstance(found, Reading) else found
    phone, user_id = phone_and_user_id(normalized)
    now = ctx.clock.now()

    def work(tx: Tx) -> OptOut | None:
        person_id = people.ensure(tx, actor.account, [normalized], now)[normalized]
        optouts.add(
            tx,
            account_id=actor.account,
            person_id=person_id,
            phone=phone,
            user_id=user_id,
            source=actor.kind,
            detail=detail,
            at=now,
        )
        return optouts.find(tx, person_id)

    stored = await ctx.db.write(work)
    ctx.changes.publish()
    if stored is None:
        raise bad_request(
            "The clock of this machine is behind the time at which this person opted in: set the clock"
        )
    warning = doubt(found, home) if isinstance(found, Reading) else None
    return AddedOptOut(**shared(OptOutFacts, stored), account=stored.account, warning=warning)


async def remove(ctx: Context, actor: Actor, address: str) -> AccountOptOut:
    """Remove a person's opt-out and return it; raises Refusal if there is none, or if the address may be two people's."""
    wanted = looked_up(address, (await settings(ctx, actor.account)).default_country)
    if isinstance(wanted, Unreadable):
        raise bad_request(f"phone: {address[:64]!r} {wanted.detail}")
    now = ctx.clock.now()

    def work(tx: Tx) -> OptOut:
        person_id = people.of_addresses(tx, actor.account, [wanted]).get(wanted)
        found = optouts.find(tx, person_id) if person_id is not None else None
        if found is None or person_id is None:
            raise not_found(f"Opt-out of {address[:64]!r}")
        optouts.remove(
            tx,
            account_id=actor.account,
            person_id=person_id,
            source=actor.kind,
            at=now,
            include_newer=True,
        )
        return found

    removed = await ctx.db.write(work)
    ctx.changes.publish()
    return _view(removed)


async def page(
    ctx: Context, account_id: str | None, request: PageRequest, *, source: str | None = None
) -> Page[AccountOptOut]:
    """A page of opt-outs of one account or of all, newest first; only those of a source if that is given."""
    found = await ctx.db.read(
        partial(optouts.page, account_id=account_id, source=source, after=request.after, limit=request.rows)
    )
    return Page.of(found, request, _view, lambda row: Position(row.at, row.id))


async def search(
    ctx: Context, account_id: str | None, text: str, *, source: str | None = None, limit: int
) -> Page[AccountOptOut]:
    """The opt-outs of a person, or, where `text` is no whole address of one, those whose number begins so.

    They are on one page, in the order of the numbers, `limit` at most. Raises Refusal for a text that can be neither, also
    if only in an account of another country it can: that nobody is on that list would say nothing of the others.
    """

    def work(tx: Tx) -> list[OptOut]:
        found: list[OptOut] = []
        searched: list[bool] = []
        for account in accounts.all_of(tx):
            if account_id not in (None, account.id):
                continue
            wanted = looked_up(text, account.default_country)
            if not isinstance(wanted, Unreadable):
                person_id = people.of_addresses(tx, account.id, [wanted]).get(wanted)
                exact = None if person_id is None else optouts.find(tx, person_id)
                if exact is not None and source in (None, exact.source):
                    searched.append(True)
                    found.append(exact)
                    continue
            begin = beginning_of(text, account.default_country)
            searched.append(begin is not None or is_user_id(text.strip()))
            if begin is not None:
                found += optouts.beginning(tx, account_id=account.id, phone=begin, source=source, limit=limit)
        if not found and not (searched and all(searched)):
            raise bad_request(
                "search: expected a phone number, the first digits of one with its country code such as +4915, or a user"
                f" id, found {text[:64]!r}"
            )
        return found[:limit]

    return Page([_view(each) for each in await ctx.db.read(work)])


def home_of(tx: Tx, account_id: str) -> Home:
    """The country as whose numbers an account's opt-outs without `+` are read, or by which they are a guess."""
    number = numbers.default_of(tx, account_id)
    return Home.of(
        accounts.settings(tx, account_id).default_country, number.display_phone if number else None
    )


def _view(optout: OptOut) -> AccountOptOut:
    return AccountOptOut(**shared(OptOutFacts, optout), account=optout.account)
