"""Commands that root runs: what another user has put into their directories leads root to no other file."""

import os
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.damage import KINDS, pages_of
from tests.support.users import USER, folder_of_user, listing, needs_root, open_folder, plant, serving, wacrmd
from wacrmd.safe_paths import open_safely
from wacrmd.store import encrypted_secrets
from wacrmd.store.migrate import APPLICATION_ID, migrations

pytestmark = [needs_root, pytest.mark.exhaustive(only=True)]

PLANTED = (
    ("", "secret"),
    (".lock", "secret"),
    (".lock", "new"),
    (".key", "new"),
    ("-wal", "secret"),
    ("-shm", "new"),
    ("-journal", "secret"),
)
"""Links that the user sets: what follows the name of the database, and the file of root that they lead to."""


def database(path: Path) -> Path:
    """A database of wacrmd, empty and in one file."""
    with sqlite3.connect(path) as connection:
        for version, script in migrations():
            connection.executescript(script)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    path.chmod(0o600)
    return path


@pytest.fixture
def vault() -> Iterator[Path]:
    """A directory of root with a file that nobody else may read."""
    with open_folder() as top:
        folder = top / "vault"
        folder.mkdir()
        (folder / "secret").write_bytes(b"secret" * 999)
        (folder / "secret").chmod(0o600)
        yield folder


@pytest.fixture
def state(vault: Path) -> Path:
    """The directory of the daemon's user."""
    return folder_of_user(vault.parent / "state")


@pytest.fixture
def config(state: Path) -> Path:
    """A configuration whose files are in that directory."""
    file = state.parent / "config.toml"
    file.write_text(
        f'[storage]\npath = "{state}/wacrmd.db"\n[admin]\nsocket = "{state}/admin.sock"\n'
        '[api]\nbind = "127.0.0.1:0"\n[webhooks]\nbind = "127.0.0.1:0"\n[dashboard]\nbind = ""\n[meta]\ngraph_url = "http://127.0.0.1:9"\n'
    )
    return file


def test_a_restored_database_belongs_to_the_owner_of_its_directory(
    vault: Path, state: Path, config: Path
) -> None:
    done = wacrmd("restore", database(vault / "backup.db"), "--config", config)
    assert (done.returncode, "start the daemon" in done.stdout) == (0, True), done.stderr
    restored = (state / "wacrmd.db").stat()
    assert (restored.st_uid, stat.S_IMODE(restored.st_mode)) == (USER, 0o600)
    assert {file.stat().st_uid for file in state.iterdir()} == {USER}
    assert not list(state.glob("*partial*"))


def test_a_repaired_database_belongs_to_the_owner_of_its_directory(state: Path, config: Path) -> None:
    file = database(state / "wacrmd.db")
    KINDS[0].apply(file, pages_of(file, "recipient_due")[0])
    os.chown(file, USER, USER)
    done = wacrmd("repair", "--config", config)
    assert (done.returncode, "nothing is lost: start the daemon" in done.stdout) == (0, True), done.stderr
    assert {each.stat().st_uid for each in state.iterdir()} == {USER}
    assert {stat.S_IMODE(each.stat().st_mode) for each in state.glob("wacrmd.db*")} == {0o600}
    assert len(list(state.glob("wacrmd.db.damaged-*"))) == 1


@pytest.mark.parametrize(("name", "target"), PLANTED)
@pytest.mark.parametrize(
    "command",
    [
        ("restore", "{vault}/backup.db", "--config", "{config}"),
        ("check-db", "{state}/wacrmd.db"),
        ("repair", "--config", "{config}"),
        ("--config", "{config}", "doctor"),
    ],
    ids=lambda words: words[0].removeprefix("--"),
)
def test_a_link_beside_the_database_leads_root_nowhere(
    vault: Path, state: Path, config: Path, command: tuple[str, ...], target: str, name: str
) -> None:
    database(vault / "backup.db")
    if name and command[0] != "restore":
        os.chown(database(state / "wacrmd.db"), USER, USER)
    plant(state / f"wacrmd.db{name}", vault / target)
    before = listing(vault)
    wacrmd(*(word.format(vault=vault, state=state, config=config) for word in command))
    assert listing(vault) == before


