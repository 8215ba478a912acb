"""Secrets can be decrypted only with the right key and for the right row."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.errors import WacrmdError
from wacrmd.vault import Vault, VaultError

CONTEXT = "number.access_token:7"


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(b"k" * 32, tmp_path / "w.key")


def test_an_encrypted_secret_can_be_decrypted(vault: Vault) -> None:
    encrypted = vault.encrypt("EAAnaïve token", CONTEXT)
    assert vault.decrypt(encrypted, CONTEXT) == "EAAnaïve token"
    assert b"token" not in encrypted
    assert vault.encrypt("EAAnaïve token", CONTEXT) != encrypted


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.text(alphabet="ab:.1"))
def test_any_text_is_encrypted_in_any_context(text: str, context: str) -> None:
    vault = Vault(b"k" * 32, Path("k"))
    assert vault.decrypt(vault.encrypt(text, context), context) == text


def test_a_wrong_key_is_an_error_that_says_so(vault: Vault, tmp_path: Path) -> None:
    other = Vault(b"o" * 32, tmp_path / "other.key")
    with pytest.raises(VaultError) as caught:
        other.decrypt(vault.encrypt("x", CONTEXT), CONTEXT)
    assert isinstance(caught.value, WacrmdError)
    assert other.fingerprint != vault.fingerprint
    for part in (CONTEXT, other.fingerprint, "other.key", "set the secret again"):
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


def test_the_repr_of_a_vault_contains_no_key(vault: Vault) -> None:
    assert "kkkk" not in repr(vault)
    assert vault.fingerprint in repr(vault)
