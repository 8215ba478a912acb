"""`wacrmd account …`."""

import click

from wacrmd.cli.client import call
from wacrmd.cli.frame import Noun, Session
from wacrmd.cli.output import Column, Kind, emit, say, table

COLUMNS = (Column("NAME", "name"), Column("ID", "id"), Column("CREATED", "created_at", Kind.TIME))


@click.group(cls=Noun)
def account() -> None:
    """Tenants: they own numbers, keys and broadcasts."""


@account.command("add")
@click.argument("name")
@click.pass_obj
def add(session: Session, name: str) -> None:
    """Add an account."""
    emit(
        session,
        call(session, "account.add", name=name),
        lambda made: say(f"Account {made['name']} added (id {made['id']})."),
    )


@account.command("list")
@click.pass_obj
def list_accounts(session: Session) -> None:
    """List the accounts."""
    emit(
        session,
        call(session, "account.list"),
        lambda rows: table(rows, COLUMNS, empty="There is no account yet: wacrmd account add NAME"),
    )
