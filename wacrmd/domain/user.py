"""Users of the dashboard: what they may do, and how long a session of theirs lasts; pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from wacrmd.clock import DAY, HOUR, SECOND, Millis
from wacrmd.domain.actor import Level
from wacrmd.fields import Doc, Time

IDLE: Millis = 12 * HOUR
"""How long a session may rest."""

LONGEST: Millis = 7 * DAY
"""How long it lasts, however busy it is."""

LONGEST_BY_LINK: Millis = 12 * HOUR
"""How long a session lasts that began with a link: who is taken out of an operator group is out at the latest then."""

MAX_SESSIONS = 20
"""Browsers with which a user is logged in; of one more, the one that rested longest is logged out."""

MAX_LINKS = 10
"""Links that a user of the machine has not used yet; of one more, the oldest goes."""

BROWSER_KNOWN: Millis = 180 * DAY
"""How long a browser is known with which a user has logged in (domain/login_backoff.py)."""

LINK_LASTS: Millis = 120 * SECOND
"""How long a login link can be used."""

MIN_PASSWORD, MAX_PASSWORD = 10, 200
"""Characters of a password."""


class Role(StrEnum):
    """What a user of the dashboard may do; each role includes those before it."""

    VIEWER = "viewer"
    SENDER = "sender"
    OPERATOR = "operator"
    ADMIN = "admin"
    """Only by a link of a user of the machine who has that level on the admin socket."""

    @property
    def level(self) -> Level:
        """The level on the admin socket that lets do as much; a sender may besides create and run broadcasts."""
        return {Role.OPERATOR: Level.OPERATE, Role.ADMIN: Level.ADMIN}.get(self, Level.READ)

    @classmethod
    def of_level(cls, level: Level) -> "Role":
        """The role of a user of the machine with this level on the admin socket."""
        return {Level.READ: cls.VIEWER, Level.OPERATE: cls.OPERATOR, Level.ADMIN: cls.ADMIN}[level]


Rights = tuple[Role, tuple[str, ...]]
"""What somebody may do, and in which accounts; none: in all."""

SENDER_MAY = frozenset(
    f"{noun}.{verb}"
    for noun, verbs in (
        ("broadcast", ("create", "pause", "resume", "cancel", "retry", "give-up")),
        ("message", ("send",)),
        (
            "draft",
            ("create", "change", "upload", "add-recipients", "check", "test", "send", "discard", "again"),
        ),
        ("media", ("upload",)),
    )
    for verb in verbs
)
"""The operations that a sender may call beyond the level read, on broadcasts of the user's accounts."""


def may(role: Role, operation: str, level: Level) -> bool:
    """Whether a role may call an operation that needs this level on the admin socket."""
    return role.level >= level or (role is Role.SENDER and operation in SENDER_MAY)


@dataclass(frozen=True, kw_only=True)
class UserFacts:
    """What is stored of a user and shown to operators."""

    __slots__ = ()

    id: Annotated[str, Doc("its id")]
    name: Annotated[str, Doc("the name with which the user logs in")]
    role: Annotated[Role, Doc("what the user may do")]
    created_at: Annotated[Time, Doc("when the user was added")]
    last_login_at: Annotated[Time | None, Doc("when the user logged in last")]


@dataclass(frozen=True, slots=True, kw_only=True)
class User(UserFacts):
    """A person who logs in to the dashboard."""

    account_ids: tuple[str, ...]
    """The accounts that it may see; none: all."""
    password: str | None
    """Argon2id in the PHC form; None: the user comes by the header of a reverse proxy only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSession:
    """A browser that is logged in."""

    id: int
    user_id: str | None
    """None: it began with a link."""
    name: str
    role: Role
    account_ids: tuple[str, ...]
    uid: int | None
    """The user of the machine who asked for the link."""
    created_at: Millis
    used_at: Millis

    @property
    def rights(self) -> Rights:
        """What it lets do, and in which accounts."""
        return self.role, self.account_ids

    def ends_at(self) -> Millis:
        """When it ends if nothing more is done."""
        longest = LONGEST_BY_LINK if self.user_id is None else LONGEST
        return min(self.used_at + IDLE, self.created_at + longest)
