"""`wacrmd key-file rotate` changes the key of all secrets at once, and a daemon starts after a kill or power cut in it."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

from tests.ops.rotation import NO_MOUNT
from tests.support.clock import ManualClock, ShiftClock
from tests.support.receiver import receiver
from tests.support.site import PHONE_NUMBER_ID, Site, people, phones, site
from wacrmd import key_file
from wacrmd.cli.main import main
from wacrmd.errors import KeyFileError
from wacrmd.services.maintenance.database_key import FoundKeys, needed_key_of, rotate
from wacrmd.store import encrypted_secrets, migrate
from wacrmd.store.connection import open_reader
from wacrmd.store.encrypted_secrets import EncryptedSecret
from wacrmd.vault import VaultError

pytestmark = pytest.mark.exhaustive(only=True)

TOP = Path(__file__).parents[2]
LOOPBACK = '[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]\n'


def config_of(folder: Path) -> Path:
    file = folder.with_name(f"{folder.name}.toml")
    file.write_text(f'[storage]\npath = "{folder}/wacrmd.db"\n')
    return file


def files(folder: Path) -> list[Path]:
    """The database, its companions and its key."""
    return list(folder.glob("wacrmd.db*"))


def secrets_of(folder: Path) -> list[EncryptedSecret]:
    with closing(open_reader(folder / "wacrmd.db")) as connection:
        return encrypted_secrets.all_of(connection)


def stored(folder: Path) -> dict[tuple[str, str, int], bytes]:
    """Each encrypted secret as it is in the file."""
    return {(each.table, each.column, each.rowid): each.encrypted for each in secrets_of(folder)}


def texts(folder: Path) -> dict[str, str]:
    """Each secret decrypted with the key of the database."""
    vault = needed_key_of(folder / "wacrmd.db").among(FoundKeys.of(folder / "wacrmd.db.key"))
    return {
        f"{each.context} {each.rowid}": vault.decrypt(each.encrypted, each.context)
        for each in secrets_of(folder)
    }


async def filled(folder: Path, url: str = "http://127.0.0.1:9/") -> None:
    """A site that has secrets of each kind, two app secrets of one number among them, and was stopped."""
    async with site(folder, extra=LOOPBACK) as here:
        await here.admin("number.set", id=PHONE_NUMBER_ID, app_secret="an app secret for tomorrow")
        await add_webhook(here, url)


async def add_webhook(here: Site, url: str) -> None:
    body = {"url": url, "events": ["contact.opted_out"]}
    assert (await here.api.post("/api/v1/webhooks", json=body)).status_code == 201


async def command(*arguments: str | Path) -> int:
    return await anyio.to_thread.run_sync(main, [str(each) for each in arguments])


def test_every_column_with_encrypted_secrets_is_known() -> None:
    """The schema says "encrypted" beside each of them."""
    table, found = "", set()
    for line in "\n".join(script for _, script in migrate.migrations()).splitlines():
        table = match[1] if (match := re.match(r"CREATE TABLE (\w+)", line)) else table
        if (match := re.match(r" +(\w+) BLOB .*-- encrypted", line)) is not None:
            found.add((table, match[1]))
    assert found == encrypted_secrets.COLUMNS.keys()


@pytest.mark.anyio
async def test_all_secrets_get_the_new_key_and_everything_works_with_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with receiver() as app:
        await filled(tmp_path, app.url)
        path = tmp_path / "wacrmd.db.key"
        old, before, known = key_file.read(path)[0], stored(tmp_path), texts(tmp_path)
        assert {table for table, _, _ in before} == {"number", "app_secret", "webhook_endpoint"}
        assert len(before) == 4
        assert await command("key-file", "rotate", "--config", config_of(tmp_path), "--json") == 0
        printed = capfd.readouterr()
        new = key_file.read(path)[0]
        assert json.loads(printed.out) == {
            "database": f"{tmp_path}/wacrmd.db",
            "key_file": str(path),
            "secrets": 4,
            "fingerprint": new.fingerprint,
            "before": old.fingerprint,
        }
        assert f"need the key {old.fingerprint}, which is still in it" in printed.err
        assert [each.fingerprint for each in key_file.read(path)] == [new.fingerprint, old.fingerprint]
        assert path.stat().st_mode & 0o777 == 0o600
        after = stored(tmp_path)
        assert after.keys() == before.keys()
        assert not set(after.values()) & set(before.values())
        assert texts(tmp_path) == known
        content = b"".join(each.read_bytes() for each in files(tmp_path))
        assert not [each for each in before.values() if each in content], "what the old key decrypts is gone"
        async with site(tmp_path, extra=LOOPBACK, read_share=1.0) as here:
            broadcast_id = await here.send(people(5))
            await here.until(broadcast_id, lambda shown: shown["read_count"] == 5)
            await here.api.post("/api/v1/optouts", json={"phone": phones(1)[0]})
            await app.until(lambda: len(app.requests) == 1)
            (entry,) = [each for each in await here.admin("audit") if each["method"] == "key-file.rotate"]
            assert entry["params"] == {"from": old.fingerprint, "to": new.fingerprint}
            assert entry["uid"] == os.getuid()


@pytest.mark.anyio
async def test_it_is_refused_while_a_daemon_runs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with site(tmp_path):
        before = (tmp_path / "wacrmd.db.key").read_bytes()
        assert await command("key-file", "rotate", "--config", config_of(tmp_path)) == 75
        assert f"(process {os.getpid()}, started" in capfd.readouterr().err
        assert (tmp_path / "wacrmd.db.key").read_bytes() == before


@pytest.mark.anyio
async def test_a_backup_of_before_needs_the_old_key(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """With the key file as the rotation left it, it starts; without the old key, one sentence says which key it needs."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    clock = ShiftClock()
    async with site(old, clock=clock) as here:
        await here.admin("backup", file=str(tmp_path / "backup.db"))
    key = key_file.read(old / "wacrmd.db.key")[0].fingerprint
    assert await command("key-file", "rotate", "--config", config_of(old)) == 0
    newest = (old / "wacrmd.db.key").read_bytes().splitlines(keepends=True)[0]
    (new / "wacrmd.db.key").touch(mode=0o600)
    (new / "wacrmd.db.key").write_bytes(newest)
    capfd.readouterr()
    assert await command("restore", tmp_path / "backup.db", "--config", config_of(new)) == 0
    said = capfd.readouterr().err
    assert "The daemon would not start with this backup yet: the key file" in said
    assert f"{new}/wacrmd.db needs the key {key}: put back the key file of this database" in said
    with pytest.raises(KeyFileError, match=f"needs the key {key}"):
        async with site(new, clock=clock):
            pass
    shutil.copy2(old / "wacrmd.db.key", new / "wacrmd.db.key")
    async with site(new, clock=clock) as here:
        await here.until_status(await here.send(people(3)), "sent")
    capfd.readouterr()
    for file in new.glob("wacrmd.db*"):
        if file.name != "wacrmd.db.key":
            file.unlink()
    assert await command("restore", tmp_path / "backup.db", "--config", config_of(new)) == 0
    assert "key" not in capfd.readouterr().err


