"""Logging in to the dashboard, by link, by password or by the header of a reverse proxy; and the sessions that follow."""

import hashlib
import secrets
import unicodedata
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from wacrmd.clock import MINUTE, SECOND
from wacrmd.config import Bind
from wacrmd.domain.actor import Actor
from wacrmd.domain.login_backoff import keys_of
from wacrmd.domain.user import IDLE, LINK_LASTS, LoginSession, Rights, Role, User
from wacrmd.errors import ErrorCode, Refusal, conflict
from wacrmd.log import get_logger
from wacrmd.services.access.users import change as change_user
from wacrmd.services.audit import record_login
from wacrmd.services.context import Context
from wacrmd.store import known_browsers, login_sessions, users
from wacrmd.store.database import Tx
from wacrmd.store.outage import StorageError
from wacrmd.store.pending_write import waiting_at_most
from wacrmd.views.users import LoginLinkView

LOGIN, LOGOUT, PASSWORD = "login", "logout", "password"
"""The methods of the audit log."""

UNKNOWN = Actor.operator("(unknown name)")
"""Who gave a name that no user has. It is written nowhere: people type their password there."""

_TOKEN_BYTES = 32
_MAX_NAME = 100
"""Of a name that only a reverse proxy knows: no user has a longer one."""
_TOUCH_AFTER = 1 * MINUTE
"""How exactly it is recorded when a session was used last: a live page asks every few seconds."""
_TOUCH_WITHIN_S = 0.5
"""If it takes longer it is left to a later request."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Browser:
    """Where a login comes from, and what the browser has from earlier ones."""

    address: str | None
    """The client's, behind a trusted reverse proxy too; None on a Unix socket."""
    session: str | None = None
    known: str | None = None
    """The cookie by which it is known that somebody has logged in with it before."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The cookies of a new session; `known` None: that cookie stays as it is."""

    session: str
    known: str | None = None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def base_url(ctx: Context) -> str:
    """How people reach the dashboard; raises Refusal where there is none, or nobody has said where it is."""
    if ctx.dashboard_address is None:
        raise conflict("There is no dashboard: set [dashboard] bind and restart the daemon")
    if public := ctx.config.dashboard.public_url:
        return public
    bind = Bind.parse(ctx.dashboard_address)
    if bind.path is not None:
        raise conflict(
            "The dashboard listens on a Unix socket: set [dashboard] public_url to the address of the reverse proxy"
        )
    # Which of its addresses others use, the machine does not know; itself it reaches at this one.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind.host, bind.host)  # noqa: S104 - it compares
    return f"http://[{host}]:{bind.port}" if ":" in host else f"http://{host}:{bind.port}"


async def make_link(ctx: Context, actor: Actor) -> LoginLinkView:
    """A link that logs one browser in, once, with what its caller may do on the admin socket.

    Raises Refusal where there is no dashboard.
    """
    url = base_url(ctx)
    if actor.uid is None:
        raise conflict("A link is for a user of this machine: ask for it on the command line")
    role, uid, name = Role.of_level(actor.level), actor.uid, actor.name
    token, now = secrets.token_urlsafe(_TOKEN_BYTES), ctx.clock.now()
    await ctx.db.write(
        partial(login_sessions.add_link, hashed=_hash(token), uid=uid, name=name, role=role, now=now)
    )
    return LoginLinkView(url=f"{url}/login#{token}", role=role, expires_at=now + LINK_LASTS)


async def by_link(ctx: Context, token: str, browser: Browser) -> Begun:
    """A new session; raises Refusal for a link that was used, is too old, or never was."""
    cookie, now = secrets.token_urlsafe(_TOKEN_BYTES), ctx.clock.now()

    def work(tx: Tx) -> Actor | None:
        found = login_sessions.take_link(tx, _hash(token), now)
        if found is None:
            return None
        uid, name, role = found
        _end(tx, browser.session)
        login_sessions.begin_by_link(tx, hashed=_hash(cookie), uid=uid, name=name, role=role, now=now)
        return Actor.operator(name, uid=uid)

    exists = await ctx.db.read(partial(login_sessions.has_link, hashed=_hash(token)))
    actor = await ctx.db.write(work) if exists else None
    if actor is None:
        _count_failed(ctx, None, browser)
        raise Refusal(
            ErrorCode.UNAUTHORIZED,
            "This link was used already, or its two minutes are over: ask for another one with `wacrmd dashboard`",
        )
    await record_login(ctx, actor, LOGIN, by="link", address=browser.address)
    return Begun(cookie)


