"""The file of `wacrmd backup`: made with the rights of whoever runs the command, filled by the daemon."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from wacrmd.admin.client import AdminClient
from wacrmd.cli.output import hint
from wacrmd.fields import JsonObject
from wacrmd.new_file import NewFile, is_replaceable, new_file

INTERRUPTED = (
    "The daemon is drained for good, and may be handed over: see wacrmd status. To go on: wacrmd undrain, or wacrmd"
    " undrain --take-back if it is handed over and there is no {file}."
)


def write_backup(daemon: AdminClient, file: Path, *, force: bool, hand_over: bool) -> JsonObject:
    """Have the daemon copy its database to `file`; what it answers.

    The daemon gets the open file and never its path: it may see other directories than this command, such as a /tmp of
    its own. Raises ClickException and RpcError.
    """
    if not str(file).isprintable():
        raise click.UsageError(f"{str(file)[:80]!r} has control characters: choose another name")
    try:
        with _interrupted_by_signals(), new_file(file) as made:
            present = _present(made)
            if present and not force:
                raise click.ClickException(
                    f"{file} exists: choose another name, or say --force to replace it"
                )
            if not is_replaceable(made.name, made.directory):
                raise click.ClickException(f"{file} is no plain file: choose another name")
            try:
                found: JsonObject = daemon.call(
                    "backup",
                    {"file": str(file), "force": force, "hand_over": hand_over},
                    [made.descriptor, made.directory, *present],
                )
            finally:
                for each in present:
                    os.close(each)
            _give_to(daemon.uid, made)
            _publish(made, file, force=force, hand_over=hand_over)
            return found
    except OSError as error:
        raise click.ClickException(f"cannot write {file}: {error.strerror}") from None
    except KeyboardInterrupt:
        if hand_over:
            hint(INTERRUPTED.format(file=file))
        raise


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """Inside the block SIGTERM and a lost terminal are like Ctrl-C: they leave no half of a file behind."""
    handled = list[signal.Signals]()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, interrupt)
                handled.append(number)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


def _present(made: NewFile) -> list[int]:
    """What has the name now, open; empty for nothing. Raises ClickException for the key of systemd."""
    try:
        os.stat(made.name, dir_fd=made.directory, follow_symlinks=False)
    except FileNotFoundError:
        return []
    from wacrmd.config.running import CREDENTIAL  # noqa: PLC0415 - slow to import, and seldom needed

    with suppress(OSError):
        if os.path.samestat(CREDENTIAL.stat(), os.stat(made.name, dir_fd=made.directory)):
            raise click.ClickException(f"{CREDENTIAL} is the key that the daemon gets: choose another place")
    try:
        return [os.open(made.name, os.O_PATH | os.O_CLOEXEC, dir_fd=made.directory)]
    except OSError:  # a link that leads nowhere
        return [os.open(made.name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=made.directory)]


def _give_to(daemon: int, made: NewFile) -> None:
    """In a directory of the daemon's user a file of root becomes that user's, who has all that is in it anyway."""
    owner = os.fstat(made.directory)
    if os.geteuid() == 0 and owner.st_uid == daemon:
        os.fchown(made.descriptor, owner.st_uid, owner.st_gid)


def _publish(made: NewFile, file: Path, *, force: bool, hand_over: bool) -> None:
    try:
        made.publish(overwrite=force)
    except FileExistsError:
        if not hand_over:
            raise click.ClickException(f"{file} has appeared meanwhile: choose another name") from None
        raise _kept(made, file) from None
    except OSError:
        if hand_over and not made.is_published:
            raise _kept(made, file) from None
        raise


def _kept(made: NewFile, file: Path) -> click.ClickException:
    """The only copy that may send is not thrown away."""
    made.is_published = True
    return click.ClickException(f"the copy is complete and could not be renamed: mv {made.path} {file}")
