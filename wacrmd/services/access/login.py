"""Logging in to the dashboard, by link, by password or by the header of a reverse proxy; and the sessions that follow."""

import hashlib
import secrets
from collections.abc import Collection
from contextlib import suppress
from functools import partial

from wacrmd.clock import MINUTE, SECOND
from wacrmd.domain.actor import Actor
from wacrmd.domain.user import LINK_LASTS, LoginSession, Rights, Role, User
from wacrmd.errors import ErrorCode, Refusal, conflict
from wacrmd.services.access.passwords import is_password
from wacrmd.services.context import Context
from wacrmd.store import login_sessions, users
from wacrmd.store.database import Tx
from wacrmd.store.outage import StorageError
from wacrmd.views.users import LoginLinkView

_TOKEN_BYTES = 32
_TOUCH_AFTER = 1 * MINUTE
"""How exactly it is recorded when a session was used last: a live page asks every few seconds."""


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


async def make_link(ctx: Context, actor: Actor) -> LoginLinkView:
    """A link that logs one browser in, once, with what its caller may do on the admin socket.

    Raises Refusal where there is no dashboard.
    """
    if ctx.dashboard_url is None:
        raise conflict("There is no dashboard: set [dashboard] bind and restart the daemon")
    if actor.uid is None:
        raise conflict("A link is for a user of this machine: ask for it on the command line")
    role, uid, name = Role.of_level(actor.level), actor.uid, actor.name
    token, now = secrets.token_urlsafe(_TOKEN_BYTES), ctx.clock.now()
    await ctx.db.write(
        partial(login_sessions.add_link, hashed=_hash(token), uid=uid, name=name, role=role, now=now)
    )
    return LoginLinkView(url=f"{ctx.dashboard_url}/login#{token}", role=role, expires_at=now + LINK_LASTS)


async def by_link(ctx: Context, token: str) -> str:
    """The cookie of a new session; raises Refusal for a link that was used, is too old, or never was."""
    cookie, now = secrets.token_urlsafe(_TOKEN_BYTES), ctx.clock.now()

    def work(tx: Tx) -> bool:
        found = login_sessions.take_link(tx, _hash(token), now)
        if found is None:
            return False
        uid, name, role = found
        login_sessions.begin_by_link(tx, hashed=_hash(cookie), uid=uid, name=name, role=role, now=now)
        return True

    if not await ctx.db.write(work):
        raise Refusal(
            ErrorCode.UNAUTHORIZED,
            "This link was used already, or its two minutes are over: ask for another one with `wacrmd dashboard`",
        )
    return cookie


async def by_password(ctx: Context, name: str, password: str, address: str) -> str:
    """The cookie of a new session; raises Refusal, also for somebody who must wait after wrong passwords."""
    backoff, now = ctx.login_backoff, ctx.clock.monotonic()
    if wait := backoff.wait(name, address, now):
        raise Refusal(
            ErrorCode.RATE_LIMITED,
            f"Too many wrong passwords: try again in {-(-wait // SECOND)} s",
            retry_after_s=-(-wait // SECOND),
        )
    backoff.failed(name, address, now)  # before the check: many at once must not all be checked
    user = await ctx.db.read(partial(users.with_name, name=name))
    if not await is_password(password, user.password if user is not None else None) or user is None:
        raise Refusal(ErrorCode.UNAUTHORIZED, "Name or password is wrong")
    backoff.succeeded(name, address)
    return await _begin(ctx, user)


async def by_header(ctx: Context, name: str) -> LoginSession:
    """The user that a trusted reverse proxy names, as if with a session; raises Refusal for an unknown one."""
    user = await ctx.db.read(partial(users.with_name, name=name))
    if user is None:
        raise Refusal(
            ErrorCode.FORBIDDEN,
            f"There is no user {name!r} here: an administrator can add one with `wacrmd user add`",
        )
    now = ctx.clock.now()
    return LoginSession(
        id=0,
        user_id=user.id,
        name=user.name,
        role=user.role,
        account_ids=user.account_ids,
        uid=None,
        created_at=now,
        used_at=now,
    )


async def _begin(ctx: Context, user: User) -> str:
    cookie, now = secrets.token_urlsafe(_TOKEN_BYTES), ctx.clock.now()

    def work(tx: Tx) -> None:
        login_sessions.begin(tx, hashed=_hash(cookie), user_id=user.id, name=user.name, now=now)
        users.set_last_login(tx, user.id, now)

    await ctx.db.write(work)
    return cookie


async def session_of(ctx: Context, cookie: str) -> LoginSession | None:
    """The session of a cookie; None if it has ended. Using it lets it last longer."""
    now = ctx.clock.now()
    found = await ctx.db.read(partial(login_sessions.find, hashed=_hash(cookie), now=now))
    if found is not None and abs(now - found.used_at) > _TOUCH_AFTER:
        with suppress(StorageError):  # pages can be read while the disk is full
            await ctx.db.write(partial(login_sessions.touch, session_id=found.id, now=now))
    return found


async def is_current(ctx: Context, session: LoginSession) -> bool:
    """Whether a session with which a long answer began lasts, and lets do the same as then."""
    return not await ended_among(ctx, [session])


async def ended_among(ctx: Context, sessions: Collection[LoginSession]) -> list[LoginSession]:
    """Those of these sessions that have ended, or let do something else now. Asking lets none last longer."""
    now = ctx.clock.now()

    def work(tx: Tx) -> list[LoginSession]:
        rights = login_sessions.rights(tx, {each.id for each in sessions if each.id}, now)
        return [each for each in sessions if (rights.get(each.id) or _by_header(tx, each)) != each.rights]

    return await ctx.db.read(work)


def _by_header(tx: Tx, session: LoginSession) -> Rights | None:
    """What the user may do now whom a reverse proxy named; None for a session of another kind."""
    user = None if session.id else users.with_name(tx, session.name)
    return None if user is None else (user.role, user.account_ids)


async def log_out(ctx: Context, cookie: str) -> None:
    """End the session of a cookie."""
    await ctx.db.write(partial(login_sessions.end, hashed=_hash(cookie)))
