"""Import and export of the suppression list as CSV."""

from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from time import perf_counter

import anyio

from wacrmd.clock import Millis, iso
from wacrmd.domain.address import is_user_id, phone_and_user_id, read_address
from wacrmd.domain.csv_export import EXCEL_HEAD, csv_lines, escape_formula, excel_text, unescape_formula
from wacrmd.domain.optout import cut_detail
from wacrmd.domain.optout_file import ACCOUNT, EXPORTED, OptOutFile, OptOutRow
from wacrmd.domain.page import PageRequest
from wacrmd.domain.person import names
from wacrmd.domain.phone import Reading
from wacrmd.domain.phone_guess import Home, doubt
from wacrmd.domain.phone_text import Unreadable
from wacrmd.domain.text_file import CsvError
from wacrmd.errors import bad_request
from wacrmd.services.context import Context
from wacrmd.services.optouts.manage import home_of, page
from wacrmd.store import broadcasts, optouts, people, receipts
from wacrmd.store.database import Tx
from wacrmd.store.people import Sighting
from wacrmd.views.optouts import AccountOptOut, ImportResult, LineError, LineWarning

BATCH_ROWS = 1000
"""Rows that are read at once."""
STEP_ROWS = 10
STEP_S = 0.02
"""A transaction of an import ends after so long, and as long nothing is imported: a row costs more the more webhooks there
are, and messages are sent beside it."""
MAX_ERRORS = 10_000
"""Rejected or guessed lines that one call lists; the command sends no more lines than this in one."""


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

    The file has a header with a column of phone numbers, by any usual name, or of user ids, or there is no doubt which
    column has them. Raises Refusal for another one. Importing a file again changes nothing.
    """
    result = ImportResult()
    home = await ctx.db.read(partial(home_of, account_id=account_id))
    try:
        rows = await anyio.to_thread.run_sync(read_optouts, lines, result, home)
        while batch := await anyio.to_thread.run_sync(lambda: list(islice(rows, BATCH_ROWS))):
            while batch:
                added, done = await ctx.db.write(
                    partial(_add_some, account_id=account_id, given=batch, source=source, now=ctx.clock.now())
                )
                result.added += added
                result.known += done - added
                batch = batch[done:]
                ctx.changes.publish()
                await anyio.sleep(STEP_S)
    except CsvError as error:  # before the first row
        raise bad_request(f"csv: {error}") from None
    return result


async def export_csv(
    ctx: Context, account_id: str | None, *, excel: bool = False
) -> AsyncGenerator[str, None]:
    """All opt-outs of one account, or of all, as CSV with a header, newest first, in pieces of many lines.

    The import reads it again, also in its form for Excel.
    """
    columns = EXPORTED if account_id else (ACCOUNT, *EXPORTED)
    yield (EXCEL_HEAD if excel else "") + csv_lines([columns])
    request = PageRequest(BATCH_ROWS)
    while True:
        found = await page(ctx, account_id, request)
        yield csv_lines([_cell(row, name, excel=excel) for name in columns] for row in found.items)
        if found.next is None:
            return
        request = PageRequest(BATCH_ROWS, found.next)


def read_optouts(lines: Iterable[str], result: ImportResult, home: Home) -> Iterator[OptOutInput]:
    """The opt-outs in a CSV file; lines that cannot be used or are a guess are added to `result`.

    Numbers without `+` are read as numbers of the default country first. Raises CsvError for an unclear file.
    """
    return _usable(OptOutFile(lines), result, home)


def _usable(rows: Iterable[OptOutRow], result: ImportResult, home: Home) -> Iterator[OptOutInput]:
    for row in rows:
        try:
            optout, reading = _optout_in(row, home.country if home.is_default else None)
            if reading is not None and (message := doubt(reading, home)) is not None:
                result.guessed += 1
                if len(result.warnings) < MAX_ERRORS:
                    result.warnings.append(LineWarning(row.line, reading.phone, message))
            yield optout
        except ValueError as error:
            result.rejected += 1
            if len(result.errors) < MAX_ERRORS:
                result.errors.append(LineError(row.line, str(error)))


def _optout_in(row: OptOutRow, country: str | None) -> tuple[OptOutInput, Reading | None]:
    """The opt-out in a row, and how its number was read; raises ValueError that says what was expected."""
    if row.problem is not None:
        raise ValueError(row.problem)
    read = read_address(row.address, country) if row.address else None
    if isinstance(read, Unreadable):
        raise ValueError(f"expected a phone number such as +14155550123: {row.address[:64]!r} {read.detail}")
    reading = read if isinstance(read, Reading) else None
    address = reading.phone if reading else read if isinstance(read, str) else None
    if row.user_id and not is_user_id(row.user_id):
        raise ValueError(f"expected a user id such as US.13491208655302741918, found {row.user_id[:64]!r}")
    phone, id_as_address = phone_and_user_id(address) if address else (None, None)
    if address is None and not row.user_id:
        raise ValueError("expected a phone number or a user id, found neither")
    detail = cut_detail(unescape_formula(row.detail))
    return OptOutInput(phone, row.user_id or id_as_address, detail or None), reading


def _add_some(
    tx: Tx, *, account_id: str, given: list[OptOutInput], source: str, now: Millis
) -> tuple[int, int]:
    """Store opt-outs from the beginning for `STEP_S`; how many were new, and how many of `given` are done."""
    began, added, done = perf_counter(), 0, 0
    while done < len(given) and perf_counter() - began < STEP_S:
        step = given[done : done + STEP_ROWS]
        added += _add_all(tx, account_id=account_id, given=step, source=source, now=now)
        done += len(step)
    return added, done


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


def _cell(optout: AccountOptOut, name: str, *, excel: bool) -> str:
    """A cell without line breaks; no text begins a formula, and in the form for Excel numbers stay text."""
    value = (
        iso(optout.at)
        if name == "created_at"
        else optout.broadcast
        if name == "broadcast_id"
        else getattr(optout, name)
    )
    text = "" if value is None else " ".join(str(value).split())
    if excel:
        return excel_text(text)
    return text if name == "phone" else escape_formula(text)
