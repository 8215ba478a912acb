"""Accounts and API keys as callers see them."""

from dataclasses import dataclass
from typing import Annotated

from wacrmd.domain.account import AccountFacts, ApiKeyFacts, Scope
from wacrmd.domain.account_settings import AccountSettings
from wacrmd.fields import Doc, Time, Uuid


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRef(AccountFacts):
    """An account by id and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView(AccountSettings, AccountFacts):
    """An account with its settings: it owns numbers, keys, broadcasts, templates and opt-outs."""

    created_at: Annotated[Time, Doc("when it was made")]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyScopes:
    """The key in use."""

    id: Annotated[Uuid, Doc("its id")]
    scopes: Annotated[tuple[Scope, ...], Doc("what it may do")]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeView:
    """The account and the key in use."""

    account: Annotated[AccountRef, Doc("the account that the key belongs to")]
    key: Annotated[KeyScopes, Doc("the key of this request")]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView(ApiKeyFacts):
    """An API key, without the key."""

    created_at: Annotated[Time, Doc("when it was made")]
    revoked_at: Annotated[Time | None, Doc("when it was revoked")]
    replaced_by: Annotated[str | None, Doc("id of the key that replaces it, after `key rotate`")]
    last_used_at: Annotated[
        Time | None, Doc("when it was used last; up to a minute older after the daemon was killed")
    ]
    last_used_from: Annotated[str | None, Doc("from which address; null: never used, or over a unix socket")]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKeyView(ApiKeyFacts):
    """An API key that was made just now."""

    key: Annotated[str, Doc("the key itself; shown this once")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RotatedKeyView(NewKeyView):
    """An API key that was made just now and replaces another one."""

    replaces: Annotated[KeyView, Doc("the other one, with the time at which it expires")]
