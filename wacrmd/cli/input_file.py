"""A file that a command reads or hands to the daemon: twice, piece by piece, with a progress bar on a terminal."""

import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self

import click

from wacrmd.cli.input import PIECE_BYTES, SPLIT, STANDARD_INPUT, source_name, too_large

BAR_FROM_BYTES = 1 << 20
"""A smaller file is read before anybody could look at a bar."""
MAX_RECIPIENTS_BYTES = 64 * 1024 * 1024
"""The most that a file of recipients has."""

Progress = Callable[[int], None]
"""Is told how many bytes have been read."""


class InputFile:
    """The bytes of a file, or of standard input for `-`. A pipe is copied to a temporary file, to be read again.

    Raises ClickException for a file that cannot be read, and for one of more than `max_bytes`, with `advice` what to do.
    Of a pipe without an end, no more than that is read. A context manager.
    """

    def __init__(self, file: str, *, max_bytes: int, advice: str = SPLIT) -> None:
        self.name = source_name(file)
        try:
            self._source = _opened(file, max_bytes)
            self.size = os.fstat(self._source.fileno()).st_size
        except OSError as error:
            raise self._unreadable(error) from None
        if self.size > max_bytes:
            self._source.close()
            raise too_large(self.name, max_bytes, advice)

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


def _opened(file: str, max_bytes: int) -> IO[bytes]:
    if file == STANDARD_INPUT:
        return _copied(sys.stdin.buffer, max_bytes)
    source = Path(file).open("rb")  # noqa: SIM115 - InputFile closes it
    if stat.S_ISREG(os.fstat(source.fileno()).st_mode):
        return source
    with source:
        return _copied(source, max_bytes)


def _copied(source: Any, max_bytes: int) -> IO[bytes]:
    """A temporary file with the same bytes, or with more than `max_bytes` of them."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - InputFile closes it
    size = 0
    while size <= max_bytes and (piece := source.read(PIECE_BYTES)):
        size += len(piece)
        try:
            copy.write(piece)
            copy.flush()
        except OSError as error:
            copy.close()
            where = tempfile.gettempdir()
            raise click.ClickException(
                f"cannot copy the input to {where}: {error.strerror}; TMPDIR names another directory for it"
            ) from None
    return copy
