"""The key file: the keys that encrypt the secrets in the database, one a line, the newest first.

Older keys stay in it for backups that were made before a rotation. The database says which of the keys is its own.
"""

import base64
import binascii
import os
import secrets
import stat
from pathlib import Path

from wacrmd.errors import KeyFileError
from wacrmd.vault import Vault

_KEY_BYTES = 32
_MAX_BYTES = 65_536


def read(path: Path) -> list[Vault]:
    """A vault for each key in the file, the newest first.

    Raises KeyFileError for a file that is missing, unreadable, readable for others, or no key file. A file in
    `$CREDENTIALS_DIRECTORY` may have any mode: systemd protects it.
    """
    content, _ = _read(path)
    try:
        keys = [
            base64.b64decode(line.strip(), validate=True)
            for line in content.splitlines()
            if line.strip() and not line.startswith(b"#")
        ]
    except binascii.Error:
        keys = []
    if not keys or any(len(key) != _KEY_BYTES for key in keys):
        raise KeyFileError(
            f"the key file {path} does not hold a key: expected {_KEY_BYTES} bytes in base64 on each line"
        )
    return [Vault(key, path) for key in keys]


def create(path: Path) -> None:
    """Create a missing file with one new key, complete and on disk before it gets its name; never replaces a file."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        if path.exists():
            return
        try:
            _write(draft, _new_key())
            path.hardlink_to(draft)
        except FileExistsError:
            pass  # another process has just created it: its key is used
        finally:
            draft.unlink(missing_ok=True)
        _sync(path.parent)
    except OSError as error:
        raise KeyFileError(f"the key file {path} cannot be created: {error.strerror}") from error


def add_key(path: Path, note: str) -> None:
    """Put a new key before those of the file, and `note` between them; on disk when this returns.

    A kill leaves the file as it was or as it is to be. Raises KeyFileError, also for what `read` refuses.
    """
    read(path)
    try:
        content, before = _read(path)
        file = path.resolve()  # a link stays one
        draft = file.with_name(f"{file.name}.new")
        draft.unlink(missing_ok=True)  # of a run that was killed
        _write(draft, _new_key() + f"# {note}\n".encode() + content, before)
        draft.replace(file)
        _sync(file.parent)
    except OSError as error:
        raise KeyFileError(
            f"the key file {path} cannot be replaced ({error.strerror}): its directory must be writable, and a "
            "credential of systemd is replaced where systemd takes it from"
        ) from None


def _read(path: Path) -> tuple[bytes, os.stat_result]:
    try:
        # A pipe would keep whoever reads it waiting, root as well.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            content = file.read(_MAX_BYTES) if stat.S_ISREG(found.st_mode) else b""
    except FileNotFoundError:
        raise KeyFileError(
            f"the key file {path} is missing: put back your copy of it, without it no stored token or secret can be used"
        ) from None
    except OSError as error:
        raise KeyFileError(f"the key file {path} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode):
        raise KeyFileError(f"the key file {path} is no plain file")
    if found.st_mode & 0o077 and not _is_credential(path):
        mode = found.st_mode & 0o777
        raise KeyFileError(
            f"the key file {path} can be read by others (mode {mode:04o}): run chmod 600 {path}"
        )
    return content, found


def _new_key() -> bytes:
    return base64.b64encode(os.urandom(_KEY_BYTES)) + b"\n"


def _write(draft: Path, content: bytes, like: os.stat_result | None = None) -> None:
    """Make a private file with this content, which is on disk when this returns; of the owner of `like`."""
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if like is not None:
            os.fchown(descriptor, like.st_uid, like.st_gid)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _sync(directory: Path) -> None:
    """Bring the names in it to disk: nothing may be encrypted with a key that a power cut loses."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_credential(path: Path) -> bool:
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(directory) and path.parent == Path(str(directory))
