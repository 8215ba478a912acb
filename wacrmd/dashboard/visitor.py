"""Who looks at a page: the session, and what its role may do."""

from dataclasses import dataclass

from starlette.requests import Request

from wacrmd.dashboard import cookies
from wacrmd.dashboard.guard import is_trusted_proxy
from wacrmd.domain.actor import Actor
from wacrmd.domain.user import LoginSession, Role, may
from wacrmd.operations.operation import Operation
from wacrmd.services.access import login
from wacrmd.services.context import Context


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who is logged in."""

    session: LoginSession

    @property
    def name(self) -> str:
        """The user's name; of a link, that of the user of the machine."""
        return self.session.name

    @property
    def role(self) -> Role:
        """What the user may do."""
        return self.session.role

    def may(self, operation: Operation) -> bool:
        """Whether the role lets call this operation, and the user's accounts."""
        if operation.admin is None or (self.session.account_ids and not operation.admin.per_account):
            return False
        return may(self.role, operation.name, operation.admin.level)

    @property
    def actor(self) -> Actor:
        """The user as the caller of operations on all accounts."""
        return Actor.operator(self.name, uid=self.session.uid, level=self.role.level)

    def actors(self) -> list[Actor]:
        """The user as the caller: once for each account that it may see, or once for all of them."""
        return [self.actor.within(each) for each in self.session.account_ids] or [self.actor]


async def visitor_of(ctx: Context, request: Request) -> Visitor | None:
    """Who sent a request: by the header of a trusted reverse proxy, else by the cookie; None for a stranger.

    Raises Refusal for a user whom only the proxy knows.
    """
    config = ctx.config.dashboard
    if config.user_header and is_trusted_proxy(_client(request), config.trusted_proxies):
        named = request.headers.getlist(config.user_header)
        if len(named) == 1 and named[0].strip():
            return Visitor(await login.by_header(ctx, named[0].strip()))
    cookie = cookies.read(request)
    session = await login.session_of(ctx, cookie) if cookie else None
    return None if session is None else Visitor(session)


def _client(request: Request) -> str | None:
    return request.client.host if request.client is not None and request.client.host else None
