"""Outages of the database: what is wrong with it, from the first error until it works again."""

import sqlite3
import time
from dataclasses import dataclass
from enum import IntEnum

from wacrmd.clock import Clock, Millis
from wacrmd.errors import ErrorCode, Refusal
from wacrmd.log import get_logger

LOCKED = "another program has locked the database: end it, work continues by itself"
SLOW = "a write takes very long: the disk is slow or busy, work continues by itself"
DAMAGED = "the database file is damaged: stop the daemon and run wacrmd repair, or restore a backup"
FULL = "the disk is full: free some space, work continues by itself"
NO_FILES = "the disk has no room for one more file (df -i): remove some, work continues by itself"
BROKEN_DISK = (
    "the disk answers with I/O errors: check it, its quota for the daemon's user, and the system log"
)

log = get_logger(__name__)


class StorageError(Refusal):
    """The database cannot be written or read at the moment; nothing of the transaction is stored."""

    def __init__(self, advice: str) -> None:
        super().__init__(
            ErrorCode.UNAVAILABLE, f"The database cannot be used now: {advice}", retry_after_s=10
        )
        self.advice = advice


class Cause(IntEnum):
    """Why the database cannot be used; of several the first is named. The first three last until a person helps."""

    HANDED_OVER = 1
    """A copy of it sends and stores in its place."""
    NO_FILE = 2
    """Its file was deleted, moved away or replaced."""
    DAMAGED = 3
    UNREADABLE = 4
    UNWRITABLE = 5
    STALLED = 6


@dataclass(frozen=True, slots=True)
class Outage:
    """Why the database cannot be used, as advice for an operator, and since when."""

    cause: Cause
    advice: str
    since: Millis

    @property
    def lasts(self) -> bool:
        """Whether nothing may be written, because a person has to look after the file first."""
        return self.cause <= Cause.DAMAGED


class Outages:
    """What is wrong with the database now. Each outage is logged when it begins and when all of them have ended."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._found: dict[Cause, Outage] = {}
        self._began_at = 0.0

    @property
    def current(self) -> Outage | None:
        """The one that is named; None while the database works."""
        found = self._found.copy()  # another thread may begin one
        return found[min(found)] if found else None

    def __contains__(self, cause: Cause) -> bool:
        return cause in self._found

    def __getitem__(self, cause: Cause) -> Outage:
        return self._found[cause]

    @property
    def waited_s(self) -> float:
        """For how long the database has been so busy, or locked, that writes only wait; 0 if they can be tried."""
        outage = self.current
        return time.monotonic() - self._began_at if outage and outage.advice in (LOCKED, SLOW) else 0.0

    def begin(self, cause: Cause, advice: str, since: Millis | None = None) -> None:
        """Something is wrong; from any thread, and as often as it is noticed."""
        known = self._found.get(cause)
        if known is not None and known.advice == advice:
            return
        if not self._found:
            self._began_at = time.monotonic()
        is_told = any(each.advice == advice for each in self._found.values())
        self._found[cause] = Outage(cause, advice, known.since if known else since or self._clock.now())
        if not is_told:
            log.error("database_outage_started", cause=cause.name.lower(), reason=advice)

    def end(self, cause: Cause) -> None:
        """It has ended, if it had begun."""
        if self._found.pop(cause, None) is not None and not self._found:
            seconds = round(time.monotonic() - self._began_at, 1)
            log.info("database_outage_ended", cause=cause.name.lower(), seconds=seconds)


_WRITING: dict[int, str] = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: "the database file is read-only: correct its permissions or remount the file system",
    sqlite3.SQLITE_READONLY_DIRECTORY: "the directory of the database cannot be written: correct its owner and mode",
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_IOERR: BROKEN_DISK,
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened: check its directory and permissions",
    sqlite3.SQLITE_IOERR_SHMSIZE: FULL,
}
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the error means that the content of the file is broken."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # raised by the module `sqlite3` itself: text that no program of ours has written
        return "Could not decode to UTF-8" in str(error)
    return code & 0xFF in _DAMAGE


def advice_of(error: sqlite3.Error) -> str | None:
    """What to do about an error of the disk or the file; None for an error in a statement."""
    if is_damage(error):
        return DAMAGED
    code = getattr(error, "sqlite_errorcode", 0)
    return _WRITING.get(code, _WRITING.get(code & 0xFF))
