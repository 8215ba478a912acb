"""What one person is shown on the page that follows: what was done, a new secret, the result of an import.

In memory only: after a restart nothing is shown, and a secret is nowhere else.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field, replace

from wacrmd.clock import MINUTE, Millis
from wacrmd.domain.user import LoginSession

MAX_VALUES = 1000
MAX_BYTES = 32 << 20
"""How much is kept for all visitors; the oldest goes first."""
LASTS: Millis = 15 * MINUTE


@dataclass(frozen=True, slots=True)
class _Value:
    owner: tuple[int, str]
    value: object = field(repr=False)
    size: int
    ends_at: Millis


@dataclass(slots=True)
class Kept:
    """Values by keys, each for the session that it was made in."""

    _values: OrderedDict[str, _Value] = field(default_factory=OrderedDict, repr=False)

    def add(self, session: LoginSession, value: object, now: Millis, *, size: int = 1000) -> str:
        """Keep a value of about so many bytes; its key."""
        key = secrets.token_urlsafe(12)
        self._values[key] = _Value(_owner(session), value, size, now + LASTS)
        self._drop(now)
        return key

    def grown(self, key: str, now: Millis, *, size: int) -> None:
        """Keep a value as long again that has so many bytes now; nothing if it is there no more."""
        if (found := self._values.pop(key, None)) is not None:
            self._values[key] = replace(found, size=size, ends_at=now + LASTS)
            self._drop(now)

    def take(self, session: LoginSession, key: str | None, now: Millis) -> object | None:
        """The value of a key, once; None for a key of another session, or one that is too old."""
        found = self.look(session, key, now)
        if found is not None and key is not None:
            del self._values[key]
        return found

    def look(self, session: LoginSession, key: str | None, now: Millis) -> object | None:
        """The value of a key, which stays."""
        self._drop(now)
        found = self._values.get(key or "")
        return found.value if found is not None and found.owner == _owner(session) else None

    def _drop(self, now: Millis) -> None:
        for key in [key for key, each in self._values.items() if each.ends_at <= now]:
            del self._values[key]
        size = sum(each.size for each in self._values.values())
        while len(self._values) > MAX_VALUES or size > MAX_BYTES:
            size -= self._values.popitem(last=False)[1].size


def _owner(session: LoginSession) -> tuple[int, str]:
    return session.id, session.name  # whom a reverse proxy names has no session of its own