@pytest.mark.parametrize(("name", "target"), [*PLANTED[:5], ("admin.sock", "secret")])
def test_a_daemon_that_root_starts_follows_no_link(
    vault: Path, state: Path, config: Path, target: str, name: str
) -> None:
    plant(state / (name if name == "admin.sock" else f"wacrmd.db{name}"), vault / target)
    before = listing(vault)
    with serving(config):
        pass
    assert listing(vault) == before


def test_a_daemon_that_root_starts_runs_as_the_owner_of_its_directory(state: Path, config: Path) -> None:
    """Otherwise its files would be root's, and the service could not use them afterwards."""
    with serving(config):
        assert (state / "admin.sock").stat().st_uid == USER
    assert {file.name for file in state.iterdir()} >= {"wacrmd.db", "wacrmd.db.key", "wacrmd.db.lock"}
    assert {file.stat().st_uid for file in state.iterdir()} == {USER}


@pytest.mark.parametrize("kind", ["link", "hard link", "link to the directory"])
def test_what_root_may_read_is_not_restored_into_the_directory_of_another(
    vault: Path, state: Path, config: Path, kind: str
) -> None:
    """The user could read a part of it, while it is checked, or all of it if it is a database."""
    database(vault / "private.db")
    backup = state / "backup.db"
    if kind == "link":
        plant(backup, vault / "private.db")
    elif kind == "hard link":
        os.link(vault / "private.db", backup)
    else:
        plant(state / "backups", vault)
        backup = state / "backups" / "private.db"
    done = wacrmd("restore", backup, "--config", config)
    assert done.returncode == 1
    assert "of other users" in done.stderr or "of another user" in done.stderr
    assert not (state / "wacrmd.db").exists()


def test_root_restores_a_backup_that_lies_in_the_directory_of_another(state: Path, config: Path) -> None:
    """Such as one that root has copied there."""
    for number, owner in enumerate((0, USER)):
        backup = database(state / f"backup-{number}.db")
        os.chown(backup, owner, owner)
        done = wacrmd("restore", backup, "--config", config)
        assert done.returncode == 0, done.stderr
        (state / "wacrmd.db").unlink()


def test_a_place_that_another_user_could_exchange_is_refused(vault: Path, state: Path, config: Path) -> None:
    plant(state / "data", vault)
    config.write_text(config.read_text().replace(f"{state}/wacrmd.db", f"{state}/data/wacrmd.db"))
    database(vault / "backup.db")
    before = listing(vault)
    for command in (
        ("restore", vault / "backup.db", "--config", config),
        ("serve", "--config", config),
        ("--config", config, "doctor"),
    ):
        done = wacrmd(*command)
        assert done.returncode == 1
        assert f"goes through a directory or a link of user {USER}" in done.stderr
    assert listing(vault) == before


@pytest.mark.parametrize("is_new", [True, False])
def test_rejected_lines_are_not_written_through_a_link_of_another_user(
    vault: Path, state: Path, is_new: bool
) -> None:
    """Before the daemon is asked, so that none is needed."""
    plant(state / "rejected.csv", vault / ("new" if is_new else "secret"))
    (vault / "people.csv").write_text("phone,reason\nnobody,asked\n")
    before = listing(vault)
    done = wacrmd(
        "optout", "import", vault / "people.csv", "--account", "shop", "--rejected", state / "rejected.csv"
    )
    assert done.returncode == 1
    assert "goes through a directory or a link" in done.stderr
    assert listing(vault) == before


def test_the_key_hint_needs_no_permission(vault: Path) -> None:
    """An ordinary user restores on a drill configuration; root's directory of credentials is closed."""
    folder = folder_of_user(vault.parent / "drill")
    backup = database(folder / "backup.db")
    with closing(sqlite3.connect(backup)) as connection, connection:
        encrypted_secrets.set_key_fingerprint(connection, "0a1b2c3d")
    os.chown(backup, USER, USER)
    closed = vault / "credstore"
    closed.mkdir(mode=0o700)
    (folder / "drill.toml").write_text(f'[storage]\npath = "{folder}/wacrmd.db"\n')
    script = (
        "import os, sys; from pathlib import Path; from wacrmd.cli.main import main; from wacrmd.config import running\n"
        f"os.setgroups([]); os.setresgid({USER}, {USER}, {USER}); os.setresuid({USER}, {USER}, {USER})\n"
        "running.CREDENTIAL = Path(sys.argv.pop(1)); sys.exit(main(sys.argv[1:]))"
    )
    done = wacrmd(closed / "wacrmd.key", "restore", backup, "--config", folder / "drill.toml", script=script)
    assert done.returncode == 0, done.stderr
    assert "wacrmd.db.key is missing" in done.stderr
    assert "needs the key 0a1b2c3d" in done.stderr


