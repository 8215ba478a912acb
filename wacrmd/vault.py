"""The vault: encrypts the secrets in the database with a key that is not in it."""

import base64
import binascii
import hmac
import os
import secrets
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wacrmd.errors import WacrmdError

_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_VERSION = b"\x01"
"""First byte of an encrypted secret: AES-256-GCM; nonce, ciphertext and tag follow."""


class VaultError(WacrmdError):
    """The key file cannot be used, or a secret cannot be decrypted with it."""


class Vault:
    """Encrypts texts with the key in one file, each bound to its row by a context (the associated data)."""

    def __init__(self, key: bytes, source: Path) -> None:
        self._aead = AESGCM(key)
        self.fingerprint = hmac.digest(key, b"wacrmd key fingerprint", "sha256")[:4].hex()
        """Eight hexadecimal digits that differ between keys and reveal nothing about the key."""
        self._source = source

    @classmethod
    def open(cls, key_file: Path, *, create: bool) -> Self:
        """The vault of `key_file`; with `create` a missing file is created with mode 0600.

        Raises VaultError for a file that is missing, unreadable, readable for others, or no key. A file in
        `$CREDENTIALS_DIRECTORY` may have any mode: systemd protects it.
        """
        if create and not key_file.exists():
            _create(key_file)
        try:
            with key_file.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode & 0o777
                text = file.read(1024)
        except FileNotFoundError:
            raise VaultError(
                f"the key file {key_file} is missing: restore it from your copy; "
                "without it the stored tokens and secrets cannot be decrypted"
            ) from None
        except OSError as error:
            raise VaultError(f"the key file {key_file} cannot be read: {error.strerror}") from None
        if mode & 0o077 and not _is_credential(key_file):
            raise VaultError(
                f"the key file {key_file} can be read by others (mode {mode:04o}): run chmod 600 {key_file}"
            )
        try:
            key = base64.b64decode(text.strip(), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != _KEY_BYTES:
            raise VaultError(
                f"the key file {key_file} does not hold a key: expected {_KEY_BYTES} bytes in base64"
            )
        return cls(key, key_file)

    def encrypt(self, plaintext: str, context: str) -> bytes:
        """`plaintext` encrypted for `context`, such as `number.access_token:<id>`; different bytes each time."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._aead.encrypt(nonce, plaintext.encode(), context.encode())

    def decrypt(self, encrypted: bytes, context: str) -> str:
        """The text that was encrypted for `context`; raises VaultError for another key or another context."""
        if len(encrypted) < len(_VERSION) + _NONCE_BYTES + _TAG_BYTES:
            raise VaultError(
                f"the stored {context} is too short to be an encrypted secret: the database is damaged"
            )
        if encrypted[:1] != _VERSION:
            raise VaultError(
                f"{context} was encrypted by a newer wacrmd (format {encrypted[0]}): upgrade wacrmd"
            )
        nonce = encrypted[1 : 1 + _NONCE_BYTES]
        try:
            return self._aead.decrypt(nonce, encrypted[1 + _NONCE_BYTES :], context.encode()).decode()
        except InvalidTag:
            raise VaultError(
                f"{context} cannot be decrypted with the key {self.fingerprint} in {self._source}: "
                "restore the key file that belongs to this database, or set the secret again"
            ) from None

    def __repr__(self) -> str:
        """Without the key."""
        return f"Vault({str(self._source)!r}, fingerprint={self.fingerprint!r})"


def _create(key_file: Path) -> None:
    """Create `key_file` with a new key, complete and on disk before it gets its name; never replaces a file."""
    draft = key_file.with_name(f".{key_file.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(base64.b64encode(os.urandom(_KEY_BYTES)) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, key_file)
        except FileExistsError:
            pass  # another process has just created it: its key is used
        finally:
            draft.unlink()
        directory = os.open(key_file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(
                directory
            )  # on disk before the key is used: nothing may be encrypted with a key that a power cut loses
        finally:
            os.close(directory)
    except OSError as error:
        raise VaultError(f"the key file {key_file} cannot be created: {error.strerror}") from None


def _is_credential(key_file: Path) -> bool:
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(directory) and key_file.parent == Path(str(directory))


def access_token_context(number_id: str) -> str:
    """The context of a number's access token: in another number's row it cannot be decrypted."""
    return f"number.access_token:{number_id}"


def app_secret_context(number_id: str) -> str:
    """The context of a number's app secrets."""
    return f"number.app_secret:{number_id}"


def webhook_secret_context(endpoint_id: str) -> str:
    """The context of a webhook endpoint's signing secret."""
    return f"webhook_endpoint.secret:{endpoint_id}"
