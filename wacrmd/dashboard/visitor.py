"""Who looks at a page: where the request comes from, the session, and what its role may do."""

from dataclasses import dataclass

from starlette.requests import Request

from wacrmd.config import Config
from wacrmd.dashboard import cookies
from wacrmd.domain.actor import Actor
from wacrmd.domain.network import address_of, is_within
from wacrmd.domain.user import LoginSession, Role, may
from wacrmd.operations.operation import Operation
from wacrmd.services.access import login
from wacrmd.services.context import Context

MAX_HOPS = 20
"""Of `X-Forwarded-For`; more are not looked at."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who is logged in."""

    session: LoginSession

    @property
    def name(self) -> str:
        """The user's name; of a link, that of the user of the machine."""
        return self.session.name

    @property
    def key(self) -> str:
        """What tells visitors apart."""
        return self.session.user_id or f"uid {self.session.uid}"

    @property
    def role(self) -> Role:
        """What the user may do."""
        return self.session.role

    @property
    def has_password(self) -> bool:
        """Whether the session began with a password: not with a link, nor in the header of a reverse proxy."""
        return self.session.user_id is not None and self.session.id > 0

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

    Raises Refusal for a user whom only the proxy knows, and for a header that names nobody.
    """
    if is_named_by_proxy(request, ctx.config):
        named = request.headers.getlist(ctx.config.dashboard.user_header)
        return Visitor(await login.by_header(ctx, _only_name(named), client_address(ctx, request)))
    cookie = cookies.read(request, ctx.config, cookies.SESSION)
    session = await login.session_of(ctx, cookie) if cookie else None
    return None if session is None else Visitor(session)


def is_named_by_proxy(request: Request, config: Config) -> bool:
    """Whether a reverse proxy that is believed says who the user is; from anybody else the header says nothing."""
    settings = config.dashboard
    named = bool(settings.user_header) and settings.user_header in request.headers
    return named and is_trusted(_peer(request), settings.trusted_proxies)


def browser_of(ctx: Context, request: Request) -> login.Browser:
    """Where a login comes from."""
    return login.Browser(
        client_address(ctx, request),
        session=cookies.read(request, ctx.config, cookies.SESSION),
        known=cookies.read(request, ctx.config, cookies.KNOWN),
    )


def client_address(ctx: Context, request: Request) -> str | None:
    """The address of the browser: the last one in `X-Forwarded-For` that is no trusted proxy's; None on a Unix socket."""
    proxies, peer = ctx.config.dashboard.trusted_proxies, _peer(request)
    forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
    if not forwarded:
        return peer
    if not is_trusted(peer, proxies):
        ctx.unknown_proxy = peer or "unix"
        return peer
    for hop in reversed(forwarded.split(",")[-MAX_HOPS:]):
        try:
            found = str(address_of(_without_port(hop.strip())))
        except ValueError:
            return peer
        if not is_trusted(found, proxies):
            return found
    return peer


def is_trusted(peer: str | None, proxies: tuple[str, ...]) -> bool:
    """Whether a request comes from a reverse proxy that is believed; `peer` is None for a Unix socket."""
    if peer is None:
        return "unix" in proxies
    return is_within(peer, [each for each in proxies if each != "unix"])


def _without_port(hop: str) -> str:
    """Some proxies add the port: `192.0.2.7:1234`, `[2001:db8::1]:1234`."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _only_name(named: list[str]) -> str | None:
    """The name in the header; None if it is no name. Proxies write UTF-8, and Starlette reads Latin-1."""
    try:
        names = [each.encode("latin-1").decode().strip(" \t") for each in named]
    except UnicodeError:
        return None
    return names[0] if len(names) == 1 and names[0] else None


def _peer(request: Request) -> str | None:
    return request.client.host if request.client is not None and request.client.host else None
