"""A CSV file that a command reads: twice, piece by piece, with a progress bar on a terminal."""

import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self

import click

from wacrmd.cli.input import PIECE_BYTES, STANDARD_INPUT, source_name
from wacrmd.errors import sized

BAR_FROM_BYTES = 1 << 20
"""A smaller file is read before anybody could look at a bar."""

Progress = Callable[[int], None]
"""Is told how many bytes have been read."""


class CsvInput:
    """The bytes of a file, or of standard input for `-`. A pipe is copied to a temporary file, to be read again.

    Raises ClickException for a file that cannot be read, or that has more than `max_bytes`. A context manager.
    """

    def __init__(self, file: str, *, max_bytes: int | None = None) -> None:
        self.name = source_name(file)
        try:
            self._source = _opened(file)
            self.size = os.fstat(self._source.fileno()).st_size
        except OSError as error:
            raise self._unreadable(error) from None
        if max_bytes is not None and self.size > max_bytes:
            self._source.close()
            raise click.ClickException(f"{self.name} holds more than {sized(max_bytes)}: split it")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()

    @property
    def descriptor(self) -> int:
        """The open file."""
        return self._source.fileno()

    def is_file(self, path: Path) -> bool:
        """Whether `path` names this file."""
        try:
            return os.path.samestat(path.stat(), os.fstat(self._source.fileno()))
        except OSError:
            return False

    def pieces(self, progress: Progress = lambda _: None) -> Iterator[bytes]:
        """The bytes from the beginning, piece by piece."""
        done = 0
        try:
            self._source.seek(0)
            while piece := self._source.read(PIECE_BYTES):
                done += len(piece)
                progress(done)
                yield piece
        except OSError as error:
            raise self._unreadable(error) from None

    @contextmanager
    def bar(self, words: str) -> Iterator[Progress]:
        """A progress bar on stderr, if that is a terminal and the file is large."""
        if self.size < BAR_FROM_BYTES or not sys.stderr.isatty():
            yield lambda _: None
            return
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
            task = shown.add_task(words, total=self.size)
            yield lambda done: shown.update(task, completed=done)

    def _unreadable(self, error: OSError) -> click.ClickException:
        return click.ClickException(f"cannot read {self.name}: {error.strerror}")


def _opened(file: str) -> IO[bytes]:
    if file == STANDARD_INPUT:
        return _copied(sys.stdin.buffer)
    source = Path(file).open("rb")  # noqa: SIM115 - CsvInput closes it
    if stat.S_ISREG(os.fstat(source.fileno()).st_mode):
        return source
    with source:
        return _copied(source)


def _copied(source: Any) -> IO[bytes]:
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - CsvInput closes it
    while piece := source.read(PIECE_BYTES):
        copy.write(piece)
    copy.flush()
    return copy
