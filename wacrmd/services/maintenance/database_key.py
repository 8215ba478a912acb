"""The key of the database: found in the key file at the start, and replaced by `wacrmd key-file rotate`."""

import os
import pwd
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

import anyio

from wacrmd import key_file
from wacrmd.clock import MachineClock, Millis, iso
from wacrmd.domain.actor import Via
from wacrmd.errors import DatabaseUnusableError, KeyFileError, sole_error
from wacrmd.safe_paths import as_owner_of
from wacrmd.services.daemon_clock import DaemonClock
from wacrmd.store import audit, encrypted_secrets
from wacrmd.store.connection import open_reader
from wacrmd.store.database import Database, Tx
from wacrmd.store.encrypted_secrets import EncryptedSecret
from wacrmd.store.opening import postponed
from wacrmd.store.outage import StorageError
from wacrmd.vault import Vault, VaultError

ROTATE = "key-file.rotate"
"""What the audit log calls a rotation."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """The secrets of a database were encrypted with another key; `before` is None if it had none yet."""

    secrets: int
    fingerprint: str
    before: str | None


@dataclass(frozen=True, slots=True)
class FoundKeys:
    """What is in a key file: a vault for each key, the newest first, or why it cannot be used."""

    path: Path
    vaults: list[Vault] = field(default_factory=list)
    problem: str | None = None

    @classmethod
    def of(cls, path: Path) -> Self:
        """Read the file."""
        try:
            return cls(path, key_file.read(path))
        except KeyFileError as error:
            return cls(path, problem=str(error))


@dataclass(frozen=True, slots=True)
class NeededKey:
    """Which key a database needs: the one with this fingerprint, or in a file of before that decrypts its secrets."""

    database: Path
    fingerprint: str | None
    secrets: list[EncryptedSecret] = field(default_factory=list)

    @property
    def is_any(self) -> bool:
        """Whether nothing was ever encrypted, so that a key may be made."""
        return self.fingerprint is None and not self.secrets

    def among(self, keys: FoundKeys) -> Vault:
        """The vault with this key; raises KeyFileError, which names the file, the key that it has and this one."""
        if keys.problem is not None:
            needs = f" ({self.database} needs the key {self.fingerprint})" if self.fingerprint else ""
            raise KeyFileError(f"{keys.problem}{needs}")
        for vault in keys.vaults:
            if self._is(vault):
                return vault
        needs = (
            f"and {self.database} needs the key {self.fingerprint}"
            if self.fingerprint
            else f"which cannot decrypt the secrets in {self.database}"
        )
        raise KeyFileError(
            f"the key file {keys.path} has the key {', '.join(each.fingerprint for each in keys.vaults)}, {needs}: "
            "put back the key file of this database"
        )

    def _is(self, vault: Vault) -> bool:
        if self.fingerprint is not None:
            return vault.fingerprint == self.fingerprint
        return self.is_any or any(_decrypts(vault, each) for each in self.secrets)


def _decrypts(vault: Vault, secret: EncryptedSecret) -> bool:
    try:
        vault.decrypt(secret.encrypted, secret.context)
    except VaultError:
        return False
    return True


def needed_key(tx: Tx, *, database: Path) -> NeededKey:
    """Which key this database needs."""
    fingerprint = encrypted_secrets.key_fingerprint(tx)
    return NeededKey(database, fingerprint, [] if fingerprint else encrypted_secrets.all_of(tx))


def needed_key_of(database: Path) -> NeededKey:
    """The same for a file that no daemon uses; raises sqlite3.Error."""
    with closing(open_reader(database)) as connection:
        return needed_key(connection, database=database)


async def open_vault(db: Database, path: Path) -> Vault:
    """The vault with the key of the database; a database that never had one gets that of the file, or a new file.

    Raises KeyFileError for a file that is missing, cannot be used, or has not the key of the database, and StorageError
    while the disk is full.
    """
    try:
        needed = await db.read(partial(needed_key, database=db.path))
    except StorageError:
        if not db.is_damaged:
            raise
        return key_file.read(path)[0]  # the daemon runs to say what is damaged; it sends nothing
    if needed.is_any:
        try:
            key_file.create(path)
        except KeyFileError as error:
            raise postponed(error) or error from error.__cause__
    vault = needed.among(FoundKeys.of(path))
    if needed.fingerprint is None:
        try:
            await db.write(partial(encrypted_secrets.set_key_fingerprint, fingerprint=vault.fingerprint))
        except StorageError:
            if not db.is_damaged:
                raise
    return vault


def rotate(database: Path, path: Path, machine: MachineClock) -> Rotation:
    """Encrypt all secrets with a new key, while no daemon runs.

    First the key file has both keys, then one transaction changes the secrets and says which key they need. So the daemon
    starts after a kill at any moment, and a rotation that is begun again goes on with the same new key.

    Raises DatabaseInUseError, DatabaseUnusableError, KeyFileError, VaultError for a secret that cannot be decrypted,
    StorageError; then no secret is changed.
    """
    if not database.exists():
        raise DatabaseUnusableError(
            f"there is no {database}: the first start of the daemon makes it, and its key"
        )
    with as_owner_of(database.parent), sole_error():
        return anyio.run(_rotate, database, path, machine)


async def _rotate(database: Path, path: Path, machine: MachineClock) -> Rotation:
    now = machine.wall()
    async with Database.open(database, DaemonClock(machine)) as db:
        needed = await db.read(partial(needed_key, database=database))
        secrets = await db.read(encrypted_secrets.all_of)
        done, encrypted = _encrypted_anew(needed, secrets, path, now)

        def store(tx: Tx) -> None:
            for secret, anew in zip(secrets, encrypted, strict=True):
                encrypted_secrets.replace(tx, secret, anew)
            encrypted_secrets.set_key_fingerprint(tx, done.fingerprint)
            audit.add(tx, _entry(done, now))

        await db.write(store)
    return done


def _encrypted_anew(
    needed: NeededKey, secrets: list[EncryptedSecret], path: Path, now: Millis
) -> tuple[Rotation, list[bytes]]:
    """The secrets encrypted with the first key in the file, which is another one than the database has had.

    A key is added, unless a rotation that was interrupted has done so, or the file has another key and there is no secret.
    """
    with as_owner_of(path.parent):
        if secrets:
            old = needed.among(FoundKeys.of(path))
            before: str | None = old.fingerprint
            plaintexts = [old.decrypt(each.encrypted, each.context) for each in secrets]
        else:
            before, plaintexts = needed.fingerprint, []
            key_file.create(path)
        if key_file.read(path)[0].fingerprint == before:
            key_file.add_key(path, f"older, for backups made before the rotation of {iso(now)}")
        new = key_file.read(path)[0]
    encrypted = [
        new.encrypt(plaintext, secret.context) for plaintext, secret in zip(plaintexts, secrets, strict=True)
    ]
    return Rotation(len(encrypted), new.fingerprint, before), encrypted


def _entry(done: Rotation, now: Millis) -> audit.AuditEntry:
    uid, user = os.getuid(), None
    with suppress(KeyError):
        user = pwd.getpwuid(uid).pw_name
    change = {"from": done.before, "to": done.fingerprint}
    return audit.AuditEntry(now, Via.COMMAND, uid, user, os.getpid(), ROTATE, change, "ok")
