"""Accounts and their API keys."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from wacrmd.clock import Millis
from wacrmd.domain.account_settings import AccountSettings
from wacrmd.domain.network import is_within
from wacrmd.fields import Doc, Time


@dataclass(frozen=True, kw_only=True)
class AccountFacts:
    """What is stored of an account and shown to callers."""

    __slots__ = ()  # what inherits it has slots of its own

    id: Annotated[str, Doc("its id")]
    name: Annotated[str, Doc("its name")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account(AccountSettings, AccountFacts):
    """A tenant: owns numbers, keys, broadcasts, templates and opt-outs."""

    created_at: Millis


class Scope(StrEnum):
    """What an API key may do (docs/api.md)."""

    BROADCASTS_SEND = "broadcasts:send"
    BROADCASTS_READ = "broadcasts:read"
    MESSAGES_SEND = "messages:send"
    TEMPLATES_READ = "templates:read"
    OPTOUTS_MANAGE = "optouts:manage"
    WEBHOOKS_MANAGE = "webhooks:manage"
    NUMBERS_READ = "numbers:read"


class KeyFault(StrEnum):
    """Why a key that exists is refused; only operators learn it."""

    REVOKED = "revoked"
    EXPIRED = "expired"
    ADDRESS = "address"


@dataclass(frozen=True, kw_only=True)
class ApiKeyFacts:
    """What is stored of an API key and shown to callers."""

    __slots__ = ()

    id: Annotated[str, Doc("its id")]
    account: Annotated[str, Doc("name of the account that it acts on")]
    name: Annotated[str, Doc("the app that uses it")]
    prefix: Annotated[str, Doc("how it begins")]
    scopes: Annotated[tuple[Scope, ...], Doc("what it may do")]
    allowed_from: Annotated[
        tuple[str, ...], Doc("the addresses and networks from which it is accepted; empty: from everywhere")
    ]
    expires_at: Annotated[Time | None, Doc("from when on it is refused; null: never")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey(ApiKeyFacts):
    """A local app's key as stored: never the key itself, only its hash and a display prefix."""

    account_id: str
    created_at: Millis
    revoked_at: Millis | None
    family: str
    """The id of the first of the keys of which each replaces the one before: they share one rate limit."""
    replaced_by: str | None
    last_used_at: Millis | None
    last_used_from: str | None

    def fault(self, now: Millis) -> KeyFault | None:
        """Why it is refused from everywhere, if it is."""
        if self.revoked_at is not None:
            return KeyFault.REVOKED
        return KeyFault.EXPIRED if self.expires_at is not None and self.expires_at <= now else None

    def fault_from(self, address: str | None, now: Millis) -> KeyFault | None:
        """Why it is refused from an address, if it is; None is a peer without an address, on a unix socket."""
        if self.allowed_from and not is_within(address, self.allowed_from):
            return self.fault(now) or KeyFault.ADDRESS
        return self.fault(now)
