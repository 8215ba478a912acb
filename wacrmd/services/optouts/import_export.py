"""Import and export of the suppression list as CSV."""

from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

import anyio

from wacrmd.clock import Millis, iso
from wacrmd.domain.address import is_user_id, phone_and_user_id, read_address
from wacrmd.domain.csv_file import csv_lines, escape_formula
from wacrmd.domain.optout_file import WITHOUT_HEADER, Columns, columns_of, open_reader
from wacrmd.domain.page import PageRequest
from wacrmd.domain.person import names
from wacrmd.domain.phone import Reading
from wacrmd.domain.phone_text import Unreadable
from wacrmd.services.context import Context
from wacrmd.services.optouts.manage import page
from wacrmd.store import broadcasts, optouts, people, receipts
from wacrmd.store.database import Tx
from wacrmd.store.people import Sighting
from wacrmd.views.optouts import AccountOptOut, ImportResult, LineError

BATCH_ROWS = 1000
"""Rows of an import or export in one transaction, so that other writes do not wait long."""
MAX_ERRORS = 1000
EXPORTED = ("phone", "user_id", "source", "detail", "created_at", "broadcast_id")


@dataclass(frozen=True, slots=True)
class OptOutInput:
    """One person to opt out: an E.164 number, a business-scoped user id, or both; and the reason."""

    phone: str | None
    user_id: str | None
    detail: str | None = None


async def import_csv(
    ctx: Context, account_id: str, lines: Iterable[str], *, source: str = "import"
) -> ImportResult:
    """Opt out everybody in a CSV file, in batches; lines that cannot be used are counted and listed.

    The first line may be a header with a column `phone` (or `to`), `user_id` and `detail` in any order; without
    one the first column is the phone number or user id. Cells are separated by commas, semicolons or tabs. Importing
    a file again changes nothing.
    """
    result = ImportResult()
    rows = read_optouts(lines, result)
    while batch := await anyio.to_thread.run_sync(lambda: list(islice(rows, BATCH_ROWS))):
        added = await ctx.db.write(
            partial(_add_all, account_id=account_id, given=batch, source=source, now=ctx.clock.now())
        )
        result.added += added
        result.known += len(batch) - added
        ctx.changes.publish()
    return result


async def export_csv(ctx: Context, account_id: str | None) -> AsyncGenerator[str, None]:
    """All opt-outs of one account, or of all, as CSV with a header, newest first, in pieces of many lines."""
    columns = EXPORTED if account_id else ("account", *EXPORTED)
    yield csv_lines([columns])
    request = PageRequest(BATCH_ROWS)
    while True:
        found = await page(ctx, account_id, request)
        yield csv_lines([_cell(row, name) for name in columns] for row in found.items)
        if found.next is None:
            return
        request = PageRequest(BATCH_ROWS, found.next)


def read_optouts(lines: Iterable[str], result: ImportResult) -> Iterator[OptOutInput]:
    """The opt-outs in a CSV file; lines that cannot be used are added to `result`."""
    columns: Columns | None = None
    for row in open_reader(lines):
        if row.problem is not None:
            _reject(result, row.line, row.problem)
            continue
        if columns is None:
            header = columns_of(row.cells)
            columns = header or WITHOUT_HEADER
            if header is not None:
                continue
        try:
            yield _optout_in(row.cells, columns)
        except ValueError as error:
            _reject(result, row.line, str(error))


def _reject(result: ImportResult, line: int, message: str) -> None:
    """Count a line that cannot be used, and list it unless `MAX_ERRORS` are listed."""
    result.rejected += 1
    if len(result.errors) < MAX_ERRORS:
        result.errors.append(LineError(line, message))


def _optout_in(cells: list[str], columns: Columns) -> OptOutInput:
    """The opt-out in a row; raises ValueError that says what was expected."""

    def cell(place: int | None) -> str:
        return cells[place] if place is not None and place < len(cells) else ""

    written, user_id = cell(columns.phone), cell(columns.user_id)
    read = read_address(written) if written else None
    if isinstance(read, Unreadable):
        raise ValueError(f"expected a phone number such as +14155550123: {written[:64]!r} {read.detail}")
    address = read.phone if isinstance(read, Reading) else read
    if user_id and not is_user_id(user_id):
        raise ValueError(f"expected a user id such as US.13491208655302741918, found {user_id[:64]!r}")
    phone, id_as_address = phone_and_user_id(address) if address else (None, None)
    if address is None and not user_id:
        raise ValueError("expected a phone number or a user id, found neither")
    return OptOutInput(phone, user_id or id_as_address, cell(columns.detail) or None)


def _add_all(tx: Tx, *, account_id: str, given: list[OptOutInput], source: str, now: Millis) -> int:
    """Store opt-outs; returns how many of the people had not opted out before."""
    sightings = [Sighting(account_id, names(each.phone, user_ids=[each.user_id]), now) for each in given]
    seen = people.see(tx, sightings, now)
    replied = receipts.settle_replies(tx, [], seen.joined, now)
    if touched := seen.broadcasts | replied.broadcasts:
        broadcasts.recipients_changed(tx, touched, now)
    return sum(
        optouts.add(
            tx,
            account_id=account_id,
            person_id=person_id,
            phone=each.phone,
            user_id=each.user_id,
            source=source,
            detail=each.detail,
            at=now,
        )
        for each, person_id in zip(given, seen.people, strict=True)
        if person_id is not None
    )


def _cell(optout: AccountOptOut, name: str) -> str:
    """A cell without line breaks, as the import reads it; free text never begins a spreadsheet formula."""
    value = (
        iso(optout.at)
        if name == "created_at"
        else optout.broadcast
        if name == "broadcast_id"
        else getattr(optout, name)
    )
    text = "" if value is None else " ".join(str(value).split())
    return escape_formula(text) if name == "detail" else text
