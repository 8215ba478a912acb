"""`wacrmd broadcast …`."""

from typing import Any

import click

from wacrmd.cli.client import call
from wacrmd.cli.frame import Noun, Session
from wacrmd.cli.output import Column, Kind, details, emit, table

COLUMNS = (
    Column("ID", "id", Kind.ID),
    Column("NAME", "name"),
    Column("STATUS", "status", Kind.STATE),
    Column("TOTAL", "total_recipients", Kind.NUMBER),
    Column("PENDING", "pending_count", Kind.NUMBER),
    Column("SENT", "sent_count", Kind.NUMBER),
    Column("DELIVERED", "delivered_count", Kind.NUMBER),
    Column("READ", "read_count", Kind.NUMBER),
    Column("FAILED", "failed_count", Kind.NUMBER),
    Column("UNCERTAIN", "uncertain_count", Kind.NUMBER),
    Column("CREATED", "created_at", Kind.TIME),
    Column("HOLD", "hold"),
)

STATUSES = ("scheduled", "sending", "paused", "sent", "cancelled")


def show_broadcast(result: dict[str, Any]) -> None:
    """Print one broadcast, what keeps it from moving included."""
    details((name.replace("_", " "), value) for name, value in result.items() if name != "hold")
    if result.get("hold"):
        details([("hold", result["hold"].get("detail"))])


@click.group(cls=Noun)
def broadcast() -> None:
    """Broadcasts and their recipients."""


@broadcast.command("list")
@click.option("--account", metavar="NAME", help="Only this account's.")
@click.option("--status", type=click.Choice(STATUSES), help="Only those.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many, the newest first.")
@click.pass_obj
def list_broadcasts(session: Session, account: str | None, status: str | None, limit: int | None) -> None:
    """List broadcasts, the newest first."""

    def render(rows: list[dict[str, Any]]) -> None:
        said = [row | {"hold": (row.get("hold") or {}).get("detail")} for row in rows]
        table(said, COLUMNS, empty="There is no such broadcast.")

    emit(session, call(session, "broadcast.list", account=account, status=status, limit=limit), render)


@broadcast.command("show")
@click.argument("broadcast_id", metavar="ID")
@click.pass_obj
def show(session: Session, broadcast_id: str) -> None:
    """Show one broadcast; an unambiguous beginning of its ID is enough."""
    emit(session, call(session, "broadcast.show", id=broadcast_id), show_broadcast)
