"""Accounts and their API keys."""

from dataclasses import dataclass
from enum import StrEnum

from wacrmd.clock import Millis


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant: owns numbers, keys, broadcasts, templates and opt-outs."""

    id: str
    name: str
    created_at: Millis


class Scope(StrEnum):
    """What an API key may do (docs/api.md)."""

    BROADCASTS_SEND = "broadcasts:send"
    BROADCASTS_READ = "broadcasts:read"
    TEMPLATES_READ = "templates:read"
    OPTOUTS_MANAGE = "optouts:manage"
    WEBHOOKS_MANAGE = "webhooks:manage"
    NUMBERS_READ = "numbers:read"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A local app's key as stored: never the key itself, only its hash and a display prefix."""

    id: str
    account_id: str
    account: str
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    created_at: Millis
    expires_at: Millis | None
    revoked_at: Millis | None
    last_used_at: Millis | None
