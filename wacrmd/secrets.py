"""Secrets: sealing them in the database, and making and hashing API keys."""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import NamedTuple, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wacrmd.errors import WacrmdError

API_KEY_PREFIX = "wacrm_live_"
WEBHOOK_SECRET_PREFIX = "whsec_"  # noqa: S105 - how each secret begins, not a secret
SHOWN_CHARACTERS = 8
"""How much of an API key after `wacrm_live_` may be shown (docs/api.md, Rules for every endpoint)."""

_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_VERSION = b"\x01"
"""First byte of what is sealed: AES-256-GCM, then nonce, ciphertext and tag."""


class VaultError(WacrmdError):
    """The key file cannot be used, or what is sealed does not open with it."""


class NewApiKey(NamedTuple):
    """A new API key: itself (shown once), the hash that is stored, and the prefix that may be shown."""

    key: str
    hash: bytes
    prefix: str

    def __repr__(self) -> str:
        """Without the key."""
        return f"NewApiKey(prefix={self.prefix!r})"


class Vault:
    """Seals texts with the key of one file, each bound to its place by a context."""

    def __init__(self, key: bytes, source: Path) -> None:
        self._aead = AESGCM(key)
        self._fingerprint = hmac.digest(key, b"wacrmd key fingerprint", "sha256")[:4].hex()
        self._source = source

    @classmethod
    def open(cls, key_file: Path, *, create: bool) -> Self:
        """The vault of `key_file`; with `create` a missing file is made, mode 0600, never over another one.

        Raises VaultError for a file that is missing, unreadable, open to others, or no key. A file in
        `$CREDENTIALS_DIRECTORY` may have any mode: systemd guards it.
        """
        if create and not key_file.exists():
            _create(key_file)
        try:
            with key_file.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode & 0o777
                text = file.read(1024)
        except FileNotFoundError:
            raise VaultError(
                f"the key file {key_file} is missing: put it back from where you keep a copy of it; "
                "without it the stored tokens and secrets cannot be read"
            ) from None
        except OSError as error:
            raise VaultError(f"the key file {key_file} cannot be read: {error.strerror}") from None
        if mode & 0o077 and not _is_credential(key_file):
            raise VaultError(
                f"the key file {key_file} is open to others (mode {mode:04o}): run chmod 600 {key_file}"
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

    def seal(self, plaintext: str, context: str) -> bytes:
        """`plaintext` sealed for `context`, such as `number.access_token:<id>`; each time other bytes."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._aead.encrypt(nonce, plaintext.encode(), context.encode())

    def unseal(self, sealed: bytes, context: str) -> str:
        """The text that was sealed for `context`; raises VaultError where key or context is another one."""
        if len(sealed) < len(_VERSION) + _NONCE_BYTES + _TAG_BYTES:
            raise VaultError(
                f"what is stored as {context} is too short to be sealed: the database is damaged"
            )
        if sealed[:1] != _VERSION:
            raise VaultError(f"{context} was sealed by a newer wacrmd (form {sealed[0]}): upgrade wacrmd")
        nonce = sealed[1 : 1 + _NONCE_BYTES]
        try:
            return self._aead.decrypt(nonce, sealed[1 + _NONCE_BYTES :], context.encode()).decode()
        except InvalidTag:
            raise VaultError(
                f"{context} does not open with the key {self._fingerprint} in {self._source}: "
                "put back the key file that belongs to this database, or set the secret anew"
            ) from None

    def fingerprint(self) -> str:
        """Eight hexadecimal digits that tell keys apart and tell nothing about the key."""
        return self._fingerprint

    def __repr__(self) -> str:
        """Without the key."""
        return f"Vault({str(self._source)!r}, fingerprint={self._fingerprint!r})"


def new_api_key() -> NewApiKey:
    """A new key: `wacrm_live_` and 32 random bytes in base64url without padding."""
    key = API_KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES)
    return NewApiKey(key, hash_api_key(key), key[: len(API_KEY_PREFIX) + SHOWN_CHARACTERS])


def hash_api_key(key: str) -> bytes:
    """What is stored of a key: its SHA-256; the key's 256 random bits need no slower hash."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()


def new_webhook_secret() -> str:
    """A new secret for an outbound webhook: `whsec_` and 24 random bytes in base64 (Standard Webhooks)."""
    return WEBHOOK_SECRET_PREFIX + base64.b64encode(os.urandom(24)).decode()


def _create(key_file: Path) -> None:
    """A new key at `key_file`, whole and on disk before it has its name; one that is there by then stays."""
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
            pass  # another process was quicker: its key is the key
        finally:
            draft.unlink()
        directory = os.open(key_file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)  # a key that a power cut could take away must not have sealed anything
        finally:
            os.close(directory)
    except OSError as error:
        raise VaultError(f"the key file {key_file} cannot be made: {error.strerror}") from None


def _is_credential(key_file: Path) -> bool:
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(directory) and key_file.parent == Path(str(directory))


def access_token_context(number_id: str) -> str:
    """The sealing context of a number's access token: it unseals only in this number's row."""
    return f"number.access_token:{number_id}"


def app_secret_context(number_id: str) -> str:
    """The sealing context of a number's app secrets."""
    return f"number.app_secret:{number_id}"


def webhook_secret_context(endpoint_id: str) -> str:
    """The sealing context of an outbound webhook's signing secret."""
    return f"webhook_endpoint.secret:{endpoint_id}"
