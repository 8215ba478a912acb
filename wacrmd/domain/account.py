"""Accounts and their API keys."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from wacrmd.clock import Millis
from wacrmd.fields import Doc, Time


@dataclass(frozen=True, kw_only=True)
class AccountFacts:
    """What is stored of an account and shown to callers."""

    __slots__ = ()  # what inherits it has slots of its own

    id: Annotated[str, Doc("its id")]
    name: Annotated[str, Doc("its name")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account(AccountFacts):
    """A tenant: owns numbers, keys, broadcasts, templates and opt-outs."""

    default_country: str | None
    """ISO 3166 code: a number without `+` or `00` is read as one of this country first."""
    created_at: Millis


class Scope(StrEnum):
    """What an API key may do (docs/api.md)."""

    BROADCASTS_SEND = "broadcasts:send"
    BROADCASTS_READ = "broadcasts:read"
    TEMPLATES_READ = "templates:read"
    OPTOUTS_MANAGE = "optouts:manage"
    WEBHOOKS_MANAGE = "webhooks:manage"
    NUMBERS_READ = "numbers:read"


@dataclass(frozen=True, kw_only=True)
class ApiKeyFacts:
    """What is stored of an API key and shown to callers."""

    __slots__ = ()

    id: Annotated[str, Doc("its id")]
    account: Annotated[str, Doc("name of the account that it acts on")]
    name: Annotated[str, Doc("the app that uses it")]
    prefix: Annotated[str, Doc("how it begins")]
    scopes: Annotated[tuple[Scope, ...], Doc("what it may do")]
    expires_at: Annotated[Time | None, Doc("from when on it is refused; null: never")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey(ApiKeyFacts):
    """A local app's key as stored: never the key itself, only its hash and a display prefix."""

    account_id: str
    created_at: Millis
    revoked_at: Millis | None
    last_used_at: Millis | None
