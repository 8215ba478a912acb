"""`wacrmd optout …`."""

from dataclasses import asdict

import click

from wacrmd.cli.client import call, stream
from wacrmd.cli.exit_codes import FAILED
from wacrmd.cli.frame import FileName, Noun, Session
from wacrmd.cli.input_file import InputFile
from wacrmd.cli.options import (
    account_option,
    column_option,
    excel_option,
    limit_option,
    one_of,
    only_account_option,
    rejected_option,
)
from wacrmd.cli.output import Kind, emit, hint, people, say, write_pieces
from wacrmd.cli.table import Column, table
from wacrmd.domain.optout import OptOutSource
from wacrmd.fields import JsonObject

MAX_BYTES = 256 * 1024 * 1024
"""More than ten million phone numbers."""

COLUMNS = (
    Column("ACCOUNT", "account", optional=True),
    Column("PHONE", "phone", Kind.KEY),
    Column("USER ID", "user_id", optional=True),
    Column("SOURCE", "source"),
    Column("DETAIL", "detail", Kind.PROSE),
    Column("ANSWERED BROADCAST", "broadcast_id", Kind.ID, optional=True),
    Column("SINCE", "created_at", Kind.TIME),
)


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
    made = call(session, "optout.add", account=account, phone=phone, detail=detail)
    emit(
        session,
        made,
        lambda made: say(f"{made['phone'] or made['user_id']} is opted out ({made['source']})."),
    )
    if made["warning"]:
        hint(f"warning: read as {made['phone']}: {made['warning']}")


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
@click.option("--search", metavar="PHONE", help="Only this person, or numbers that begin so, such as +4915.")
@click.option("--source", type=one_of(OptOutSource), help="Only those who came on the list like this.")
@limit_option
@click.pass_obj
def list_optouts(
    session: Session, account: str | None, search: str | None, source: str | None, limit: int
) -> None:
    """List opt-outs with source and time, the newest first.

    For example: wacrmd optout list --account shop
    """
    empty = "Nobody like this has opted out." if search or source else "Nobody has opted out."

    def render(rows: list[JsonObject]) -> None:
        table(rows, COLUMNS, empty=empty)
        if len(rows) == limit:
            hint("There may be more: wacrmd optout export writes all of them")

    found = call(session, "optout.list", account=account, search=search, source=source, limit=limit)
    emit(session, found, render)


@optout.command("import")
@click.argument("file", type=FileName(), metavar="FILE")
@account_option
@column_option
@rejected_option
@click.pass_obj
def import_file(
    session: Session, file: str, account: str | None, column: str | None, rejected: str | None
) -> int:
    """Opt out everybody in a CSV FILE (- is standard input).

    The header names a column of phone numbers in any usual way (phone, Mobile, Handy …), or one of user ids (user_id),
    and perhaps one of notes (detail). If it is not certain which column has the phone numbers, nobody is opted out:
    say it with --column. The exit code is 0 if every line was taken. Importing a file again is harmless.

    For example: wacrmd optout import stop.csv --account shop
    """
    from wacrmd.cli.optout_import import import_optouts  # noqa: PLC0415 - loads phonenumbers
    from wacrmd.cli.rejected import RejectedLines  # noqa: PLC0415

    with InputFile(file, max_bytes=MAX_BYTES) as source, RejectedLines(source, rejected) as left_out:
        done = import_optouts(session, source, left_out, account=account, column=column)
        if session.json:
            left_out.print_json(asdict(done) | {"rejected": left_out.count}, "errors")
        else:
            left_out.show()
            if not (done.added or done.known or left_out.count):
                hint(f"{source.name} has a header and no lines below it.")
            done.show_guesses(account)
            rejected_lines = f"Rejected lines: {left_out.count}."
            say(f"{people(done.added)} opted out, {done.known} had opted out before. {rejected_lines}")
        return FAILED if left_out.count else 0


@optout.command("export")
@only_account_option
@excel_option
@click.pass_obj
def export(session: Session, account: str | None, excel: bool) -> None:
    """Write all opt-outs to standard output as CSV.

    wacrmd optout import reads it again. For example: wacrmd optout export --account shop > optouts.csv
    """
    write_pieces(stream(session, "optout.export", account=account, excel=excel or None))
