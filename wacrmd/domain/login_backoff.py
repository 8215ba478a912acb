"""How long somebody waits who gave wrong passwords, by the name and by the address; pure.

Times are of the monotonic clock. Nothing is stored: a restart begins afresh, and costs a guesser more than it gains.
"""

from dataclasses import dataclass, field

from wacrmd.clock import MINUTE, SECOND, Millis

FREE_TRIES = 5
"""Wrong passwords before the first wait: people mistype."""

FIRST_WAIT: Millis = 2 * SECOND
LONGEST_WAIT: Millis = 15 * MINUTE
MAX_KEYS = 10_000
"""Names and addresses that are remembered. When there are more, those whose wait is over are forgotten."""


@dataclass(slots=True)
class _Tries:
    wrong: int = 0
    until: Millis = 0


@dataclass(slots=True)
class LoginBackoff:
    """The wrong passwords of the last time, for each name and for each address."""

    _tries: dict[tuple[str, str], _Tries] = field(default_factory=dict)

    def wait(self, name: str, address: str, now: Millis) -> Millis:
        """How long a login with this name from this address must wait; 0: not at all."""
        return max(0, *(self._tries.get(key, _Tries()).until - now for key in _keys(name, address)))

    def failed(self, name: str, address: str, now: Millis) -> None:
        """A password was wrong."""
        if len(self._tries) >= MAX_KEYS:
            self._tries = {key: tries for key, tries in self._tries.items() if tries.until > now}
        for key in _keys(name, address):
            if key not in self._tries and len(self._tries) >= MAX_KEYS:
                continue
            tries = self._tries.setdefault(key, _Tries())
            tries.wrong += 1
            if tries.wrong >= FREE_TRIES:
                doubled = min(tries.wrong - FREE_TRIES, 20)
                tries.until = now + min(FIRST_WAIT << doubled, LONGEST_WAIT)

    def succeeded(self, name: str, address: str) -> None:
        """A password was right: its name and address begin afresh."""
        for key in _keys(name, address):
            self._tries.pop(key, None)


def _keys(name: str, address: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("name", name.casefold()), ("address", address)
