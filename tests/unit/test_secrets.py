"""API keys and webhook secrets are random, have their documented form, and keys are stored as hashes."""

import base64
import hashlib
import re

from wacrmd.secrets import hash_api_key, new_api_key, new_webhook_secret


def test_an_api_key_has_the_documented_form() -> None:
    key, hashed, prefix = new_api_key()
    assert re.fullmatch(r"wacrm_live_[A-Za-z0-9_-]{43}", key)
    assert hashed == hashlib.sha256(key.encode()).digest() == hash_api_key(key)
    assert prefix == key[:19]
    assert new_api_key().key != key


def test_a_new_key_is_not_in_its_repr() -> None:
    new = new_api_key()
    assert new.key not in repr(new)


def test_anything_that_a_caller_sends_can_be_hashed() -> None:
    assert hash_api_key("\ud800") != hash_api_key("")


def test_a_webhook_secret_is_as_standard_webhooks_says() -> None:
    secret = new_webhook_secret()
    assert secret.startswith("whsec_")
    assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) <= 64
    assert new_webhook_secret() != secret