@pytest.mark.anyio
async def test_a_second_rotation_keeps_all_keys(tmp_path: Path) -> None:
    await filled(tmp_path)
    known = texts(tmp_path)
    prints: list[str | None] = []
    for _ in range(3):
        await anyio.to_thread.run_sync(
            rotate, tmp_path / "wacrmd.db", tmp_path / "wacrmd.db.key", ManualClock()
        )
        prints.insert(0, needed_key_of(tmp_path / "wacrmd.db").fingerprint)
        assert texts(tmp_path) == known
    assert [each.fingerprint for each in key_file.read(tmp_path / "wacrmd.db.key")][:3] == prints


@pytest.mark.anyio
async def test_a_secret_that_cannot_be_decrypted_stops_it_before_anything_is_changed(tmp_path: Path) -> None:
    await filled(tmp_path)
    with closing(sqlite3.connect(tmp_path / "wacrmd.db")) as connection, connection:
        connection.execute("UPDATE webhook_endpoint SET secret = randomblob(60)")
    before, key = stored(tmp_path), (tmp_path / "wacrmd.db.key").read_bytes()
    with pytest.raises(VaultError, match="webhook_endpoint"):
        await anyio.to_thread.run_sync(
            rotate, tmp_path / "wacrmd.db", tmp_path / "wacrmd.db.key", ManualClock()
        )
    assert (tmp_path / "wacrmd.db.key").read_bytes() == key
    assert stored(tmp_path) == before


@pytest.mark.anyio
async def test_a_database_without_secrets_takes_the_key_of_the_file(tmp_path: Path) -> None:
    """There is nothing that the old key is needed for, so it may be lost."""
    async with site(tmp_path) as here:
        await here.admin("number.remove", id=PHONE_NUMBER_ID)
    path = tmp_path / "wacrmd.db.key"
    path.unlink()
    with pytest.raises(KeyFileError, match="is missing"):
        async with site(tmp_path):
            pass
    await anyio.to_thread.run_sync(rotate, tmp_path / "wacrmd.db", path, ManualClock())
    async with site(tmp_path) as here:
        await here.until_status(await here.send(people(3)), "sent")


