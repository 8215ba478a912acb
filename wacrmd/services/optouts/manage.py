"""The suppression list as local apps and operators manage it, with import and export."""

import csv
import io
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

import anyio

from wacrmd.domain.phone import is_user_id, normalize
from wacrmd.errors import bad_request, not_found
from wacrmd.services.context import Context
from wacrmd.services.views import time
from wacrmd.store import optouts
from wacrmd.store.broadcasts import Position
from wacrmd.store.database import Tx
from wacrmd.store.optouts import OptOut

SLICE = 1000
"""Rows of an import or export in one transaction: nobody else waits for more than that."""
MAX_ERRORS = 1000
PHONE_COLUMNS = ("phone", "to", "number", "phone_number", "whatsapp")
USER_COLUMNS = ("user_id", "bsuid")
DETAIL_COLUMNS = ("detail", "reason", "note")
EXPORTED = ("phone", "user_id", "source", "detail", "created_at")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class OptOutInput:
    """Whom an opt-out is about: an E.164 number, a business-scoped user id, or both."""

    phone: str | None
    user_id: str | None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class LineError:
    """A line of an import that was left out, and why."""

    line: int
    message: str


@dataclass(slots=True)
class Imported:
    """What an import did; `known` had opted out before. At most `MAX_ERRORS` errors are listed, all counted."""

    added: int = 0
    known: int = 0
    rejected: int = 0
    errors: list[LineError] = field(default_factory=list)

    def refuse(self, line: int, message: str) -> None:
        """Count a line that cannot be used."""
        self.rejected += 1
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(LineError(line, message))


def optout_view(optout: OptOut) -> dict[str, Any]:
    """An opt-out."""
    return {
        "id": optout.id,
        "phone": optout.phone,
        "user_id": optout.user_id,
        "source": optout.source,
        "detail": optout.detail,
        "created_at": time(optout.at),
    }


def person_of(address: str) -> OptOutInput | None:
    """The person that an address means: a phone number in any form, or a business-scoped user id."""
    text = address.strip()
    if is_user_id(text):
        return OptOutInput(None, text)
    phone = normalize(text)
    return OptOutInput(phone, None) if phone else None


async def add(
    ctx: Context, account_id: str, *, address: str, detail: str | None = None, source: str = "api"
) -> dict[str, Any]:
    """Suppress a person; repeating it is harmless and keeps the first time and source."""
    person = person_of(address)
    if person is None:
        raise bad_request(
            f"phone: expected a phone number such as +14155550123, or a user id, found {address[:64]!r}"
        )
    now = ctx.clock.now()

    def work(tx: Tx) -> OptOut | None:
        optouts.add(
            tx,
            account_id=account_id,
            phone=person.phone,
            user_id=person.user_id,
            source=source,
            detail=detail,
            at=now,
        )
        return optouts.find(tx, account_id, phone=person.phone, user_id=person.user_id)

    found = await ctx.db.write(work)
    ctx.changes.publish()
    if found is None:
        raise bad_request(
            "The clock has gone back behind the time at which this person opted in: set it right"
        )
    return optout_view(found)


async def remove(ctx: Context, account_id: str, address: str, *, source: str = "api") -> dict[str, Any]:
    """Let a person be messaged again; the opt-out as it was. Refuses an address that has not opted out."""
    person = person_of(address)
    now = ctx.clock.now()

    def work(tx: Tx) -> OptOut:
        found = optouts.find(tx, account_id, phone=person.phone, user_id=person.user_id) if person else None
        if found is None:
            raise not_found(f"Opt-out of {address[:64]!r}")
        optouts.remove(
            tx,
            account_id=account_id,
            phone=found.phone,
            user_id=found.user_id,
            source=source,
            at=now,
            even_newer=True,
        )
        return found

    removed = await ctx.db.write(work)
    ctx.changes.publish()
    return optout_view(removed)


async def list_optouts(
    ctx: Context, account_id: str | None, *, after: Position | None = None, limit: int = 50
) -> tuple[list[dict[str, Any]], Position | None]:
    """A page of opt-outs of one account or of all, newest first, and where the next page begins."""
    position = (after.created_at, after.id) if after else None
    found = await ctx.db.read(partial(optouts.page, account_id=account_id, after=position, limit=limit + 1))
    more, found = len(found) > limit, found[:limit]
    views = [optout_view(each) | ({} if account_id else {"account": each.account}) for each in found]
    return views, Position(found[-1].at, found[-1].id) if more else None


