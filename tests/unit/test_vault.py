"""Secrets can be decrypted only with the right key and for the right row."""

import base64
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.errors import WacrmdError
from wacrmd.vault import Vault, VaultError

CONTEXT = "number.access_token:7"


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.open(tmp_path / "w.key", create=True)


def test_an_encrypted_secret_can_be_decrypted(vault: Vault) -> None:
    encrypted = vault.encrypt("EAAnaïve token", CONTEXT)
    assert vault.decrypt(encrypted, CONTEXT) == "EAAnaïve token"
    assert b"token" not in encrypted
    assert vault.encrypt("EAAnaïve token", CONTEXT) != encrypted


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.text(alphabet="ab:.1"))
def test_any_text_is_encrypted_in_any_context(text: str, context: str) -> None:
    vault = Vault(b"k" * 32, Path("k"))
    assert vault.decrypt(vault.encrypt(text, context), context) == text


def test_a_key_file_is_created_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "w.key"
    first = Vault.open(path, create=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(base64.b64decode(path.read_text())) == 32
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.key"]
    again = Vault.open(path, create=True)
    assert again.decrypt(first.encrypt("x", "c"), "c") == "x"
    assert again.fingerprint == first.fingerprint


def test_processes_that_create_it_at_the_same_moment_share_one_key(tmp_path: Path) -> None:
    path, start = tmp_path / "w.key", threading.Barrier(8)
    prints: list[str] = []

    def open_it() -> None:
        start.wait()
        prints.append(Vault.open(path, create=True).fingerprint)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(prints) == 8
    assert len(set(prints)) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.key"]


def test_a_missing_key_file_is_not_created_unless_asked_for(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match=r"w\.key is missing: restore it"):
        Vault.open(tmp_path / "w.key", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_key_file_that_cannot_be_created_is_explained(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match="cannot be created: No such file or directory"):
        Vault.open(tmp_path / "none" / "w.key", create=True)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "w.key"
    Vault.open(path, create=True)
    path.chmod(mode)
    with pytest.raises(VaultError, match=rf"can be read by others \(mode {mode:04o}\): run chmod 600"):
        Vault.open(path, create=True)


def test_a_systemd_credential_may_have_any_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "wacrmd.key"
    Vault.open(path, create=True)
    path.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert Vault.open(path, create=False).fingerprint


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
    with pytest.raises(VaultError, match="does not hold a key: expected 32 bytes in base64"):
        Vault.open(path, create=False)


def test_a_directory_is_rejected_as_a_key_file(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match="cannot be read: Is a directory"):
        Vault.open(tmp_path, create=False)


def test_a_wrong_key_is_an_error_that_says_so(vault: Vault, tmp_path: Path) -> None:
    other = Vault.open(tmp_path / "other.key", create=True)
    with pytest.raises(VaultError) as caught:
        other.decrypt(vault.encrypt("x", CONTEXT), CONTEXT)
    assert isinstance(caught.value, WacrmdError)
    assert other.fingerprint != vault.fingerprint
    for part in (CONTEXT, other.fingerprint, "other.key", "restore the key file"):
        assert part in str(caught.value)


def test_an_encrypted_secret_is_bound_to_its_place(vault: Vault) -> None:
    with pytest.raises(VaultError):
        vault.decrypt(vault.encrypt("x", "number.access_token:7"), "number.access_token:8")


def test_a_changed_byte_is_an_error(vault: Vault) -> None:
    encrypted = vault.encrypt("x", CONTEXT)
    for place in range(len(encrypted)):
        changed = encrypted[:place] + bytes([encrypted[place] ^ 1]) + encrypted[place + 1 :]
        with pytest.raises(VaultError):
            vault.decrypt(changed, CONTEXT)


@pytest.mark.parametrize(
    ("encrypted", "said"),
    [(b"", "too short"), (b"\x01" * 28, "too short"), (b"\x02" * 40, "newer wacrmd")],
)
def test_the_error_of_unencrypted_data_explains_it(vault: Vault, encrypted: bytes, said: str) -> None:
    with pytest.raises(VaultError, match=said):
        vault.decrypt(encrypted, CONTEXT)


def test_the_repr_of_a_vault_contains_no_key(vault: Vault, tmp_path: Path) -> None:
    key = (tmp_path / "w.key").read_text().strip()
    assert key not in repr(vault)
    assert vault.fingerprint in repr(vault)


def test_a_key_file_that_may_not_be_read_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "w.key"
    path.symlink_to(path)
    with pytest.raises(VaultError, match="cannot be read: Too many levels of symbolic links"):
        Vault.open(path, create=False)
