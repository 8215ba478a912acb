"""The vault: encrypts the secrets in the database with a key that is not in it."""

import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wacrmd.errors import WacrmdError

_NONCE_BYTES = 12
_TAG_BYTES = 16
_VERSION = b"\x01"
"""First byte of an encrypted secret: AES-256-GCM; nonce, ciphertext and tag follow."""


class VaultError(WacrmdError):
    """A secret cannot be decrypted."""


class Vault:
    """Encrypts texts with one key of a key file, each bound to its row by a context (the associated data)."""

    def __init__(self, key: bytes, source: Path) -> None:
        self._aead = AESGCM(key)
        self.fingerprint = hmac.digest(key, b"wacrmd key fingerprint", "sha256")[:4].hex()
        """Eight hexadecimal digits that differ between keys and reveal nothing about the key."""
        self.source = source

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
                f"{context} cannot be decrypted with the key {self.fingerprint} in {self.source}: "
                "set the secret again"
            ) from None

    def __repr__(self) -> str:
        """Without the key."""
        return f"Vault({str(self.source)!r}, fingerprint={self.fingerprint!r})"


def access_token_context(number_id: str) -> str:
    """The context of a number's access token: in another number's row it cannot be decrypted."""
    return f"number.access_token:{number_id}"


def app_secret_context(number_id: str) -> str:
    """The context of a number's app secrets."""
    return f"number.app_secret:{number_id}"


def webhook_secret_context(endpoint_id: str) -> str:
    """The context of a webhook endpoint's signing secret."""
    return f"webhook_endpoint.secret:{endpoint_id}"