@pytest.mark.anyio
async def test_a_wrong_or_missing_file_changes_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = config_of(tmp_path)
    assert await command("key-file", "rotate", "--config", config) == 1
    assert f"there is no {tmp_path}/wacrmd.db" in capfd.readouterr().err
    assert not files(tmp_path)
    await filled(tmp_path)
    before, own = stored(tmp_path), key_file.read(tmp_path / "wacrmd.db.key")[0].fingerprint
    other = tmp_path / "other.key"
    key_file.create(other)
    content = other.read_bytes()
    assert await command("key-file", "rotate", "--config", config, "--key-file", other) == 78
    assert f"needs the key {own}: put back the key file of this database" in capfd.readouterr().err
    assert other.read_bytes() == content
    assert await command("key-file", "rotate", "--config", config, "--key-file", tmp_path / "none") == 78
    assert "none is missing" in capfd.readouterr().err
    assert not (tmp_path / "none").exists()
    assert stored(tmp_path) == before


def look_after_kills(
    folder: Path, how: str, *arguments: str | Path, before: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """What each kill has left, told by tests/ops/rotation.py."""
    line = [*before, sys.executable, "-m", "tests.ops.rotation", folder, how, *arguments]
    done = subprocess.run(line, check=False, capture_output=True, text=True, cwd=TOP)
    if NO_MOUNT in done.stderr or "unshare failed" in done.stderr:
        pytest.skip("no file system can be made and mounted here")
    assert done.returncode == 0, done.stderr
    return [json.loads(each) for each in done.stdout.splitlines()]


def check(told: list[dict[str, Any]], secrets: list[list[str]], key: str) -> None:
    """A start after each kill finds all secrets, with the old key or with the new one; so does a second rotation."""
    for each in told:
        assert sorted(each["first"]["secrets"]) == secrets, each
        assert sorted(each["last"]["secrets"]) == secrets, each
        assert each["last"]["key"] not in (key, each["first"]["key"])
    assert {each["first"]["key"] == key for each in told} == {True, False}
    assert [each["killed"] for each in told] == [True] * (len(told) - 1) + [False]


def by_context(folder: Path) -> list[list[str]]:
    return sorted([name.rpartition(" ")[0], text] for name, text in texts(folder).items())


@pytest.mark.anyio
async def test_a_kill_after_any_line_leaves_a_state_that_starts(tmp_path: Path) -> None:
    await filled(tmp_path)
    secrets, key = by_context(tmp_path), key_file.read(tmp_path / "wacrmd.db.key")[0].fingerprint
    work = tmp_path / "work"
    work.mkdir()
    for name in ("wacrmd.db", "wacrmd.db.key"):
        shutil.copy2(tmp_path / name, work)
    check(look_after_kills(work, "kill", "3"), secrets, key)


@pytest.mark.anyio
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
async def test_a_power_cut_after_any_line_leaves_a_state_that_starts(tmp_path: Path) -> None:
    """On a file system of its own, of which only what was written to the disk is left."""
    await filled(tmp_path)
    secrets, key = by_context(tmp_path), key_file.read(tmp_path / "wacrmd.db.key")[0].fingerprint
    disk = tmp_path / "disk"
    disk.mkdir()
    own_mounts = ["unshare", "--mount"]  # they end with the process
    told = look_after_kills(disk, "power", "9", tmp_path, before=own_mounts)
    check(told, secrets, key)


@pytest.mark.anyio
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
@pytest.mark.parametrize("is_credential", [True, False])
async def test_root_leaves_no_file_of_its_own_to_the_daemons_user(
    tmp_path: Path, is_credential: bool
) -> None:
    """The key may be in a directory of the daemon's user, or of root: then it stays root's."""
    home, store = tmp_path / "home", tmp_path / "credstore"
    home.mkdir()
    store.mkdir(mode=0o700)
    await filled(home)
    path = home / "wacrmd.db.key"
    if is_credential:
        path = path.rename(store / "wacrmd.key")
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o011)
    for file in (home, *home.iterdir()):
        os.chown(file, 1234, 1234)
    before = {file: file.stat().st_uid for file in (*home.iterdir(), path)}
    assert await command("key-file", "rotate", "--config", config_of(home), "--key-file", path) == 0
    assert (os.geteuid(), os.getegid()) == (0, 0)
    assert {file: file.stat().st_uid for file in (*home.iterdir(), path)} == before
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(key_file.read(path)) == 2
