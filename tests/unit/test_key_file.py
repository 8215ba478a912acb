"""The key file: made once and private, read only when it is right, and replaced as a whole."""

import base64
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from wacrmd import key_file
from wacrmd.errors import KeyFileError
from wacrmd.vault import Vault


def made(path: Path) -> Vault:
    """The newest key of the file, which is created if it is missing."""
    key_file.create(path)
    return key_file.read(path)[0]


def test_a_key_file_is_created_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "w.key"
    first = made(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(base64.b64decode(path.read_text())) == 32
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.key"]
    again = made(path)
    assert again.decrypt(first.encrypt("x", "c"), "c") == "x"
    assert again.fingerprint == first.fingerprint


def test_processes_that_create_it_at_the_same_moment_share_one_key(tmp_path: Path) -> None:
    path, start = tmp_path / "w.key", threading.Barrier(8)
    prints: list[str] = []

    def open_it() -> None:
        start.wait()
        prints.append(made(path).fingerprint)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(prints) == 8
    assert len(set(prints)) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.key"]


def test_a_missing_key_file_is_explained(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"w\.key is missing: put back your copy"):
        key_file.read(tmp_path / "w.key")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "link to a device"])
def test_what_is_no_plain_file_keeps_nobody_waiting(tmp_path: Path, kind: str) -> None:
    """The daemon's user could keep root's `doctor` and `restore` waiting for ever."""
    path = tmp_path / "w.key"
    if kind == "pipe":
        os.mkfifo(path, 0o600)
    else:
        os.mkfifo(tmp_path / "pipe", 0o600)
        path.symlink_to("pipe" if kind == "link to a pipe" else "/dev/zero")
    with pytest.raises(KeyFileError, match=r"w\.key is no plain file"):
        key_file.read(path)


def test_a_key_file_that_cannot_be_created_is_explained(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be created: No such file or directory"):
        made(tmp_path / "none" / "w.key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "w.key"
    made(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=rf"can be read by others \(mode {mode:04o}\): run chmod 600"):
        made(path)


def test_a_systemd_credential_may_have_any_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "wacrmd.key"
    made(path)
    path.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert key_file.read(path)[0].fingerprint


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not base64!",
        base64.b64encode(b"x" * 31),
        base64.b64encode(b"x" * 33),
        b"\xff" * 44,
        base64.b64encode(b"x" * 32)[:-1],
    ],
)
def test_the_error_of_a_file_without_a_key_does_not_show_its_content(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="does not hold a key: expected 32 bytes in base64 on each line"):
        key_file.read(path)


def test_a_directory_is_rejected_as_a_key_file(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read: Is a directory"):
        key_file.read(tmp_path)


def test_a_key_file_that_may_not_be_read_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "w.key"
    path.symlink_to(path)
    with pytest.raises(KeyFileError, match="cannot be read: Too many levels of symbolic links"):
        key_file.read(path)


def test_a_new_key_comes_first_and_the_older_ones_stay(tmp_path: Path) -> None:
    path = tmp_path / "w.key"
    prints = [made(path).fingerprint]
    for at in (1, 2):
        key_file.add_key(path, f"older, number {at}")
        vaults = key_file.read(path)
        assert [vault.fingerprint for vault in vaults[1:]] == prints
        prints = [vault.fingerprint for vault in vaults]
        assert path.stat().st_mode & 0o777 == 0o600
        assert list(tmp_path.iterdir()) == [path]
    assert len(set(prints)) == 3
    assert path.read_text().splitlines()[1::2] == ["# older, number 2", "# older, number 1"]


def test_what_a_killed_run_has_left_is_in_nobodys_way(tmp_path: Path) -> None:
    path, victim = tmp_path / "w.key", tmp_path / "victim"
    old = made(path)
    victim.write_text("x")
    path.with_name("w.key.new").symlink_to(victim)
    key_file.add_key(path, "older")
    assert key_file.read(path)[1].fingerprint == old.fingerprint
    assert victim.read_text() == "x"
    assert not path.with_name("w.key.new").exists()


def test_a_key_file_behind_a_link_is_replaced_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "key", tmp_path / "w.key"
    made(real)
    link.symlink_to(real)
    key_file.add_key(link, "older")
    assert link.is_symlink()
    assert len(key_file.read(real)) == 2


def test_a_file_that_cannot_be_used_gets_no_new_key(tmp_path: Path) -> None:
    path = tmp_path / "w.key"
    path.write_text("nothing\n")
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="does not hold a key"):
        key_file.add_key(path, "older")
    assert path.read_text() == "nothing\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_file_that_cannot_be_replaced_is_explained_and_stays(tmp_path: Path) -> None:
    """Such as systemd's copy of a credential."""
    made(tmp_path / "w.key")
    script = (
        "mount -t tmpfs none {folder} && cp -p {key} {folder}/w.key && mount -o remount,ro {folder} && exec {python} -c "
        "'import sys; from pathlib import Path; from wacrmd import key_file; key_file.add_key(Path(sys.argv[1]), \"x\")'"
        " {folder}/w.key"
    )
    folder = tmp_path / "credentials"
    folder.mkdir()
    command = script.format(folder=folder, key=tmp_path / "w.key", python=sys.executable)
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", command], check=False, capture_output=True, text=True
    )
    if "unshare failed" in done.stderr or "permission denied" in done.stderr:
        pytest.skip("mounting is not allowed here")
    assert f"the key file {folder}/w.key cannot be replaced (Read-only file system)" in done.stderr
