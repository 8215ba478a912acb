"""A repaired file takes the place of the damaged one, which is kept beside it, unchanged, with its write-ahead log.

SQLite takes a log for that of the file that it is beside, whichever that is. So the old file and its log go first, and the
new file gets the name last. In between there is none: the next repair goes on, and no daemon starts.
"""

import glob
import os
import re
from datetime import UTC, datetime
from pathlib import Path

from wacrmd.clock import SECOND, Millis
from wacrmd.errors import DatabaseContentError
from wacrmd.store.backups import beside, remove_partial

_DAMAGED, _REPAIRED = ".damaged-", ".repaired-"


def name_of_new(place: Path, now: Millis) -> Path:
    """What the new file is called until it takes the place: no other one has the name, nor the one of its partner."""
    while True:
        new = beside(place, f"{_REPAIRED}{datetime.fromtimestamp(now / SECOND, UTC):%Y%m%dT%H%M%SZ}")
        if not (os.path.lexists(new) or os.path.lexists(_partner(new))):
            return new
        now += SECOND


def swap(place: Path, new: Path) -> Path:
    """Put the new file in its place; where the old one is now. Safe to be cut off at any moment, and then done again."""
    kept = _partner(new)
    if place.exists():
        _rename(place, kept)
    if beside(place, "-wal").exists():
        _rename(beside(place, "-wal"), beside(kept, "-wal"))
    beside(place, "-shm").unlink(missing_ok=True)
    _rename(new, place)
    return kept


def unfinished(place: Path) -> Path | None:
    """The new file of a swap that was cut off after the old one had lost its name; None if there is none."""
    if place.exists():
        return None
    return next((each for each in _new_files(place) if _partner(each).exists()), None)


def check_finished(path: Path) -> None:
    """Raise DatabaseContentError if a swap was cut off while nothing had the name `path`."""
    if unfinished(path.resolve()) is not None:
        raise DatabaseContentError(
            f"a repair of {path} was interrupted: run wacrmd repair, which completes it"
        )


def remove_leftovers(place: Path) -> None:
    """Remove the new files of repairs that were cut off, when another file has the place."""
    remove_partial(place.parent, rf"{re.escape(place.name + _REPAIRED)}\w+")
    for each in _new_files(place):
        each.unlink()


def _new_files(place: Path) -> list[Path]:
    return sorted(place.parent.glob(f"{glob.escape(place.name)}{_REPAIRED}*Z"), reverse=True)


def _partner(new: Path) -> Path:
    """Where the damaged file goes when this one takes its place."""
    name, _, stamp = new.name.rpartition(_REPAIRED)
    return new.with_name(f"{name}{_DAMAGED}{stamp}")


def _rename(source: Path, target: Path) -> None:
    """Rename durably: after a power cut, no later change is there without this one."""
    source.rename(target)
    descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
