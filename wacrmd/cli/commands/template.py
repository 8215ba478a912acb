"""`wacrmd template …`."""

from typing import Any

import click

from wacrmd.cli import complete
from wacrmd.cli.client import call
from wacrmd.cli.frame import Noun, Session
from wacrmd.cli.output import Column, Kind, emit, hint, say, table

COLUMNS = (
    Column("NAME", "name"),
    Column("LANGUAGE", "language", Kind.KEY),
    Column("STATUS", "status", Kind.STATE),
    Column("CATEGORY", "category"),
    Column("QUALITY", "quality", Kind.STATE, spare=True),
    Column("PARAMETERS", "parameter_format", spare=True),
    Column("REASON", "reason", spare=True),
    Column("READ", "synced_at", Kind.TIME),
)


@click.group(cls=Noun)
def template() -> None:
    """Message templates as Meta has them."""


@template.command("sync")
@click.option("--account", metavar="NAME", shell_complete=complete.accounts, help="Only this account's.")
@click.pass_obj
def sync(session: Session, account: str | None) -> int:
    """Read the templates from Meta now; the daemon does it by itself now and then.

    For example: wacrmd template sync --account shop
    """
    result = call(session, "template.sync", account=account)

    def render(found: dict[str, Any]) -> None:
        for one in found["business_accounts"]:
            if one["error"]:
                hint(f"business account {one['business_account_id']}: {one['error']}")
        say(
            f"{found['templates']} templates: {found['added']} new, {found['updated']} changed, "
            f"{found['removed']} gone."
        )

    emit(session, result, render)
    return int(bool(result["failed"]))


@template.command("list")
@click.option("--account", metavar="NAME", shell_complete=complete.accounts, help="Only this account's.")
@click.pass_obj
def list_templates(session: Session, account: str | None) -> None:
    """List the templates as last read from Meta.

    For example: wacrmd template list --account shop
    """
    emit(
        session,
        call(session, "template.list", account=account),
        lambda rows: table(rows, COLUMNS, empty="No template is known yet: wacrmd template sync"),
    )
