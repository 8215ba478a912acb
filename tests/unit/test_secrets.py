"""Sealed secrets open with the right key and place alone; keys are random and stored as hashes."""

import base64
import hashlib
import re
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.errors import WacrmdError
from wacrmd.secrets import Vault, VaultError, hash_api_key, new_api_key, new_webhook_secret

CONTEXT = "number.access_token:7"


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.open(tmp_path / "w.key", create=True)


def test_what_is_sealed_opens_again(vault: Vault) -> None:
    sealed = vault.seal("EAAnaïve token", CONTEXT)
    assert vault.unseal(sealed, CONTEXT) == "EAAnaïve token"
    assert b"token" not in sealed
    assert vault.seal("EAAnaïve token", CONTEXT) != sealed


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.text(alphabet="ab:.1"))
def test_any_text_in_any_context(text: str, context: str) -> None:
    vault = Vault(b"k" * 32, Path("k"))
    assert vault.unseal(vault.seal(text, context), context) == text


def test_a_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "w.key"
    first = Vault.open(path, create=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(base64.b64decode(path.read_text())) == 32
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.key"]
    again = Vault.open(path, create=True)
    assert again.unseal(first.seal("x", "c"), "c") == "x"
    assert again.fingerprint() == first.fingerprint()


def test_two_that_make_it_at_the_same_moment_share_one_key(tmp_path: Path) -> None:
    path, start = tmp_path / "w.key", threading.Barrier(8)
    prints: list[str] = []

    def open_it() -> None:
        start.wait()
        prints.append(Vault.open(path, create=True).fingerprint())

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(prints) == 8
    assert len(set(prints)) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.key"]


def test_a_missing_key_file_is_not_made_unasked(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match=r"w\.key is missing: put it back"):
        Vault.open(tmp_path / "w.key", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_key_file_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match="cannot be made: No such file or directory"):
        Vault.open(tmp_path / "none" / "w.key", create=True)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "w.key"
    Vault.open(path, create=True)
    path.chmod(mode)
    with pytest.raises(VaultError, match=rf"is open to others \(mode {mode:04o}\): run chmod 600"):
        Vault.open(path, create=True)


def test_a_systemd_credential_may_have_any_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "wacrmd.key"
    Vault.open(path, create=True)
    path.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert Vault.open(path, create=False).fingerprint()


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
def test_a_file_that_holds_no_key_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(VaultError, match="does not hold a key: expected 32 bytes in base64"):
        Vault.open(path, create=False)


def test_a_directory_is_no_key_file(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match="cannot be read: Is a directory"):
        Vault.open(tmp_path, create=False)


def test_the_wrong_key_is_named(vault: Vault, tmp_path: Path) -> None:
    other = Vault.open(tmp_path / "other.key", create=True)
    with pytest.raises(VaultError) as caught:
        other.unseal(vault.seal("x", CONTEXT), CONTEXT)
    assert isinstance(caught.value, WacrmdError)
    assert other.fingerprint() != vault.fingerprint()
    for part in (CONTEXT, other.fingerprint(), "other.key", "put back the key file"):
        assert part in str(caught.value)


def test_a_sealed_secret_opens_only_in_its_place(vault: Vault) -> None:
    with pytest.raises(VaultError):
        vault.unseal(vault.seal("x", "number.access_token:7"), "number.access_token:8")


def test_a_changed_byte_is_noticed(vault: Vault) -> None:
    sealed = vault.seal("x", CONTEXT)
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(VaultError):
            vault.unseal(changed, CONTEXT)


@pytest.mark.parametrize(
    ("sealed", "said"),
    [(b"", "too short"), (b"\x01" * 28, "too short"), (b"\x02" * 40, "newer wacrmd")],
)
def test_what_is_not_sealed_is_explained(vault: Vault, sealed: bytes, said: str) -> None:
    with pytest.raises(VaultError, match=said):
        vault.unseal(sealed, CONTEXT)


def test_no_secret_in_a_repr(vault: Vault, tmp_path: Path) -> None:
    new = new_api_key()
    assert new.key not in repr(new)
    key = (tmp_path / "w.key").read_text().strip()
    assert key not in repr(vault)
    assert vault.fingerprint() in repr(vault)


def test_an_api_key_has_the_documented_form() -> None:
    key, hashed, prefix = new_api_key()
    assert re.fullmatch(r"wacrm_live_[A-Za-z0-9_-]{43}", key)
    assert hashed == hashlib.sha256(key.encode()).digest() == hash_api_key(key)
    assert prefix == key[:19]
    assert new_api_key().key != key


def test_anything_that_a_caller_sends_can_be_hashed() -> None:
    assert hash_api_key("\ud800") != hash_api_key("")


def test_a_webhook_secret_is_as_standard_webhooks_says() -> None:
    secret = new_webhook_secret()
    assert secret.startswith("whsec_")
    assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) <= 64
    assert new_webhook_secret() != secret


def test_a_key_file_that_may_not_be_read_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "w.key"
    path.symlink_to(path)
    with pytest.raises(VaultError, match="cannot be read: Too many levels of symbolic links"):
        Vault.open(path, create=False)
