"""Takes a CSV file of opt-outs that a person uploaded: part by part, as the command does, and keeps what was left out."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, BinaryIO

import anyio
from starlette.datastructures import UploadFile

from wacrmd.dashboard.frame import Visit
from wacrmd.dashboard.render import counted
from wacrmd.domain.optout_file import OptOutFile
from wacrmd.domain.optout_parts import OptOutPart, parts_of
from wacrmd.domain.rejected_file import RejectedFormat
from wacrmd.domain.text_file import CsvError, decode_lines
from wacrmd.errors import ErrorCode, Refusal, bad_request
from wacrmd.http.uploads import descriptor_of
from wacrmd.log import get_logger
from wacrmd.off_loop import off_loop
from wacrmd.services.access import login
from wacrmd.store.pending_write import waiting_at_most

MAX_UPLOAD_BYTES = 16 << 20
MAX_SHOWN = 100
"""Rows that the page shows of those that were left out, and of those whose country is a guess."""
MAX_LEFT_OUT_BYTES = 4 << 20
"""How much is kept of the rows that were left out, for the download."""

MAX_IMPORTS = 2
"""Of one visitor at the same time."""
SIZE = 20_000
"""About so many bytes are kept of an import besides the rows that were left out."""
WAIT_S = 1.0
"""A short file is imported before the page is answered; of a longer one the page says how far it is."""

_PIECE = 64 << 10

log = get_logger(__name__)


@dataclass(slots=True)
class Imported:
    """How far an import is, and what it did."""

    name: str
    account: str | None
    rows: int
    rows_done: int = 0
    over: anyio.Event = field(default_factory=anyio.Event)
    added: int = 0
    known: int = 0
    guessed: int = 0
    rejected: int = 0
    errors: list[tuple[int, str]] = field(default_factory=list)
    """The first rows that were left out: the line in the file, and why."""
    guesses: list[tuple[int, str, str]] = field(default_factory=list)
    """The first numbers whose country is a guess: the line, how it was read, and why it is one."""
    left_out: list[str] = field(default_factory=list)
    """A file of the rows that were left out, each with the reason; it can be corrected and imported."""
    size: int = 0
    is_cut: bool = False
    """Whether some of them are not in it."""
    failure: str | None = None
    """Why it ended before the end of the file."""
    refusal: Refusal | None = None
    """Why it ended before anybody was opted out."""


async def begin_import(
    visit: Visit, upload: UploadFile, name: str, *, account: str | None, column: str | None
) -> str:
    """Begin to opt out everybody in a file, which goes on when the browser has gone; the key of its `Imported`.

    Waits a moment for a short file. Raises Refusal for one that cannot be used at all, and then nobody is opted out.
    """
    imports, visitor = visit.ctx.dashboard_imports, visit.visitor.key
    if imports[visitor] >= MAX_IMPORTS:
        raise Refusal(
            ErrorCode.RATE_LIMITED,
            f"You are importing {MAX_IMPORTS} files already: wait for them",
            retry_after_s=5,
        )
    imports[visitor] += 1  # before anything is awaited: another file may come meanwhile
    try:
        file, rows = await _opened(visit, upload, column)
    except BaseException:
        _over(visit)
        raise
    done = Imported(name, account, rows)
    key = visit.keep(done, size=SIZE)
    visit.tasks.start_soon(_run, visit, file, column, done, key)
    with anyio.move_on_after(WAIT_S):
        await done.over.wait()
    if done.refusal is not None:
        raise done.refusal
    return key


async def _opened(visit: Visit, upload: UploadFile, column: str | None) -> tuple[IO[bytes], int]:
    """The file, and how many rows it has."""
    file = await off_loop(_own, upload.file)
    try:
        return file, await off_loop(_check, file, column, visit.ctx.config.limits.max_upload_recipients)
    except BaseException as error:
        file.close()
        if isinstance(error, CsvError):
            raise bad_request(f"file: {error}") from None
        raise


def _over(visit: Visit) -> None:
    """One import of this person fewer."""
    imports, visitor = visit.ctx.dashboard_imports, visit.visitor.key
    imports[visitor] -= 1
    if not imports[visitor]:
        del imports[visitor]


async def _run(visit: Visit, file: IO[bytes], column: str | None, done: Imported, key: str) -> None:
    try:
        with file, waiting_at_most(None):  # no page waits for it
            await _import(visit, file, column, done)
    except Refusal as refusal:
        done.failure = refusal.message
        done.refusal = None if done.added or done.known or done.rejected else refusal
    except Exception:
        done.failure = "something went wrong, and the log says what"
        log.exception("optout_import_crashed", user=visit.visitor.name)
    finally:
        _over(visit)
        done.over.set()
        visit.keep_grown(key, size=done.size + SIZE)


async def _import(visit: Visit, file: IO[bytes], column: str | None, done: Imported) -> None:
    rows = OptOutFile(decode_lines(_pieces(file)), column=column)
    form, parts = RejectedFormat(rows.file, for_staff=True), parts_of(rows, done.account)
    while (part := await off_loop(next, parts, None)) is not None:
        if not await login.is_current(visit.ctx, visit.visitor.session):
            raise Refusal(ErrorCode.FORBIDDEN, "you have logged out, or may do something else now")
        await _send(visit, part, done)
        await off_loop(_leave_out, part, done, form)
        done.rows_done += len(part.rows) + len(part.left_out)


def _own(uploaded: BinaryIO) -> IO[bytes]:
    """The uploaded file, which stays open when the request has ended."""
    return os.fdopen(os.dup(descriptor_of(uploaded)), "rb")


def _check(file: IO[bytes], column: str | None, most: int) -> int:
    """How many rows a file has. It is read to its end: a damaged or long one is refused before anybody is opted out."""
    count = 0
    for count, _ in enumerate(OptOutFile(decode_lines(_pieces(file)), column=column), start=1):
        if count > most:
            raise bad_request(f"file: has more than {counted(most, 'row')}: split it")
    return count


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(_PIECE):
        yield piece


async def _send(visit: Visit, part: OptOutPart, done: Imported) -> None:
    if not part.rows:
        return
    try:
        result = await visit.perform("optout.import", account=part.account, csv=part.csv)
    except Refusal as refusal:
        if refusal.code is not ErrorCode.NOT_FOUND or not part.is_named_by_file:
            raise
        part.reject_all(refusal.message)
        return
    done.added += result.added
    done.known += result.known
    done.guessed += result.guessed
    for each in result.warnings[: MAX_SHOWN - len(done.guesses)]:
        done.guesses.append((part.row(each.line).line, each.read_as, each.message))
    part.reject((each.line, each.message) for each in result.errors)


def _leave_out(part: OptOutPart, done: Imported, form: RejectedFormat) -> None:
    for row, reason in part.rejected():
        done.rejected += 1
        if len(done.errors) < MAX_SHOWN:
            done.errors.append((row.line, reason))
        text = ("" if done.left_out else form.head()) + form.line(row.text, reason)
        if done.size + len(text) <= MAX_LEFT_OUT_BYTES:
            done.left_out.append(text)
            done.size += len(text)
        else:
            done.is_cut = True
