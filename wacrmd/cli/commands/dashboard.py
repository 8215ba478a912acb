"""`wacrmd dashboard` and `wacrmd user …`."""

import click

from wacrmd.cli import complete
from wacrmd.cli.client import call
from wacrmd.cli.frame import Noun, Session, Verb
from wacrmd.cli.input import SecretFile, confirm
from wacrmd.cli.options import one_of, yes_option
from wacrmd.cli.output import Kind, details, emit, hint, say
from wacrmd.cli.table import Column, table
from wacrmd.domain.user import LINK_LASTS, Role
from wacrmd.errors import counted
from wacrmd.fields import JsonObject

COLUMNS = (
    Column("NAME", "name"),
    Column("ROLE", "role"),
    Column("ACCOUNTS", "accounts"),
    Column("PASSWORD", "has_password", optional=1),
    Column("LOGGED IN", "sessions"),
    Column("LAST LOGIN", "last_login_at", Kind.TIME),
    Column("ADDED", "created_at", Kind.TIME, optional=2),
)

ROLES = one_of(Role, without=Role.ADMIN)

account_option = click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="NAME",
    shell_complete=complete.accounts,
    help="An account that the user may see; repeatable. By default, all.",
)


@click.command(cls=Verb)
@click.option("--open", "open_", is_flag=True, help="Open it in the browser of this machine.")
@click.pass_obj
def dashboard(session: Session, open_: bool) -> None:
    """Print a link that logs one browser in to the dashboard.

    It works once, within two minutes. In the dashboard you may do what you may do with commands.
    For example: wacrmd dashboard
    """

    def render(made: JsonObject) -> None:
        say(made["url"])
        hint(
            f"It works once, within {LINK_LASTS // 1000} s, and lets you do what the role {made['role']} may."
        )

    result = call(session, "dashboard")
    if open_ and not _opens(result["url"]):
        hint("This machine has no browser: open the link on another one, for example through ssh -L.")
    emit(session, result, render)


def _opens(url: str) -> bool:
    from wacrmd.cli.browser import open_link  # noqa: PLC0415 - the other commands need no browser

    try:
        return open_link(url)
    except OSError:
        return False


@click.group(cls=Noun)
def user() -> None:
    """Users of the dashboard, who log in with a name and a password."""


@user.command("add")
@click.argument("name", metavar="NAME")
@click.option("--role", required=True, type=ROLES, help="What the user may do.")
@account_option
@click.option(
    "--password-file",
    "password",
    type=SecretFile(made_up=True),
    metavar="FILE",
    help="A file with the password; - reads standard input, and asks on a terminal. Without one, the user comes"
    " by a reverse proxy.",
)
@click.pass_obj
def add(session: Session, name: str, role: str, accounts: tuple[str, ...], password: str | None) -> None:
    """Add a user.

    A viewer sees, a sender also creates and runs broadcasts of the accounts, an operator may do what members of an
    operator group may. For example: wacrmd user add ann --role sender --account shop --password-file secret
    """
    result = call(session, "user.add", name=name, role=role, accounts=list(accounts), password=password)
    emit(session, result, _show)


def _show(shown: JsonObject) -> None:
    shown = _with_accounts(shown)
    details((field, shown[field]) for field in ("name", "role", "accounts", "has_password", "sessions"))


def _with_accounts(shown: JsonObject) -> JsonObject:
    """The user, with a word for "limited to none"."""
    return shown | {"accounts": shown["accounts"] or ["all"]}


@user.command("list")
@click.pass_obj
def list_users(session: Session) -> None:
    """List the users of the dashboard.

    For example: wacrmd user list
    """
    emit(
        session,
        call(session, "user.list"),
        lambda rows: table(
            [*map(_with_accounts, rows)], COLUMNS, empty="There is no user yet: see wacrmd user add --help"
        ),
    )


@user.command("set")
@click.argument("name", metavar="NAME", shell_complete=complete.users)
@click.option("--role", type=ROLES, help="What the user may do.")
@account_option
@click.option("--all-accounts", is_flag=True, help="Let the user see all accounts.")
@click.option(
    "--password-file",
    "password",
    type=SecretFile(made_up=True),
    metavar="FILE",
    help="A file with another password; - reads standard input, and asks on a terminal.",
)
@click.pass_obj
def change(
    session: Session,
    name: str,
    role: str | None,
    accounts: tuple[str, ...],
    all_accounts: bool,
    password: str | None,
) -> None:
    """Change a user's role, accounts or password, which ends the user's sessions.

    The accounts replace those from before. For example: wacrmd user set ann --role operator
    """
    if all_accounts and accounts:
        raise click.UsageError("give either --account or --all-accounts")
    if not (role or accounts or all_accounts or password):
        raise click.UsageError("nothing to change: give --role, --account, --all-accounts or --password-file")
    result = call(
        session,
        "user.set",
        name=name,
        role=role,
        accounts=list(accounts) if accounts or all_accounts else None,
        password=password,
    )
    emit(session, result, _show)


@user.command("remove")
@click.argument("name", metavar="NAME", shell_complete=complete.users)
@yes_option
@click.pass_obj
def remove(session: Session, name: str, yes: bool) -> None:
    """Delete a user, who is logged out everywhere.

    For example: wacrmd user remove ann
    """
    confirm(f"Delete user {name}? What the user did stays in the audit log.", yes=yes)
    emit(session, call(session, "user.remove", name=name), lambda _: say(f"User {name} is deleted."))


@user.command("logout")
@click.argument("name", metavar="NAME", shell_complete=complete.users)
@click.pass_obj
def log_out(session: Session, name: str) -> None:
    """End all sessions of a user, or those that a user of this machine began with links.

    For example: wacrmd user logout ann
    """
    emit(
        session,
        call(session, "user.logout", name=name),
        lambda ended: say(f"User {name} is logged out of {counted(ended['sessions'], 'browser')}."),
    )
