"""Passwords of users, as Argon2id hashes (RFC 9106), and whose turn it is to have one checked."""

import base64
import secrets
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import anyio.to_thread
from anyio import CapacityLimiter, Lock
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from wacrmd.errors import ErrorCode, Refusal
from wacrmd.off_loop import off_loop

MEMORY_KIB = 19 * 1024
ITERATIONS = 2
LANES = 1
"""OWASP's smallest recommendation: some 20 ms, and 19 MiB for each that is checked at the same time."""

_SALT_BYTES, _HASH_BYTES = 16, 32

PACE_S = 0.1
"""Passwords of strangers are checked at most so often: guesses take a fifth of a core, and no more."""

MAX_WAITING = 20
"""How many wait for a turn; others are refused at once."""


async def hash_password(password: str) -> str:
    """The hash that is stored of a password, in the PHC form."""
    return await off_loop(_hash, password)


@dataclass(slots=True)
class _Line:
    """Who waits for a turn; turns begin `pace_s` apart."""

    pace_s: float
    lock: Lock = field(default_factory=Lock)
    waiting: int = 0
    next_s: float = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        if self.waiting >= MAX_WAITING:
            raise Refusal(
                ErrorCode.RATE_LIMITED,
                "Too many log in at the same time: try again in a few seconds",
                retry_after_s=3,
            )
        self.waiting += 1
        try:
            async with self.lock:
                await anyio.sleep(max(0.0, self.next_s - anyio.current_time()))
                self.next_s = anyio.current_time() + self.pace_s
                yield
        finally:
            self.waiting -= 1


class PasswordChecks:
    """Checks passwords one by one. Browsers that have logged in before have a line of their own, before strangers."""

    def __init__(self) -> None:
        self._strangers, self._known = _Line(PACE_S), _Line(0)
        self._threads = CapacityLimiter(2)

    async def is_password(self, password: str, hashed: str | None, *, known: bool) -> bool:
        """Whether a hash is that of this password; as slow without a hash, so that nobody learns which users there are.

        Raises Refusal if too many wait.
        """
        async with (self._known if known else self._strangers).turn():
            matches = await anyio.to_thread.run_sync(
                _verify, password, hashed or NO_HASH, limiter=self._threads
            )
        return matches and hashed is not None


def _hash(password: str) -> str:
    kdf = Argon2id(
        salt=secrets.token_bytes(_SALT_BYTES),
        length=_HASH_BYTES,
        iterations=ITERATIONS,
        lanes=LANES,
        memory_cost=MEMORY_KIB,
    )
    return kdf.derive_phc_encoded(_bytes(password))


def _verify(password: str, hashed: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(_bytes(password), hashed)
    except InvalidKey:
        return False
    return True


def _bytes(password: str) -> bytes:
    """A password as bytes, whichever keyboard wrote its accents (RFC 8265, section 4.2)."""
    return unicodedata.normalize("NFC", password).encode(errors="surrogatepass")


def _random(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")


NO_HASH = (
    f"$argon2id$v=19$m={MEMORY_KIB},t={ITERATIONS},p={LANES}${_random(_SALT_BYTES)}${_random(_HASH_BYTES)}"
)
"""The hash of no password: to compare with it takes as long as with any other."""
