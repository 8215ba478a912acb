"""Users of the dashboard: add, list, change, remove, log out."""

from collections.abc import Sequence

from wacrmd.domain.user import MAX_PASSWORD, MIN_PASSWORD, Role, User, UserFacts
from wacrmd.errors import ErrorCode, Problem, Refusal, bad_request, invalid, not_found
from wacrmd.fields import shared
from wacrmd.services.context import Context
from wacrmd.services.passwords import hash_password
from wacrmd.store import accounts, known_browsers, login_sessions, users
from wacrmd.store.database import Tx
from wacrmd.views.users import LoggedOutView, UserView


async def add(
    ctx: Context, *, name: str, role: Role, account_names: Sequence[str], password: str | None
) -> UserView:
    """Add a user; raises Refusal for a name in use, an unknown account, a role or password that cannot be."""
    _check_role(role, account_names)
    hashed = None if password is None else await _hashed(password)
    now = ctx.clock.now()

    def work(tx: Tx) -> UserView:
        made = users.add(
            tx, name=name, role=role, account_ids=_ids(tx, account_names), password=hashed, now=now
        )
        return _view(tx, made, now)

    return await ctx.db.write(work)


async def list_users(ctx: Context) -> list[UserView]:
    """All users, by name."""
    now = ctx.clock.now()
    return await ctx.db.read(lambda tx: [_view(tx, each, now) for each in users.all_of(tx)])


async def change(
    ctx: Context,
    name: str,
    *,
    role: Role | None,
    account_names: Sequence[str] | None,
    password: str | None,
) -> UserView:
    """Change what is not None; another role, other accounts or another password end the user's sessions."""
    hashed = None if password is None else await _hashed(password)
    now = ctx.clock.now()

    def work(tx: Tx) -> UserView:
        user = _find(tx, name)
        if account_names is not None:
            users.set_accounts(tx, user.id, _ids(tx, account_names))
        if role is not None:
            users.set_role(tx, user.id, role)
        if hashed is not None:
            users.set_password(tx, user.id, hashed)
        changed = users.get(tx, user.id)
        _check_role(changed.role, changed.account_ids)
        if changed != user:
            login_sessions.end_all_of(tx, user.id)
        if hashed is not None:
            known_browsers.forget_all_of(tx, user.id)
        return _view(tx, changed, now)

    return await ctx.db.write(work)


async def remove(ctx: Context, name: str) -> UserView:
    """Delete a user, who is logged out everywhere, and return it as it was."""
    now = ctx.clock.now()

    def work(tx: Tx) -> UserView:
        user = _find(tx, name)
        seen = _view(tx, user, now)
        users.remove(tx, user.id)
        return seen

    return await ctx.db.write(work)


async def log_out(ctx: Context, name: str) -> LoggedOutView:
    """End all sessions of a user, or those that a user of the machine began with links."""

    def work(tx: Tx) -> int:
        user = users.named(tx, name)
        ended = login_sessions.end_all_by_link(tx, name)
        if user is None and not ended:
            raise Refusal(
                ErrorCode.NOT_FOUND,
                f"There is no user {name!r}, and no session of a user of the machine with this name",
            )
        if user is None:
            return ended
        known_browsers.forget_all_of(tx, user.id)
        return ended + login_sessions.end_all_of(tx, user.id)

    return LoggedOutView(sessions=await ctx.db.write(work))


def _find(tx: Tx, name: str) -> User:
    user = users.named(tx, name)
    if user is None:
        raise not_found(f"User {name!r}")
    return user


def _ids(tx: Tx, account_names: Sequence[str]) -> list[str]:
    found = [(name, accounts.find(tx, name)) for name in account_names]
    if unknown := [name for name, account in found if account is None]:
        raise not_found(f"Account {unknown[0]!r}")
    return [account.id for _, account in found if account is not None]


def _check_role(role: Role, account_names: Sequence[str]) -> None:
    if role is Role.ADMIN:
        raise bad_request(
            "role: expected viewer, sender or operator; administrators log in with `wacrmd dashboard`"
        )
    if role is Role.SENDER and not account_names:
        raise invalid([Problem("accounts", "a sender needs at least one account")])


async def _hashed(password: str) -> str:
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise invalid(
            [
                Problem(
                    "password", f"expected {MIN_PASSWORD} to {MAX_PASSWORD} characters, found {len(password)}"
                )
            ]
        )
    return await hash_password(password)


def _view(tx: Tx, user: User, now: int) -> UserView:
    names = [account.name for account in accounts.all_of(tx) if account.id in user.account_ids]
    return UserView(
        **shared(UserFacts, user),
        accounts=tuple(names),
        has_password=user.password is not None,
        sessions=login_sessions.of_user(tx, user.id, now),
    )
