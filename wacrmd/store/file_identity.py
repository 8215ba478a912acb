"""Whether the names of the database still mean the files that the daemon has open."""

import os
from pathlib import Path

_Inode = tuple[int, int]


class FileIdentity:
    """The files of a database as they were when it was opened.

    A file that was deleted or replaced can still be written, and everything that is written is lost at the next start:
    attempts as well, so that messages would be sent again.
    """

    def __init__(self, path: Path) -> None:
        place = path.resolve()  # where SQLite has its write-ahead log, and the log's index
        self._files = {file: _inode(file) for file in (str(path), f"{place}-wal", f"{place}-shm")}

    def problem(self) -> str | None:
        """What happened to a file and what to do about it; None while each one is still there."""
        for file, opened in self._files.items():
            found = _inode(file)
            if found == opened:
                continue
            if found is None:
                return (
                    f"{file} was deleted or moved away while the daemon was running: put it back, and work continues"
                    " by itself; otherwise stop the daemon and restore a backup"
                )
            return (
                f"{file} was replaced while the daemon was running: stop the daemon, and restore a backup with wacrmd"
                " restore, because nobody knows what was sent since the new file was made"
            )
        return None


def _inode(file: str) -> _Inode | None:
    try:
        found = os.stat(file)  # noqa: PTH116 - before each commit: a Path would cost twice as much
    except OSError:
        return None
    return found.st_dev, found.st_ino