async def by_password(ctx: Context, name: str, password: str, browser: Browser) -> Begun:
    """A new session; raises Refusal, also for somebody who must wait after wrong passwords."""
    user, is_known = await _checked(ctx, name, password, browser)
    begun = await _begin(ctx, user, browser, is_known=is_known)
    await record_login(ctx, Actor.operator(user.name), LOGIN, by="password", address=browser.address)
    return begun


async def change_password(
    ctx: Context, session: LoginSession, current: str, password: str, browser: Browser
) -> Begun:
    """Let a user who knows the present password have another one: all sessions end, and a new one begins.

    Raises Refusal, also for somebody who must wait after wrong passwords: a session that was left open is of no use for
    guesses.
    """
    user, _ = await _checked(ctx, session.name, current, browser)
    await change_user(ctx, user.id, role=None, account_names=None, password=password)
    changed = await ctx.db.read(partial(users.get, user_id=user.id))
    begun = await _begin(ctx, changed, browser, is_known=False)
    await record_login(ctx, Actor.operator(user.name), PASSWORD, by=None, address=browser.address)
    return begun


async def _checked(ctx: Context, name: str, password: str, browser: Browser) -> tuple[User, bool]:
    """The user with this password, and whether the user has logged in with the browser before."""
    name = unicodedata.normalize("NFC", name.strip())
    user = await ctx.db.read(partial(users.with_name, name=name))
    known = await _known(ctx, user, browser)
    keys = keys_of(name, browser.address, known)
    backoff, now = ctx.login_backoff, ctx.clock.monotonic()
    if wait := backoff.wait(keys, now):
        _count_failed(ctx, user, browser)
        raise Refusal(
            ErrorCode.RATE_LIMITED,
            f"Too many wrong passwords: try again in {-(-wait // SECOND)} s",
            retry_after_s=-(-wait // SECOND),
        )
    backoff.try_(keys, now)
    hashed = None if user is None else user.password
    matches = await ctx.password_checks.is_password(password, hashed, known=known is not None)
    if not matches or user is None:
        _count_failed(ctx, user, browser)
        raise Refusal(ErrorCode.UNAUTHORIZED, "Name or password is wrong")
    backoff.succeeded(keys, ctx.clock.monotonic())
    return user, known is not None


async def by_header(ctx: Context, name: str | None, address: str | None) -> LoginSession:
    """The user that a trusted reverse proxy names, as if with a session; None: it named nobody, or several users.

    Raises Refusal for who is no user here; it is in the log and the audit, so that an administrator sees who wants in.
    """
    if name is None:
        _count_refused_by_header(ctx, UNKNOWN, "unclear", address)
        raise Refusal(
            ErrorCode.FORBIDDEN,
            "The reverse proxy has named nobody, or several users:"
            " your administrator can look at [dashboard] user_header",
        )
    user = await ctx.db.read(partial(users.with_name, name=unicodedata.normalize("NFC", name)))
    if user is None:
        _count_refused_by_header(ctx, Actor.operator(name[:_MAX_NAME]), "unknown", address)
        raise Refusal(
            ErrorCode.FORBIDDEN,
            f"The reverse proxy has logged you in as {name[:_MAX_NAME]}, who is no user here."
            f" Ask your administrator to add the user {name[:_MAX_NAME]}",
        )
    now = ctx.clock.now()
    if user.last_login_at is None or abs(now - user.last_login_at) > IDLE:
        with suppress(StorageError), waiting_at_most(_TOUCH_WITHIN_S):
            await ctx.db.write(partial(users.set_last_login, user_id=user.id, now=now))
            await record_login(ctx, Actor.operator(user.name), LOGIN, by="proxy", address=address)
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


async def session_of(ctx: Context, cookie: str) -> LoginSession | None:
    """The session of a cookie; None if it has ended. Using it lets it last longer."""
    now = ctx.clock.now()
    found = await ctx.db.read(partial(login_sessions.find, hashed=_hash(cookie), now=now))
    if found is not None and abs(now - found.used_at) > _TOUCH_AFTER:
        # Pages can be read while the disk is full; and no page waits because the database is locked.
        with suppress(StorageError), waiting_at_most(_TOUCH_WITHIN_S):
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


async def log_out(ctx: Context, cookie: str, address: str | None) -> None:
    """End the session of a cookie."""
    session = await ctx.db.read(partial(login_sessions.find, hashed=_hash(cookie), now=ctx.clock.now()))
    if session is None:
        return
    await ctx.db.write(partial(_end, cookie=cookie))
    await record_login(ctx, Actor.operator(session.name, uid=session.uid), LOGOUT, by=None, address=address)


async def log_out_everywhere(ctx: Context, session: LoginSession, address: str | None) -> None:
    """End all sessions of a user, and know none of the browsers any more: one of them may be in the hands of another."""

    def work(tx: Tx) -> None:
        if session.user_id is None:
            login_sessions.end_all_by_link(tx, session.name)
        else:
            login_sessions.end_all_of(tx, session.user_id)
            known_browsers.forget_all_of(tx, session.user_id)

    await ctx.db.write(work)
    await record_login(
        ctx, Actor.operator(session.name, uid=session.uid), LOGOUT, by="everywhere", address=address
    )


async def browsers_of(ctx: Context, session: LoginSession) -> int:
    """In how many browsers the user of a session is logged in."""
    return await ctx.db.read(
        lambda tx: (
            login_sessions.by_link(tx, session.name, ctx.clock.now())
            if session.user_id is None
            else login_sessions.of_user(tx, session.user_id, ctx.clock.now())
        )
    )


async def _known(ctx: Context, user: User | None, browser: Browser) -> str | None:
    """The hash of the cookie of a browser with which this user has logged in before."""
    if browser.known is None:
        return None
    hashed, user_id = _hash(browser.known), "" if user is None else user.id  # as slow for no user
    found = await ctx.db.read(
        partial(known_browsers.is_of, hashed=hashed, user_id=user_id, now=ctx.clock.now())
    )
    return hashed.hex() if found else None


async def _begin(ctx: Context, user: User, browser: Browser, *, is_known: bool) -> Begun:
    cookie, known, now = (
        secrets.token_urlsafe(_TOKEN_BYTES),
        secrets.token_urlsafe(_TOKEN_BYTES),
        ctx.clock.now(),
    )

    def work(tx: Tx) -> None:
        current = users.with_name(tx, user.name)
        if current is None or current.password != user.password:  # changed while the old one was checked
            raise Refusal(ErrorCode.UNAUTHORIZED, "Name or password is wrong")
        _end(tx, browser.session)
        login_sessions.begin(tx, hashed=_hash(cookie), user_id=user.id, name=user.name, now=now)
        users.set_last_login(tx, user.id, now)
        if is_known and browser.known is not None:
            known_browsers.forget(tx, _hash(browser.known))
        known_browsers.add(tx, hashed=_hash(known), user_id=user.id, now=now)

    await ctx.db.write(work)
    return Begun(cookie, known)


def _end(tx: Tx, cookie: str | None) -> None:
    if cookie is not None:
        login_sessions.end(tx, _hash(cookie))


def _count_failed(ctx: Context, user: User | None, browser: Browser) -> None:
    """Note a wrong password or link. Nothing is written now: how long that takes would tell which names exist."""
    actor = UNKNOWN if user is None else Actor.operator(user.name)
    ctx.denied.count(actor, LOGIN, ctx.clock.monotonic() / SECOND, browser.address)
    log.warning("login_failed", user=actor.name, address=browser.address, summed=actor.name)


def _count_refused_by_header(ctx: Context, actor: Actor, reason: str, address: str | None) -> None:
    """Note whom a reverse proxy let through in vain. Each part of a page asks, so nothing is written at once."""
    ctx.denied.count(actor, LOGIN, ctx.clock.monotonic() / SECOND, address)
    log.warning("proxy_user_refused", user=actor.name, reason=reason, address=address, summed=actor.name)
