"""`wacrmd template …`."""

import click

from wacrmd.cli.client import call
from wacrmd.cli.exit_codes import FAILED
from wacrmd.cli.frame import Noun, Session
from wacrmd.cli.options import Whole, only_account_option
from wacrmd.cli.output import Kind, emit, hint, say
from wacrmd.cli.table import Column, table
from wacrmd.errors import counted
from wacrmd.fields import JsonObject

COLUMNS = (
    Column("NAME", "name"),
    Column("LANGUAGE", "language", Kind.KEY),
    Column("STATUS", "status", Kind.STATE),
    Column("CATEGORY", "category", optional=1),
    Column("NEXT CATEGORY", "next_category", optional=True),
    Column("FROM", "next_category_at", Kind.TIME, optional=True),
    Column("ROUTE", "route", optional=True),
    Column("QUALITY", "quality", Kind.STATE, optional=True),
    Column("PARAMETERS", "parameter_format", optional=True),
    Column("REASON", "reason", Kind.PROSE),
    Column("SYNCED", "synced_at", Kind.TIME, optional=2),
)


@click.group(cls=Noun)
def template() -> None:
    """Message templates, as last read from Meta."""


@template.command("sync")
@only_account_option
@click.pass_obj
def sync(session: Session, account: str | None) -> int:
    """Read the templates from Meta now.

    The daemon also does this at intervals, see [templates] sync_interval_minutes.
    For example: wacrmd template sync --account shop
    """
    result = call(session, "template.sync", account=account)

    def render(found: JsonObject) -> None:
        for one in found["business_accounts"]:
            if one["error"]:
                hint(f"business account {one['business_account_id']}: {one['error']}")
        say(
            f"{counted(found['templates'], 'template')}: {found['added']} new, {found['updated']} changed, "
            f"{found['removed']} gone."
        )

    emit(session, result, render)
    return FAILED if result["failed"] else 0


@template.command("list")
@only_account_option
@click.option("--name", metavar="TEXT", help="Only those with TEXT in their name.")
@click.option("--status", metavar="STATUS", help="Only those with Meta's STATUS, for example APPROVED.")
@click.option("--limit", type=Whole(1, 10_000), metavar="N", help="At most N, in the order of the names.")
@click.option("--skip", type=Whole(0, 10_000), metavar="N", help="After the first N.")
@click.option("--auto-generated", is_flag=True, help="Those that Meta made for texts without a template.")
@click.pass_obj
def list_templates(
    session: Session,
    account: str | None,
    name: str | None,
    status: str | None,
    limit: int | None,
    skip: int | None,
    auto_generated: bool,
) -> None:
    """List the templates.

    For example: wacrmd template list --account shop --status APPROVED
    """
    is_part = bool(name or status or skip)
    empty = "There is no such template." if is_part else "No template is known yet: wacrmd template sync"

    def render(rows: list[JsonObject]) -> None:
        shown = [row | {"route": f"/{row['route']['endpoint']}"} for row in rows]
        table(shown, COLUMNS, empty=empty)
        for row in rows:
            for warning in row["warnings"]:
                hint(f"warning: {row['name']} ({row['language']}): {warning}")

    found = call(
        session,
        "template.list",
        account=account,
        name=name,
        status=status,
        limit=limit,
        skip=skip,
        auto_generated=auto_generated,
    )
    emit(session, found, render)