def test_new_files_of_rejected_lines_are_made_and_removed_in_the_directory_of_another(
    vault: Path, state: Path
) -> None:
    (vault / "people.csv").write_text("phone,reason\n+14155550123,asked\n")
    rejected = state / "rejected.csv"
    done = wacrmd("optout", "import", vault / "people.csv", "--account", "shop", "--rejected", rejected)
    assert done.returncode == 69, done.stderr
    assert not rejected.exists()


def test_root_keeps_using_devices_and_links_of_its_own(vault: Path) -> None:
    (vault / "here.csv").symlink_to("there.csv")
    for path in ("/dev/stderr", "/dev/null", str(vault / "here.csv")):
        os.close(open_safely(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT))
    assert (vault / "there.csv").exists()


@pytest.mark.parametrize("target", ["loop", "other/../loop", "/"])
def test_a_path_without_an_end_is_an_error_of_the_system(vault: Path, target: str) -> None:
    (vault / "other").mkdir()
    (vault / "loop").symlink_to(target)
    with pytest.raises(OSError, match=r"links|directory"):
        open_safely(vault / "loop", os.O_WRONLY)


def test_the_single_executable_can_still_read_itself(vault: Path, state: Path) -> None:
    """It unpacks itself into a directory that only the user may read who started it."""
    unpacked = vault / "unpacked"
    (unpacked / "inner").mkdir(parents=True)
    (unpacked / "inner" / "library.so").write_text("x")
    for file in (unpacked, unpacked / "inner", unpacked / "inner" / "library.so"):
        file.chmod(0o700)
    script = (
        "import sys; from pathlib import Path; from wacrmd.safe_paths import become_owner_of\n"
        "sys._MEIPASS = sys.argv[1]; become_owner_of(Path(sys.argv[2]))\n"
        "print(Path(sys.argv[1], 'inner', 'library.so').read_text())"
    )
    done = wacrmd(unpacked, state, script=script)
    assert done.stdout == "x\n", done.stderr


@pytest.mark.skipif(shutil.which("systemd-tmpfiles") is None, reason="systemd is not installed here")
def test_an_installation_gives_nothing_away_through_a_link(vault: Path) -> None:
    """What the package's script runs as root, when the directory has been the user's for long."""
    rules = (Path(__file__).parents[2] / "contrib/systemd/wacrmd.tmpfiles").read_text()
    root = vault.parent
    (root / "etc").mkdir()
    (root / "etc/passwd").write_text(f"wacrmd:x:{USER}:{USER}::/:/bin/false\n")
    (root / "etc/group").write_text(f"wacrmd:x:{USER}:\n")
    (root / "var/lib").mkdir(parents=True)
    plant(folder_of_user(root / "var/lib/wacrmd") / "backups", vault)
    before = listing(vault)
    subprocess.run(
        ["systemd-tmpfiles", f"--root={root}", "--create", "-"], input=rules, text=True, check=False
    )
    assert listing(vault) == before
    assert vault.stat().st_uid == 0


def test_a_backup_by_root_is_made_with_its_rights_and_through_no_link(
    vault: Path, state: Path, config: Path
) -> None:
    """The daemon runs as the user, and may write to none of root's directories."""
    socket, backups = state / "admin.sock", folder_of_user(state / "backups")
    foreign = vault.parent / "foreign"
    foreign.mkdir()
    os.chown(foreign, USER + 1, USER + 1)
    with serving(config):
        for folder, owner in ((vault, 0), (backups, USER), (foreign, 0)):
            done = wacrmd("--socket", socket, "backup", folder / "copy.db")
            assert done.returncode == 0, done.stderr
            made = (folder / "copy.db").stat()
            assert (made.st_uid, stat.S_IMODE(made.st_mode)) == (owner, 0o600)
        plant(backups / "there", vault)
        plant(backups / "link.db", vault / "secret")
        before = listing(vault)
        done = wacrmd("--socket", socket, "backup", "--force", backups / "there" / "secret")
        assert (done.returncode, "goes through a directory or a link" in done.stderr) == (1, True)
        done = wacrmd("--socket", socket, "backup", "--force", backups / "link.db")
        assert (done.returncode, "is no plain file" in done.stderr) == (1, True)
        assert listing(vault) == before
