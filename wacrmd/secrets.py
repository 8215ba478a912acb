"""Secrets that wacrmd generates: API keys and webhook secrets, and the hashes of API keys and verify tokens."""

import base64
import hashlib
import os
import secrets
from typing import NamedTuple

API_KEY_PREFIX = "wacrm_live_"
WEBHOOK_SECRET_PREFIX = "whsec_"  # noqa: S105 - how each secret begins, not a secret
SHOWN_CHARACTERS = 8
"""How much of an API key after `wacrm_live_` may be shown (docs/api.md, Rules for every endpoint)."""

_KEY_BYTES = 32


class NewApiKey(NamedTuple):
    """A new API key: the key (shown once), the hash that is stored, and the prefix that may be shown."""

    key: str
    hash: bytes
    prefix: str

    def __repr__(self) -> str:
        """Without the key."""
        return f"NewApiKey(prefix={self.prefix!r})"


def new_api_key() -> NewApiKey:
    """A new key: `wacrm_live_` and 32 random bytes in base64url without padding."""
    key = API_KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES)
    return NewApiKey(key, hash_api_key(key), key[: len(API_KEY_PREFIX) + SHOWN_CHARACTERS])


def hash_api_key(key: str) -> bytes:
    """The SHA-256 that is stored of a key; its 256 random bits need no slower hash."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()


def hash_verify_token(token: str) -> bytes:
    """The SHA-256 that is stored of a number's verify token, because it is only compared."""
    return hashlib.sha256(token.encode()).digest()


def new_webhook_secret() -> str:
    """A new secret for an outbound webhook: `whsec_` and 24 random bytes in base64 (Standard Webhooks)."""
    return WEBHOOK_SECRET_PREFIX + base64.b64encode(os.urandom(24)).decode()
