"""Data subjects: exports or erases all data about one person, for a data-protection request."""

from dataclasses import fields
from functools import partial
from typing import Any

from wacrmd.clock import iso
from wacrmd.domain.address import looked_up, read_address
from wacrmd.domain.person import identity, names
from wacrmd.domain.phone import Reading
from wacrmd.domain.phone_text import Unreadable
from wacrmd.errors import bad_request, conflict
from wacrmd.services.context import Context
from wacrmd.services.drafts import person
from wacrmd.services.drafts.person import MAX_TRIES, DraftsChangedError, InDrafts
from wacrmd.store import accounts, broadcasts, data_subjects
from wacrmd.store.data_subjects import DataSubject
from wacrmd.store.database import Tx
from wacrmd.views.maintenance import ErasedView, PersonExport


async def export_person(ctx: Context, phone: str, account_id: str | None) -> PersonExport:
    """All data about the person with this phone number, in one account or in all."""
    subject = await _find(ctx, phone, account_id)
    found = await ctx.db.read(partial(data_subjects.export, subject=subject))
    rows = {field.name: _with_iso_times(getattr(found, field.name)) for field in fields(found)}
    in_drafts = await person.find(ctx, subject.addresses, account_id)
    return PersonExport(phone=subject.address, exported_at=ctx.clock.now(), drafts=in_drafts.rows, **rows)


async def erase_person(
    ctx: Context, phone: str, account_id: str | None, *, forget_optout: bool
) -> ErasedView:
    """Erase the data of one person; their recipients stay as anonymous rows, so that the counts stay correct.

    The opt-out is kept unless `forget_optout`, because without it the next broadcast could reach the person again.
    Raises Refusal while a message to the person is in flight.
    """
    subject = await _find(ctx, phone, account_id)

    def work(tx: Tx, in_drafts: InDrafts) -> tuple[dict[str, int], list[int]]:
        data_subjects.collect_newer(tx, subject)
        if data_subjects.in_flight(tx, subject):
            raise conflict("A message to this person is on its way just now: try again in a minute")
        rows = person.erase(tx, in_drafts, account_id)
        erased, touched = data_subjects.erase(tx, subject, forget_optout=forget_optout)
        broadcasts.recipients_changed(tx, touched, ctx.clock.now())
        return erased | {"draft": rows}, touched

    for _ in range(MAX_TRIES):
        in_drafts = await person.find(ctx, subject.addresses, account_id)
        try:
            erased, touched = await ctx.db.write(partial(work, in_drafts=in_drafts))
            break
        except DraftsChangedError:
            continue
    else:
        raise conflict("Files of drafts are uploaded again and again just now: try again in a minute")
    ctx.drafts.checks.set()
    await empty_wal(ctx)
    ctx.changes.publish(touched)
    return ErasedView(erased=erased, optout_kept=not forget_optout)


async def empty_wal(ctx: Context) -> None:
    """Empty the write-ahead log after an erasure, because it still contains the erased data.

    A long read, such as a backup, a crash or a full disk can prevent this. The database records what is left to do, and
    the scheduler calls this function again until it is done.
    """
    erasure = await ctx.db.read(data_subjects.left_in_wal)
    if erasure is not None and await ctx.db.empty_wal():
        await ctx.db.write(partial(data_subjects.emptied_wal, erasure=erasure))


async def _find(ctx: Context, phone: str, account_id: str | None) -> DataSubject:
    """The person with this phone number or user id, with all their addresses and all rows that name them."""
    address = await _address(ctx, phone, account_id)
    subject = DataSubject(address, account_id)
    newest = await ctx.db.read(data_subjects.newest_ids)
    await ctx.db.read(partial(data_subjects.find, subject=subject))
    for table, collect in data_subjects.COLLECTORS.items():
        for after in range(0, newest[table], data_subjects.SLICE):
            to = min(after + data_subjects.SLICE, newest[table])
            await ctx.db.read(partial(collect, subject=subject, after=after, to=to))
    subject.collected_to = newest
    return subject


async def _address(ctx: Context, phone: str, account_id: str | None) -> str:
    """The address that is meant: a number without `+` is one of the account's country first.

    Without an account it is one for all of them, so that they must agree.
    """
    known = await ctx.db.read(accounts.all_of)
    countries = {each.default_country for each in known if account_id in (None, each.id)} or {None}
    found = {looked_up(phone, country): country for country in countries}
    for each in found:
        if isinstance(each, Unreadable):
            raise bad_request(f"phone: {phone[:64]!r} {each.detail}")
    if len(found) > 1:
        ways = ", ".join(sorted(f"{country or 'none'}: {each}" for each, country in found.items()))
        raise bad_request(
            f"phone: the accounts read it differently, by their default countries ({ways}): write the number with + and "
            "its country code, or name the account"
        )
    read = read_address(phone, found.popitem()[1])
    if not isinstance(read, Unreadable):
        return read.phone if isinstance(read, Reading) else read
    address = identity(phone.strip())  # Meta's ids stay in forms that are no valid numbers any more
    if not names(address) or address.startswith("+0"):
        raise bad_request(
            "phone: expected a phone number such as +14155550123, or a user id such as US.1349120…: "
            f"{phone[:64]!r} {read.detail}"
        )
    return address


def _with_iso_times(value: Any, name: str = "") -> Any:
    """The value with each time (a field `at` or `…_at`) as ISO-8601."""
    if isinstance(value, dict):
        return {key: _with_iso_times(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_iso_times(one) for one in value]
    if isinstance(value, int) and (name == "at" or name.endswith("_at")):
        return iso(value)
    return value
