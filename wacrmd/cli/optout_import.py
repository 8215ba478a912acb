"""Sending a file of opt-outs to the daemon, in parts that fit into one call."""

from dataclasses import dataclass, field

import click
import orjson

from wacrmd.admin.protocol import RpcError
from wacrmd.cli.client import call
from wacrmd.cli.csv_input import CsvInput
from wacrmd.cli.frame import Session
from wacrmd.cli.output import hint, people
from wacrmd.cli.rejected import RejectedLines
from wacrmd.domain.csv_export import csv_lines
from wacrmd.domain.optout_file import SENT, OptOutFile, OptOutRow
from wacrmd.domain.rejected_file import RejectedFormat
from wacrmd.domain.text_file import CsvError, decode_lines
from wacrmd.errors import WacrmdError
from wacrmd.fields import JsonObject

PART_BYTES = 700 * 1024
"""How much of a file goes into one call, as JSON writes it. A line of the protocol may have 1 MiB."""
PART_ROWS = 10_000
"""Rows in one call: as many rejected ones as the daemon lists."""

MAX_SHOWN = 20
MAX_WARNINGS = 1000
"""Lines whose country is a guess that are kept."""

_HEADER = csv_lines([SENT])


@dataclass
class _Part:
    """Rows for the list of one account, and rows that were left out already, each with the reason."""

    account: str | None
    rows: list[OptOutRow] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    left_out: list[tuple[OptOutRow, str]] = field(default_factory=list)
    size: int = 0

    @property
    def is_full(self) -> bool:
        """Whether another row may be too much."""
        return self.size >= PART_BYTES or len(self.rows) + len(self.left_out) >= PART_ROWS


@dataclass
class Imported:
    """How many opted out by a file, how many had opted out before, and whose country is a guess."""

    added: int = 0
    known: int = 0
    guessed: int = 0
    warnings: list[JsonObject] = field(default_factory=list)
    """The first `MAX_WARNINGS` of these lines."""

    def show_guesses(self, account: str | None) -> None:
        """Tell a person how numbers without `+` were read."""
        for one in self.warnings[:MAX_SHOWN]:
            hint(f"line {one['line']}: read as {one['read_as']}: {one['message']}")
        if self.guessed > MAX_SHOWN:
            hint(f"… and {self.guessed - MAX_SHOWN} more lines whose country is a guess")
        if self.guessed:
            hint(
                f"warning: {self.guessed} numbers without +: if one was read wrong, somebody else is on the list. Write "
                f"them with +, or set the country of the account: wacrmd account set {account or 'NAME'} --country CODE"
            )


def import_optouts(
    session: Session, source: CsvInput, left_out: RejectedLines, *, account: str | None, column: str | None
) -> Imported:
    """Opt out everybody in a file.

    Raises ClickException for a file that cannot be read to its end, or whose phone column is not certain; then nobody is
    opted out. The errors of a call end it.
    """
    try:
        _check(source, column)
        with source.bar("Importing") as progress:
            file = OptOutFile(decode_lines(source.pieces(progress)), column=column)
            return _Import(session, RejectedFormat(file.file), left_out, account).run(file)
    except CsvError as error:
        raise click.ClickException(f"{source.name}: {error}") from None


def _check(source: CsvInput, column: str | None) -> None:
    """Read the file to its end before anybody is opted out: a damaged one is refused as a whole."""
    lines = decode_lines(source.pieces())
    next(iter(OptOutFile(lines, column=column)), None)
    for _ in lines:
        pass


class _Import:
    def __init__(
        self, session: Session, form: RejectedFormat, left_out: RejectedLines, account: str | None
    ) -> None:
        self._session, self._form, self._left_out, self._account = session, form, left_out, account
        self._parts: dict[str | None, _Part] = {}
        self._done = Imported()

    def run(self, file: OptOutFile) -> Imported:
        """Send all rows."""
        try:
            for row in file:
                part = self._parts.setdefault(row.account, _Part(self._account or row.account))
                self._add(part, row)
                if part.is_full:
                    self._send(part)
                    del self._parts[row.account]
            for part in self._parts.values():
                self._send(part)
        except WacrmdError:
            if self._done.added or self._done.known:
                hint(
                    f"{people(self._done.added)} opted out before this error, {self._done.known} had opted out before; "
                    "importing the file again is harmless"
                )
            raise
        return self._done

    def _add(self, part: _Part, row: OptOutRow) -> None:
        """Put a row into a part: as a line for the daemon, or with the reason why it is none."""
        line = csv_lines([[" ".join(cell.split()) for cell in (row.address, row.user_id, row.detail)]])
        size = len(orjson.dumps(line))
        problem = row.problem
        if problem is None and row.is_empty:
            problem = "expected a phone number or a user id, found neither"
        if problem is None and size > PART_BYTES:
            problem = f"has more than {PART_BYTES} characters"
        if problem is None and row.account is not None and self._account not in (None, row.account):
            problem = f"belongs to account {row.account}: leave out --account to import each person to their own account"
        if problem is not None:
            part.left_out.append((row, problem))
            return
        part.rows.append(row)
        part.lines.append(line)
        part.size += size

    def _send(self, part: _Part) -> None:
        """Send a part to the daemon, and tell what was left out of it, in the order of the lines."""
        if part.rows:
            try:
                done = call(
                    self._session, "optout.import", account=part.account, csv=_HEADER + "".join(part.lines)
                )
            except RpcError as error:
                if error.reason != "not_found" or part.rows[0].account is None:
                    raise
                part.left_out += [(row, str(error)) for row in part.rows]
            else:
                self._done.added += done["added"]
                self._done.known += done["known"]
                self._done.guessed += done["guessed"]
                self._done.warnings += [
                    one | {"line": self._row(part, one["line"]).line}
                    for one in done["warnings"][: MAX_WARNINGS - len(self._done.warnings)]
                ]
                part.left_out += [(self._row(part, one["line"]), one["message"]) for one in done["errors"]]
        for row, reason in sorted(part.left_out, key=lambda each: each[0].line):
            told = {"line": row.line, "message": reason}
            self._left_out.add(self._form, row.line, row.text, reason, told=told)

    @staticmethod
    def _row(part: _Part, line: int) -> OptOutRow:
        """The row of a line that the daemon was sent; the header is line 1."""
        place = line - 2
        return part.rows[place] if 0 <= place < len(part.rows) else OptOutRow(line, "")
