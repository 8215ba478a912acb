"""Accounts and API keys as callers see them."""

from dataclasses import dataclass
from typing import Annotated

from wacrmd.domain.account import AccountFacts, ApiKeyFacts, Scope
from wacrmd.fields import Doc, Time


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRef(AccountFacts):
    """An account by id and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView(AccountRef):
    """An account: it owns numbers, keys, broadcasts, templates and opt-outs."""

    created_at: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyScopes:
    """The key in use."""

    id: str
    scopes: tuple[Scope, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeView:
    """The account and the key in use."""

    account: AccountRef
    key: KeyScopes


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView(ApiKeyFacts):
    """An API key, without the key."""

    created_at: Time
    revoked_at: Annotated[Time | None, Doc("since when it opens nothing")]
    last_used_at: Time | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKeyView(ApiKeyFacts):
    """An API key that was made just now."""

    key: Annotated[str, Doc("the key itself; shown this once")]
