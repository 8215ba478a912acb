"""Sending a file of opt-outs to the daemon, in parts that fit into one call."""

from dataclasses import dataclass, field

import click

from wacrmd.admin.protocol import RpcError
from wacrmd.cli.client import call
from wacrmd.cli.frame import Session
from wacrmd.cli.input_file import InputFile
from wacrmd.cli.output import hint, people
from wacrmd.cli.rejected import RejectedLines
from wacrmd.domain.optout_file import OptOutFile
from wacrmd.domain.optout_parts import OptOutPart, parts_of
from wacrmd.domain.rejected_file import RejectedFormat
from wacrmd.domain.text_file import CsvError, decode_lines
from wacrmd.errors import WacrmdError, counted
from wacrmd.fields import JsonObject

MAX_SHOWN = 20
MAX_WARNINGS = 1000
"""Lines whose country is a guess that are kept."""


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
            hint(f"… and {counted(self.guessed - MAX_SHOWN, 'more line')} whose country is a guess")
        if self.guessed:
            hint(
                f"warning: {counted(self.guessed, 'number')} without +: if one was read wrong, somebody else is on the "
                f"list. Write them with +, or set the country of the account: "
                f"wacrmd account set {account or 'NAME'} --country CODE"
            )


def import_optouts(
    session: Session, source: InputFile, left_out: RejectedLines, *, account: str | None, column: str | None
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


def _check(source: InputFile, column: str | None) -> None:
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
        self._done = Imported()

    def run(self, file: OptOutFile) -> Imported:
        """Send all rows."""
        try:
            for part in parts_of(file, self._account):
                self._send(part)
        except WacrmdError:
            if self._done.added or self._done.known:
                hint(
                    f"{people(self._done.added)} opted out before this error, {self._done.known} had opted out before; "
                    "importing the file again is harmless"
                )
            raise
        return self._done

    def _send(self, part: OptOutPart) -> None:
        """Send a part to the daemon, and tell what was left out of it, in the order of the lines."""
        if part.rows:
            try:
                done = call(self._session, "optout.import", account=part.account, csv=part.csv)
            except RpcError as error:
                if error.reason != "not_found" or not part.is_named_by_file:
                    raise
                part.reject_all(str(error))
            else:
                self._done.added += done["added"]
                self._done.known += done["known"]
                self._done.guessed += done["guessed"]
                self._done.warnings += [
                    one | {"line": part.row(one["line"]).line}
                    for one in done["warnings"][: MAX_WARNINGS - len(self._done.warnings)]
                ]
                part.reject((one["line"], one["message"]) for one in done["errors"])
        for row, reason in part.rejected():
            told = {"line": row.line, "message": reason}
            self._left_out.add(self._form, row.line, row.text, reason, told=told)
