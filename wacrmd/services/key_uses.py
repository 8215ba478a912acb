"""When and from where each API key was used last: in memory, and from there in the database once a minute."""

from dataclasses import dataclass
from functools import partial

from wacrmd.clock import Millis
from wacrmd.store import keys
from wacrmd.store.database import Database


@dataclass(frozen=True, slots=True)
class KeyUse:
    """The last use of a key; `address` is None on a unix socket."""

    at: Millis
    address: str | None


class KeyUses:
    """The last uses that are not stored yet. A request only notes its own here and waits for no write."""

    def __init__(self) -> None:
        self._uses: dict[str, KeyUse] = {}

    def note(self, key_id: str, at: Millis, address: str | None) -> None:
        """Note that a request used the key."""
        self._uses[key_id] = KeyUse(at, address)

    def last(self, key_id: str) -> KeyUse | None:
        """The last use of the key, if it is not stored yet."""
        return self._uses.get(key_id)

    async def store(self, db: Database) -> None:
        """Write all of them in one transaction; they stay here if it fails. Raises StorageError."""
        uses = dict(self._uses)
        if not uses:
            return
        rows = [(key_id, use.at, use.address) for key_id, use in uses.items()]
        await db.write(partial(keys.set_last_uses, uses=rows))
        for key_id, use in uses.items():
            if self._uses.get(key_id) is use:
                del self._uses[key_id]
