"""The doctor's checks of configuration, key, sockets, database and disk; none of them needs a running daemon."""

import os
import sqlite3
import stat
from pathlib import Path

from wacrmd import config as configuration
from wacrmd import open_files
from wacrmd.config import Config
from wacrmd.errors import KeyFileError, counted, sized
from wacrmd.services.maintenance.database_key import FoundKeys, NeededKey
from wacrmd.services.maintenance.status import MIN_FREE_BYTES, MIN_FREE_FILES
from wacrmd.store import log_check
from wacrmd.store.check_run import CheckEndedError, CheckRun
from wacrmd.store.damage import examine
from wacrmd.store.disk_usage import disk_usage
from wacrmd.store.outage import DAMAGED
from wacrmd.views.checks import Check, CheckState

CHECK_TIMEOUT_S = 10.0
"""How long the check of the database may take; `wacrmd check-db` has no limit."""

OPEN_FILES_ADVICE = "Find what keeps so many open (ss -tnp), or set LimitNOFILE of the service higher."

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def configuration_warnings(config: Config) -> list[Check]:
    """A finding for each setting that is allowed but may be a mistake."""
    return [
        Check("configuration", CheckState.WARN, warning, "Change it, or leave it if it is intended.")
        for warning in configuration.warnings(config)
    ]


def private_database(config: Config) -> Check:
    """Whether only the daemon's user can read the database."""
    path = config.storage.path
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        detail, advice = f"{path}: {error.strerror}", "Restore it: see docs/operations.md."
        return Check("database", CheckState.FAIL, detail, advice)
    if mode & _OTHERS:
        detail = f"other users can read {path} (mode {mode:04o})"
        return Check("database", CheckState.WARN, detail, f"chmod 600 {path}")
    return Check("database", CheckState.OK, f"only its owner can read {path}")


def key_of_database(keys: FoundKeys, needed: NeededKey) -> Check:
    """Whether a start would find the key of the database in the key file; the daemon that runs has it in memory."""
    try:
        vault = needed.among(keys)
    except KeyFileError as error:
        advice = "Mend it before the daemon is stopped: it would not start. See docs/operations.md, The key."
        return Check("key file", CheckState.FAIL, str(error), advice)
    return Check("key file", CheckState.OK, f"{keys.path} has the key of the database, {vault.fingerprint}")


def open_file_limit(config: Config) -> list[Check]:
    """A finding if no more files can be opened, or if so few may be that requests to Meta must wait for each other."""
    try:
        os.close(os.open("/dev/null", os.O_RDONLY))
    except OSError as error:
        detail = f"no more files and connections can be opened ({error.strerror}), {open_files.limit()} may be open"
        return [Check("open files", CheckState.FAIL, detail, OPEN_FILES_ADVICE)]
    most, wanted = open_files.most_requests(), 2 * config.sender.max_in_flight
    if most >= wanted:
        return []
    detail = (
        f"{open_files.limit()} files may be open, so at most {most} requests to Meta: [sender] max_in_flight ="
        f" {config.sender.max_in_flight} needs twice as many, for requests that hang"
    )
    advice = f"Set LimitNOFILE of the service to {2 * wanted} or more."
    return [Check("open files", CheckState.WARN, detail, advice)]


def writable_directory(config: Config) -> list[Check]:
    """A finding if this process cannot write beside the database."""
    directory = config.storage.path.parent
    if os.access(directory, os.W_OK):
        return []
    advice = "SQLite writes its write-ahead log beside the database: give the directory to the daemon's user."
    return [Check("directory", CheckState.FAIL, f"{directory} cannot be written", advice)]


def missing_directories(config: Config) -> list[Check]:
    """Findings about directories that a start needs and that do not exist."""
    found: list[Check] = []
    for directory, advice in (
        (
            config.storage.path.parent,
            f"Create it for the daemon's user: install -d -m 0700 -o wacrmd {config.storage.path.parent}",
        ),
        (
            config.admin.socket.parent,
            "The systemd unit creates it (RuntimeDirectory). Without systemd, create it for the daemon's user.",
        ),
    ):
        if not directory.is_dir():
            found.append(Check("directory", CheckState.FAIL, f"there is no {directory}", advice))
    return found


def admin_socket(config: Config) -> Check:
    """Whether only its owner and group can use the admin socket."""
    path = config.admin.socket
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        return Check("admin socket", CheckState.FAIL, f"{path}: {error.strerror}", "Restart the daemon.")
    if mode & stat.S_IWOTH:
        detail = f"every user of this machine can read what is sent (mode {mode:04o})"
        return Check("admin socket", CheckState.WARN, detail, 'Set [admin] socket_mode = "0660" and restart.')
    return Check("admin socket", CheckState.OK, f"{path}, mode {mode:04o}")


def lost_writes(database: Path) -> Check | None:
    """Whether writes are lost with the log of a database that no daemon uses; None if not."""
    missing = log_check.lost_writes(database.resolve())
    return (
        Check("newest writes", CheckState.FAIL, missing, log_check.ADVICE.capitalize()) if missing else None
    )


def database_content(database: Path) -> Check:
    """Whether the database is damaged, as far as it can be read in `CHECK_TIMEOUT_S`."""
    try:
        with CheckRun(database, CHECK_TIMEOUT_S) as run:
            damage = examine(run)
    except CheckEndedError:
        detail = f"no damage in the part that could be read in {CHECK_TIMEOUT_S:g} s"
        return Check("database", CheckState.OK, detail, "Check all of it: wacrmd check-db")
    except sqlite3.Error as error:
        return Check("database", CheckState.FAIL, f"it cannot be read: {error}", DAMAGED)
    if damage:
        return Check("database", CheckState.FAIL, f"damaged: {damage.what}", damage.advice)
    return Check("database", CheckState.OK, "no damage found")


def free_space(database: Path) -> list[Check]:
    """Whether the disk has space left; no finding if the system does not say."""
    usage = disk_usage(database)
    if usage.free is None:
        return []
    if usage.free_files is not None and usage.free_files < MIN_FREE_FILES:
        detail = f"{counted(usage.free_files, 'more file')} can be made at {database.parent} (df -i)"
        advice = "Remove some: the daemon cannot start, nor make a backup, where no file can be made."
        return [Check("disk", CheckState.WARN, detail, advice)]
    detail = f"{sized(usage.free)} free at {database.parent}"
    if usage.free >= MIN_FREE_BYTES:
        return [Check("disk", CheckState.OK, detail)]
    advice = "Free some space: when the disk is full, nothing is accepted or sent any more."
    return [Check("disk", CheckState.WARN, detail, advice)]
