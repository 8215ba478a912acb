"""Meta's app secrets that are valid now, each with the numbers and accounts that it authorises."""

from dataclasses import dataclass, field
from functools import partial

from wacrmd.clock import MINUTE, Clock, Millis
from wacrmd.domain.number import NumberIds
from wacrmd.log import get_logger
from wacrmd.store import numbers
from wacrmd.store.database import Database
from wacrmd.vault import Vault, VaultError, app_secret_context

log = get_logger(__name__)

RECHECK: Millis = MINUTE
"""How long secrets are kept in memory before they are read again: a replaced secret expires by the clock."""


@dataclass(slots=True)
class AuthorizedNumbers:
    """The numbers and business accounts whose events count under one verified app secret.

    `numbers` is by Meta's phone number id; `businesses` maps a business account id
    to account ids.
    """

    numbers: dict[str, NumberIds] = field(default_factory=dict)
    businesses: dict[str, set[str]] = field(default_factory=dict)


class AppSecrets:
    """The decrypted app secrets, kept in memory until a number changes or `RECHECK` has passed."""

    def __init__(self, db: Database, vault: Vault, clock: Clock) -> None:
        self._db = db
        self._vault = vault
        self._clock = clock
        self._held: _Held | None = None
        self._changes = 0
        self.undecryptable: dict[str, str] = {}
        """Why, by the ids of the numbers: their webhooks are refused, those of the others are not."""

    def invalidate(self) -> None:
        """Read the secrets again at the next use: a number was added, changed or removed."""
        self._held = None
        self._changes += 1

    async def current(self) -> tuple[list[bytes], list[AuthorizedNumbers]]:
        """The secrets that are valid now and, at the same indexes, the numbers that each authorises."""
        held = self._held
        if held is None or self._clock.monotonic() - held.read_at > RECHECK:
            changes, held = self._changes, await self._read()
            if (
                changes == self._changes
            ):  # else a number changed during the read, so the result may be outdated
                self._held = held
        return held.secrets, held.authorized

    async def _read(self) -> "_Held":
        read_at = self._clock.monotonic()
        by_secret: dict[str, AuthorizedNumbers] = {}
        decrypted: set[str] = set()
        undecryptable: dict[str, str] = {}
        for row in await self._db.read(partial(numbers.app_secrets, now=self._clock.now())):
            try:
                secret = self._vault.decrypt(row.encrypted, app_secret_context(row.number.id))
            except VaultError as error:
                undecryptable[row.number.id] = str(error)
                continue
            decrypted.add(row.number.id)
            authorized = by_secret.setdefault(secret, AuthorizedNumbers())
            authorized.numbers[row.number.phone_number_id] = row.number
            authorized.businesses.setdefault(row.number.waba_id, set()).add(row.number.account_id)
        self._tell({each: why for each, why in undecryptable.items() if each not in decrypted})
        return _Held([secret.encode() for secret in by_secret], list(by_secret.values()), read_at)

    def _tell(self, undecryptable: dict[str, str]) -> None:
        for number_id in undecryptable.keys() - self.undecryptable.keys():
            log.error("app_secret_undecryptable", error=undecryptable[number_id])
        self.undecryptable = undecryptable


@dataclass(frozen=True, slots=True)
class _Held:
    """What is in memory; replaced as a whole, so that secrets and numbers always match."""

    secrets: list[bytes] = field(repr=False)
    authorized: list[AuthorizedNumbers]
    read_at: Millis
