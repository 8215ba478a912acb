"""Takes a CSV file of opt-outs that a person uploaded: part by part, as the command does, and keeps what was left out."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from wacrmd.dashboard.frame import Visit
from wacrmd.domain.optout_file import OptOutFile
from wacrmd.domain.optout_parts import OptOutPart, parts_of
from wacrmd.domain.rejected_file import RejectedFormat
from wacrmd.domain.text_file import CsvError, decode_lines
from wacrmd.errors import ErrorCode, Refusal, bad_request
from wacrmd.off_loop import off_loop

MAX_UPLOAD_BYTES = 16 << 20
MAX_SHOWN = 100
"""Rows that the page shows of those that were left out, and of those whose country is a guess."""
MAX_LEFT_OUT_BYTES = 4 << 20
"""How much is kept of the rows that were left out, for the download."""

_PIECE = 64 << 10


@dataclass(slots=True)
class Imported:
    """What an import did."""

    name: str
    account: str | None
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


async def import_optouts(
    visit: Visit, file: IO[bytes], name: str, *, account: str | None, column: str | None
) -> Imported:
    """Opt out everybody in a file; raises Refusal for one that cannot be used at all, and then nobody is opted out."""
    most = visit.ctx.config.limits.max_upload_recipients
    try:
        await off_loop(_check, file, column, most)
        rows = OptOutFile(decode_lines(_pieces(file)), column=column)
    except CsvError as error:
        raise bad_request(f"file: {error}") from None
    done, form = Imported(name, account), RejectedFormat(rows.file)
    parts = parts_of(rows, account)
    while (part := await off_loop(next, parts, None)) is not None:
        try:
            await _send(visit, part, done)
        except Refusal as refusal:
            if not (done.added or done.known or done.rejected):
                raise
            done.failure = refusal.message
            break
        await off_loop(_leave_out, part, done, form)
    return done


def _check(file: IO[bytes], column: str | None, most: int) -> None:
    """Read the file to its end: a damaged or a long one is refused before anybody is opted out."""
    for count, _ in enumerate(OptOutFile(decode_lines(_pieces(file)), column=column), start=1):
        if count > most:
            raise bad_request(f"file: has more than {most} rows: split it")


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
        text = ("" if done.left_out else form.head(mark=True)) + form.line(row.text, reason)
        if done.size + len(text) <= MAX_LEFT_OUT_BYTES:
            done.left_out.append(text)
            done.size += len(text)
        else:
            done.is_cut = True
