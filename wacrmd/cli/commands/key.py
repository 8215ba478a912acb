"""`wacrmd key …`."""

from typing import Any

import click

from wacrmd.cli import complete
from wacrmd.cli.client import call
from wacrmd.cli.frame import Noun, Session
from wacrmd.cli.input import confirm, yes_option
from wacrmd.cli.output import Column, Kind, details, emit, hint, say, table

# model.Scope; importing the model would cost every command more time than all the rest of it.
SCOPES = (
    "broadcasts:send",
    "broadcasts:read",
    "templates:read",
    "optouts:manage",
    "webhooks:manage",
    "numbers:read",
)

COLUMNS = (
    Column("ID", "id", Kind.ID),
    Column("ACCOUNT", "account"),
    Column("NAME", "name"),
    Column("KEY", "prefix", Kind.KEY, spare=True),
    Column("SCOPES", "scopes"),
    Column("LAST USED", "last_used_at", Kind.TIME, spare=True),
    Column("EXPIRES", "expires_at", Kind.TIME, spare=True),
    Column("REVOKED", "revoked_at", Kind.TIME),
)


@click.group(cls=Noun)
def key() -> None:
    """API keys of local apps."""


@key.command("create")
@click.option(
    "--account",
    required=True,
    metavar="NAME",
    shell_complete=complete.accounts,
    help="The account that the key acts on.",
)
@click.option("--name", required=True, metavar="TEXT", help="Which app it is for.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="What it may do; repeatable."
)
@click.option("--expires-in-days", type=click.IntRange(min=1), metavar="N", help="Never, if not given.")
@click.pass_obj
def create(
    session: Session, account: str, name: str, scopes: tuple[str, ...], expires_in_days: int | None
) -> None:
    """Create a key; it is shown this once.

    For example: wacrmd key create --account shop --name CRM --scope broadcasts:send
    """
    result = call(
        session,
        "key.create",
        account=account,
        name=name,
        scopes=list(scopes),
        expires_in_days=expires_in_days,
    )

    def render(made: dict[str, Any]) -> None:
        details(
            (field, made.get(field)) for field in ("id", "account", "name", "key", "scopes", "expires_at")
        )
        hint("Keep the key now: it is not stored and cannot be shown again.")
        if not scopes:
            hint("It has no scope and can do nothing yet but GET /api/v1/me: see --scope.")

    emit(session, result, render)


@key.command("list")
@click.option("--account", metavar="NAME", shell_complete=complete.accounts, help="Only this account's.")
@click.pass_obj
def list_keys(session: Session, account: str | None) -> None:
    """List the keys, never the keys themselves.

    For example: wacrmd key list --account shop
    """
    emit(
        session,
        call(session, "key.list", account=account),
        lambda rows: table(rows, COLUMNS, empty="There is no key yet: see wacrmd key create --help"),
    )


@key.command("revoke")
@click.argument("key_id", metavar="ID", shell_complete=complete.keys)
@yes_option
@click.pass_obj
def revoke(session: Session, key_id: str, yes: bool) -> None:
    """Revoke a key: the next request with it is refused. A beginning of its ID is enough.

    For example: wacrmd key revoke 6f1c2d
    """
    confirm(f"Revoke key {key_id}? The app that uses it stops working.", yes=yes)
    emit(session, call(session, "key.revoke", id=key_id), lambda _: say(f"Key {key_id} is revoked."))
