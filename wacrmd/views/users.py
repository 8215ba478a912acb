"""Users of the dashboard as operators see them, and links that log in."""

from dataclasses import dataclass
from typing import Annotated

from wacrmd.domain.user import Role, UserFacts
from wacrmd.fields import Doc, Time


@dataclass(frozen=True, slots=True, kw_only=True)
class UserView(UserFacts):
    """A user of the dashboard."""

    accounts: Annotated[tuple[str, ...], Doc("names of the accounts that the user sees; none: all")]
    has_password: Annotated[bool, Doc("false: the user logs in by a reverse proxy only")]
    sessions: Annotated[int, Doc("how many browsers are logged in")]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOutView:
    """Sessions that were ended."""

    sessions: Annotated[int, Doc("how many")]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginLinkView:
    """A link that logs one browser in."""

    url: Annotated[str, Doc("works once")]
    role: Annotated[Role, Doc("what may be done with it")]
    expires_at: Annotated[Time, Doc("until when")]
