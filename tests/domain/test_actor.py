"""Actors: an app acts on its key's account, an operator on the account that was named."""

import pytest

from wacrmd.domain.account import ApiKey
from wacrmd.domain.actor import Actor, ActorKind, Level

KEY = ApiKey(
    id="k1",
    account="shop",
    name="crm",
    prefix="wacrm_live_ab",
    scopes=(),
    allowed_from=(),
    expires_at=None,
    account_id="a1",
    created_at=0,
    revoked_at=None,
    family="k1",
    replaced_by=None,
    last_used_at=None,
    last_used_from=None,
)


def test_an_app_acts_on_the_account_of_its_key() -> None:
    app = Actor.of_key(KEY)
    assert app == Actor(kind=ActorKind.API, name="the API key crm", account_id="a1", key=KEY)
    assert (app.account, app.abbreviates) == ("a1", False)


def test_an_operator_acts_on_the_account_that_was_named() -> None:
    ann = Actor.operator("ann")
    assert ann == Actor(kind=ActorKind.OPERATOR, name="ann", account_id=None, key=None)
    assert ann.abbreviates
    with pytest.raises(ValueError, match="none was named"):
        _ = ann.account
    assert ann.within("a2") == Actor(kind=ActorKind.OPERATOR, name="ann", account_id="a2")
    assert ann.within("a2").account == "a2"


def test_each_level_includes_those_before_it() -> None:
    assert Level.READ < Level.OPERATE < Level.ADMIN
    assert [level.word for level in Level] == ["read", "operate", "admin"]