async def import_csv(
    ctx: Context, account_id: str, lines: Iterable[str], *, source: str = "import"
) -> Imported:
    """Suppress everybody in a CSV file, slice by slice; lines that cannot be used are counted and named.

    The first line may be a header with a column `phone` (or `to`), `user_id` and `detail` in any order; without
    one the first column is the phone number or user id. Separated by comma, semicolon or tab. Running it again
    is harmless.
    """
    imported = Imported()
    people = _read(lines, imported)
    while batch := await anyio.to_thread.run_sync(lambda: list(islice(people, SLICE))):
        added = await ctx.db.write(
            partial(_add_all, account_id=account_id, people=batch, source=source, now=ctx.clock.now())
        )
        imported.added += added
        imported.known += len(batch) - added
        ctx.changes.publish()
    return imported


async def export_csv(ctx: Context, account_id: str | None) -> AsyncGenerator[str, None]:
    """All opt-outs as CSV with a header, newest first, in pieces of many lines."""
    yield _csv_lines([EXPORTED if account_id else ("account", *EXPORTED)])
    position: Position | None = None
    while True:
        views, position = await list_optouts(ctx, account_id, after=position, limit=SLICE)
        columns = EXPORTED if account_id else ("account", *EXPORTED)
        yield _csv_lines([[_cell(name, view[name]) for name in columns] for view in views])
        if position is None:
            return


def _add_all(tx: Tx, *, account_id: str, people: list[OptOutInput], source: str, now: int) -> int:
    return sum(
        optouts.add(
            tx,
            account_id=account_id,
            phone=person.phone,
            user_id=person.user_id,
            source=source,
            detail=person.detail,
            at=now,
        )
        for person in people
    )


def _read(lines: Iterable[str], imported: Imported) -> Iterator[OptOutInput]:
    """The people of a CSV file; what is wrong goes into `imported`.

    Each line stands for itself: a stray quote must not swallow the people in the lines below it.
    """
    delimiter, columns = ",", {"phone": 0}
    for number, line in enumerate(lines, start=1):
        if number == 1:
            line = line.removeprefix("\ufeff")  # noqa: PLW2901 - the mark that spreadsheets begin a file with
            delimiter = max(",;\t", key=line.count)
        try:
            cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
            header = _columns(cells) if number == 1 else None
            if header is not None:
                columns = header
            elif any(cells):
                yield _person(cells, columns)
        except (ValueError, csv.Error) as error:
            imported.refuse(number, str(error))


def _columns(cells: list[str]) -> dict[str, int] | None:
    """Where the columns stand, if this is a header: a row that names a phone or user id column."""
    names = [cell.lower().replace(" ", "_") for cell in cells]
    found: dict[str, int] = {}
    for kind, known in (("phone", PHONE_COLUMNS), ("user_id", USER_COLUMNS), ("detail", DETAIL_COLUMNS)):
        place = next((names.index(name) for name in known if name in names), None)
        if place is not None:
            found[kind] = place
    return found if "phone" in found or "user_id" in found else None


def _person(cells: list[str], columns: dict[str, int]) -> OptOutInput:
    """The person of a row; raises ValueError with what was expected."""
    given = {kind: cells[place] for kind, place in columns.items() if place < len(cells)}
    address, user_id = given.get("phone", ""), given.get("user_id") or None
    person = person_of(address.removeprefix("'")) if address else None
    if address and person is None:
        raise ValueError(f"expected a phone number such as +14155550123, found {address[:64]!r}")
    if user_id is not None and not is_user_id(user_id):
        raise ValueError(f"expected a user id such as US.13491208655302741918, found {user_id[:64]!r}")
    if person is None and user_id is None:
        raise ValueError("expected a phone number or a user id, found neither")
    return OptOutInput(
        person.phone if person else None,
        user_id or (person.user_id if person else None),
        given.get("detail") or None,
    )


def _cell(name: str, value: object) -> str:
    """A cell on one line; free text is kept from being a formula in a spreadsheet."""
    text = "" if value is None else " ".join(str(value).split())
    return f"'{text}" if name == "detail" and text.startswith(_FORMULA) else text


def _csv_lines(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
