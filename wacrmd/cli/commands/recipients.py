"""`wacrmd broadcast recipients` and `export`: who got a broadcast, and what became of it."""

from typing import Any

import click

from wacrmd.cli.broadcast_tables import HISTORY, RECIPIENTS
from wacrmd.cli.client import call, stream
from wacrmd.cli.frame import Session, Verb
from wacrmd.cli.options import Code, Whole, broadcast_id, excel_option, limit_option, one_of
from wacrmd.cli.output import details, emit, hint, say, write_pieces
from wacrmd.cli.table import table
from wacrmd.domain.export_format import ExportFormat
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.fields import JsonObject

recipient_status_option = click.option(
    "--status",
    type=one_of(RecipientStatus, without=RecipientStatus.SENDING),
    help="Only recipients with this status.",
)
code_option = click.option(
    "--code",
    type=Code(),
    metavar="CODE",
    help="Only recipients that failed with this code of Meta's; 0: without one.",
)


@click.command("recipients", cls=Verb)
@broadcast_id
@recipient_status_option
@code_option
@click.option("--to", metavar="PHONE", help="Only this recipient, with its history.")
@click.option(
    "--rid",
    type=Whole(min=1),
    metavar="RID",
    help="Only the recipient of this id, with its history.",
)
@limit_option
@click.option("--before", type=Whole(min=1), metavar="RID", help="Only ids below RID: the next page.")
@click.pass_obj
def list_recipients(session: Session, /, broadcast_id: str, **options: Any) -> None:
    """List recipients of a broadcast with their status.

    The newest is first. For example: wacrmd broadcast recipients 4b6d --status failed
    """

    def render(rows: list[JsonObject]) -> None:
        if options["to"] or options["rid"]:
            for row in rows:
                _print_recipient(row)
            return
        table([_with_error(row) for row in rows], RECIPIENTS, empty="There is no such recipient.")
        if len(rows) == options["limit"]:
            last = rows[-1]["id"]
            hint(f"There may be more: --before {last}, or wacrmd broadcast export {broadcast_id}")

    emit(session, call(session, "broadcast.recipients", id=broadcast_id, **options), render)


def _with_error(row: JsonObject) -> JsonObject:
    """The row with its error as one text."""
    error = row["error"]
    code = f"{error['code']} " if error and error["code"] is not None else ""
    return row | {"error": f"{code}{error['title']}" if error else None}


def _print_recipient(row: JsonObject) -> None:
    """Print a recipient and its history."""
    facts = {name: value for name, value in _with_error(row).items() if name != "history"}
    details((name, value) for name, value in facts.items() if value is not None)
    say("")
    events = [one | {"error": (one["error"] or {}).get("title")} for one in row["history"]]
    table(events, HISTORY, empty="Nothing has happened to it yet.")


@click.command("export", cls=Verb)
@broadcast_id
@click.option(
    "--format",
    "form",
    type=one_of(ExportFormat),
    default=ExportFormat.CSV.value,
    show_default=True,
    help="The format.",
)
@recipient_status_option
@code_option
@excel_option
@click.pass_obj
def export(session: Session, /, broadcast_id: str, form: str, excel: bool, **chosen: Any) -> None:
    """Write all recipients to standard output.

    They come in the order in which they were given. For example: wacrmd broadcast export 4b6d > recipients.csv
    """
    form = ExportFormat.JSONL.value if session.json and not excel else form
    if excel and form != ExportFormat.CSV.value:
        raise click.UsageError("--excel goes with CSV alone")
    asked = {"id": broadcast_id, "format": form, "excel": excel or None, **chosen}
    write_pieces(stream(session, "broadcast.export", **asked), json=form == ExportFormat.JSONL.value)
