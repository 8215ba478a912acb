"""The caller of an operation, and the account that it is limited to."""

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from wacrmd.domain.account import ApiKey


class Level(IntEnum):
    """What an operator may do on the admin socket; each level includes those before it."""

    READ = 1
    OPERATE = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """The level's name in answers and documentation."""
        return self.name.lower()


class ActorKind(StrEnum):
    """The kind of an actor; also stored as the `source` of its opt-outs."""

    API = "api"
    OPERATOR = "operator"


class Via(StrEnum):
    """Where somebody made a change."""

    COMMAND = "command"
    """The admin socket, or a command that works on the file."""
    DASHBOARD = "dashboard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """An app with an API key, or an operator; `name` is used in texts such as "Paused by ann".

    `account_id` is the only account that it may act on; None for an operator who named none: all of them.
    """

    kind: ActorKind
    name: str
    account_id: str | None = None
    key: ApiKey | None = None
    uid: int | None = None
    """The user of the machine; None for others."""
    level: Level = Level.READ
    """What an operator may do."""

    @classmethod
    def of_key(cls, key: ApiKey) -> "Actor":
        """The app that uses an API key: it acts on the key's account and on nothing else."""
        return cls(kind=ActorKind.API, name=f"the API key {key.name}", account_id=key.account_id, key=key)

    @classmethod
    def operator(cls, user: str, *, uid: int | None = None, level: Level = Level.READ) -> "Actor":
        """The user at the other end of the admin socket, or in front of the dashboard."""
        return cls(kind=ActorKind.OPERATOR, name=user, uid=uid, level=level)

    def within(self, account_id: str) -> "Actor":
        """The same actor, limited to one account."""
        return replace(self, account_id=account_id)

    @property
    def account(self) -> str:
        """The account that it acts on; only for operations that act on one."""
        if self.account_id is None:
            raise ValueError("this operation acts on one account, and none was named")
        return self.account_id

    @property
    def abbreviates(self) -> bool:
        """Whether it may shorten ids: operators type them, programs must not shorten them."""
        return self.kind is ActorKind.OPERATOR
