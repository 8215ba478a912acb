"""Lines of a CSV file that were left out: told to a person, to a script, and in a file that can be corrected."""

import os
import stat
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

import click
import orjson

from wacrmd.cli.input import STANDARD_INPUT
from wacrmd.cli.input_file import InputFile
from wacrmd.cli.output import as_json, hint
from wacrmd.domain.text_file import has_mark
from wacrmd.errors import counted
from wacrmd.fields import JsonObject
from wacrmd.safe_paths import open_safely, place_of

if TYPE_CHECKING:
    from wacrmd.domain.rejected_file import RejectedFormat

MAX_SHOWN = 20


class RejectedLines:
    """Takes each line that is left out. Memory does not grow with their number. A context manager.

    `path` is the file for them. Without such a line it does not stay if it is new, and stays as it was if it is not.
    """

    def __init__(self, source: InputFile, path: str | None) -> None:
        self.count = 0
        self._path = Path(path) if path is not None else None
        if path == STANDARD_INPUT:
            raise click.UsageError("--rejected needs the name of a file: standard output has the result")
        if self._path is not None and source.is_file(self._path):
            raise click.UsageError("--rejected would overwrite the file that is read: name another one")
        self._first: list[tuple[int, str, str]] = []
        self._all: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        try:
            # Opened before anything is done, so that a wrong name is told first. It may be somebody's only copy of
            # something else, so it is emptied with the first line. Line ends stay as they are.
            self._is_new = self._path is not None and not self._path.exists()
            self._file = _appended(self._path) if self._path else None
        except OSError as error:
            self._all.close()
            raise click.ClickException(f"cannot write {path}: {error.strerror}") from None
        self._mark = has_mark(next(source.pieces(), b""))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.close(told=kind is None)
        self._all.close()

    def close(self, *, told: bool = True) -> None:
        """End the file of rejected lines: all are known. With `told`, say so where a file stays as it was."""
        if self._file is not None and self._path is not None:
            self._file.close()
            self._file = None
            if self.count:
                return
            if self._is_new:
                with place_of(self._path) as (directory, name):
                    if stat.S_ISREG(os.lstat(name, dir_fd=directory).st_mode):
                        os.unlink(name, dir_fd=directory)
            elif told and self._is_regular():
                hint(f"{self._path} stays as it was: no line was rejected")

    def add(self, form: "RejectedFormat", line: int, text: str, reason: str, *, told: JsonObject) -> None:
        """One row that begins on `line`, as it stands in the file; `told` is what `--json` says about it."""
        if self._file is not None:
            if not self.count and self._is_regular():
                self._file.truncate(0)
            self._file.write(("" if self.count else form.head(mark=self._mark)) + form.line(text, reason))
        self.count += 1
        if len(self._first) < MAX_SHOWN:
            to = told.get("to")
            self._first.append((line, f" ({to})" if to else "", reason))
        self._all.write(orjson.dumps(told) + b"\n")

    def _is_regular(self) -> bool:
        return self._path is not None and stat.S_ISREG(self._path.stat().st_mode)

    def print_json(self, result: JsonObject, field: str) -> None:
        """Print the result as one JSON document, with what is told about each line as the list `field`."""
        head = as_json(result).removesuffix("}")
        click.echo(f"{head}{',' if result else ''}{as_json(field)}:[", nl=False)
        self._all.seek(0)
        for place, one in enumerate(self._all):
            click.echo(("," if place else "") + as_json(orjson.loads(one)), nl=False)
        click.echo("]}")

    def show(self) -> None:
        """Tell a person the first of them."""
        for line, to, reason in sorted(self._first):
            hint(f"line {line}{to}: {reason}")
        if self.count > len(self._first):
            hint(f"… and {counted(self.count - len(self._first), 'more rejected line')}")
        if self.count and self._path is not None:
            hint(f"They are in {self._path}, each with the reason: correct them, and use that file")


def _appended(path: Path) -> IO[str]:
    """The file, which no other user has led root to."""
    return open(path, "a", encoding="utf-8", newline="", opener=open_safely)
