"""The files that the daemon lives on, so that nothing is written over them, whatever path leads there."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_BESIDE = ("", "-wal", "-shm", "-journal", ".lock")
"""The files of a database, by what follows its name."""

_Inode = tuple[int, int]


class LiveFiles:
    """The database, the files that belong to it and the key, by their inodes and by their places."""

    def __init__(self, database: Path, key: Path) -> None:
        places = {database.with_name(database.name + end) for end in _BESIDE}
        places |= {file.resolve() for file in places} | {key}
        place = database.resolve()  # where SQLite has what belongs to it
        places |= {place.with_name(place.name + end) for end in _BESIDE}
        self._inodes: dict[_Inode, Path] = {}
        self._places: dict[tuple[_Inode, str], Path] = {}
        for file in places:
            with suppress(OSError):
                self._inodes[_inode(file.stat())] = file
            with suppress(OSError):
                self._places[_inode(file.parent.stat()), file.name] = file

    def at(self, path: Path) -> Path | None:
        """Which of them would be written, replaced or made at `path`; None for another place."""
        with suppress(OSError):
            if found := self.among([path.stat()]):
                return found
        with suppress(OSError):
            return self.in_directory(path.parent.stat(), path.name)
        return None

    def among(self, files: Iterable[os.stat_result]) -> Path | None:
        """Which of them is among these files."""
        return next((self._inodes[_inode(each)] for each in files if _inode(each) in self._inodes), None)

    def in_directory(self, directory: os.stat_result, name: str) -> Path | None:
        """Which of them has this name in this directory, whether it exists or not."""
        return self._places.get((_inode(directory), name))


def _inode(status: os.stat_result) -> _Inode:
    return status.st_dev, status.st_ino
