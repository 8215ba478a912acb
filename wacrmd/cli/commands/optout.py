"""`wacrmd optout …`."""

from typing import TYPE_CHECKING

import click

from wacrmd.cli.client import call, stream
from wacrmd.cli.exit_codes import FAILED
from wacrmd.cli.frame import Noun, Session
from wacrmd.cli.input import read_pieces, source_name
from wacrmd.cli.options import account_option, limit_option, only_account_option
from wacrmd.cli.output import Column, Kind, emit, hint, people, say, table, write_pieces
from wacrmd.fields import JsonObject

if TYPE_CHECKING:
    from wacrmd.domain.optout_file import Part

COLUMNS = (
    Column("ACCOUNT", "account", optional=True),
    Column("PHONE", "phone", Kind.KEY),
    Column("USER ID", "user_id", optional=True),
    Column("SOURCE", "source"),
    Column("DETAIL", "detail"),
    Column("ANSWERED BROADCAST", "broadcast_id", Kind.ID, optional=True),
    Column("SINCE", "created_at", Kind.TIME),
)
PART_BYTES = 400 * 1024
"""How much of a file goes into one call. A line of the protocol may have 1 MiB, and JSON escapes some characters."""
MAX_ERRORS_SHOWN = 20


@click.group(cls=Noun)
def optout() -> None:
    """The opt-out list: people who get no more broadcasts."""


@optout.command("add")
@click.argument("phone")
@account_option
@click.option("--detail", metavar="TEXT", help="A note, for example why.")
@click.pass_obj
def add(session: Session, phone: str, account: str | None, detail: str | None) -> None:
    """Opt a person out: no more broadcasts are sent to them.

    PHONE is a phone number or a business-scoped user id.

    For example: wacrmd optout add +14155550123 --account shop
    """
    emit(
        session,
        call(session, "optout.add", account=account, phone=phone, detail=detail),
        lambda made: say(f"{made['phone'] or made['user_id']} is opted out ({made['source']})."),
    )


@optout.command("remove")
@click.argument("phone")
@account_option
@click.pass_obj
def remove(session: Session, phone: str, account: str | None) -> None:
    """Remove a person's opt-out: broadcasts are sent to them again.

    For example: wacrmd optout remove +14155550123 --account shop
    """
    emit(
        session,
        call(session, "optout.remove", account=account, phone=phone),
        lambda made: say(f"{made['phone'] or made['user_id']} is not opted out any more."),
    )


@optout.command("list")
@only_account_option
@limit_option
@click.pass_obj
def list_optouts(session: Session, account: str | None, limit: int) -> None:
    """List opt-outs with source and time, the newest first.

    For example: wacrmd optout list --account shop
    """

    def render(rows: list[JsonObject]) -> None:
        table(rows, COLUMNS, empty="Nobody has opted out.")
        if len(rows) == limit:
            hint("There may be more: wacrmd optout export writes all of them")

    emit(session, call(session, "optout.list", account=account, limit=limit), render)


@optout.command("import")
@click.argument("file", metavar="FILE")
@account_option
@click.pass_obj
def import_file(session: Session, file: str, account: str | None) -> int:
    """Opt out everybody in a CSV FILE (- is standard input).

    A header may name the columns phone, user_id and detail. Without a header, the first column is the phone
    number. Importing a file again is harmless.

    For example: wacrmd optout import stop.csv --account shop
    """
    total: JsonObject = {"added": 0, "known": 0, "rejected": 0, "errors": []}
    for part in _parts(file):
        done = call(session, "optout.import", account=account, csv=part.text)
        for name in ("added", "known", "rejected"):
            total[name] += done[name]
        total["errors"] += [one | {"line": one["line"] + part.shift} for one in done["errors"]]

    def render(found: JsonObject) -> None:
        for one in found["errors"][:MAX_ERRORS_SHOWN]:
            hint(f"line {one['line']}: {one['message']}")
        if found["rejected"] > MAX_ERRORS_SHOWN:
            hint(f"… and {found['rejected'] - MAX_ERRORS_SHOWN} more lines that are rejected")
        say(
            f"{people(found['added'])} opted out, {found['known']} had opted out before. "
            f"Rejected lines: {found['rejected']}."
        )

    emit(session, total, render)
    return FAILED if total["rejected"] and not (total["added"] or total["known"]) else 0


def _parts(file: str) -> list["Part"]:
    """The file in parts that fit into one call. A file that cannot be read to its end has no parts."""
    from wacrmd.domain.csv_file import CsvError, decode_lines  # noqa: PLC0415 - the help must not load them
    from wacrmd.domain.optout_file import parts_of  # noqa: PLC0415

    try:
        parts = list(parts_of(decode_lines(read_pieces(file)), PART_BYTES))
    except CsvError as error:
        raise click.ClickException(f"{source_name(file)}: {error}") from None
    if not parts:
        raise click.ClickException(f"{source_name(file)} is empty: expected phone numbers, one a line")
    return parts


@optout.command("export")
@only_account_option
@click.pass_obj
def export(session: Session, account: str | None) -> None:
    """Write all opt-outs to standard output as CSV.

    For example: wacrmd optout export --account shop > optouts.csv
    """
    write_pieces(stream(session, "optout.export", account=account))
