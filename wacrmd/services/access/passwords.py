"""Passwords of users, as Argon2id hashes (RFC 9106)."""

import secrets
from functools import cache

import anyio.to_thread
from anyio import CapacityLimiter
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

MEMORY_KIB = 19 * 1024
ITERATIONS = 2
LANES = 1
"""OWASP's smallest recommendation: some 20 ms, and 19 MiB for each that is checked at the same time."""

MAX_AT_ONCE = 2
"""How many are made or checked at one time: strangers can ask for as many as they like."""


@cache
def _limiter() -> CapacityLimiter:
    return CapacityLimiter(MAX_AT_ONCE)


async def hash_password(password: str) -> str:
    """The hash that is stored of a password, in the PHC form."""
    return await anyio.to_thread.run_sync(_hash, password, limiter=_limiter())


async def is_password(password: str, hashed: str | None) -> bool:
    """Whether a hash is that of this password; as slow without a hash, so that nobody learns which users there are."""
    matches = await anyio.to_thread.run_sync(_verify, password, hashed or _no_hash(), limiter=_limiter())
    return matches and hashed is not None


def _hash(password: str) -> str:
    kdf = Argon2id(
        salt=secrets.token_bytes(16), length=32, iterations=ITERATIONS, lanes=LANES, memory_cost=MEMORY_KIB
    )
    return kdf.derive_phc_encoded(password.encode())


def _verify(password: str, hashed: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password.encode(), hashed)
    except InvalidKey:
        return False
    return True


@cache
def _no_hash() -> str:
    return _hash(secrets.token_hex())
