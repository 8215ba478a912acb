"""`wacrmd optout …`."""

import sys
from typing import TYPE_CHECKING, Any

import click

from wacrmd.cli import complete
from wacrmd.cli.client import call, stream
from wacrmd.cli.frame import Noun, Session
from wacrmd.cli.input import read_pieces, source_name
from wacrmd.cli.output import Column, Kind, emit, hint, say, table

if TYPE_CHECKING:
    from wacrmd.domain.optout_file import Part

COLUMNS = (
    Column("ACCOUNT", "account", spare=True),
    Column("PHONE", "phone", Kind.KEY),
    Column("USER ID", "user_id", spare=True),
    Column("SOURCE", "source"),
    Column("DETAIL", "detail"),
    Column("SINCE", "created_at", Kind.TIME),
)
PART_BYTES = 400 * 1024
"""How much of a file goes into one call; a line of the protocol may hold a MiB, and JSON escapes."""

MAX_ERRORS = 20

account_option = click.option(
    "--account",
    metavar="NAME",
    shell_complete=complete.accounts,
    help="Whose list; not needed if there is only one account.",
)


@click.group(cls=Noun)
def optout() -> None:
    """People who must not be messaged any more."""


@optout.command("add")
@click.argument("phone")
@account_option
@click.option("--detail", metavar="TEXT", help="Why, for those who wonder later.")
@click.pass_obj
def add(session: Session, phone: str, account: str | None, detail: str | None) -> None:
    """Suppress a person: nothing is sent to them any more.

    For example: wacrmd optout add +14155550123 --account shop
    """
    emit(
        session,
        call(session, "optout.add", account=account, phone=phone, detail=detail),
        lambda made: say(f"{made['phone'] or made['user_id']} is suppressed ({made['source']})."),
    )


@optout.command("remove")
@click.argument("phone")
@account_option
@click.pass_obj
def remove(session: Session, phone: str, account: str | None) -> None:
    """Let a person who had opted out be messaged again.

    For example: wacrmd optout remove +14155550123 --account shop
    """
    emit(
        session,
        call(session, "optout.remove", account=account, phone=phone),
        lambda made: say(f"{made['phone'] or made['user_id']} may be messaged again."),
    )


@optout.command("list")
@click.option("--account", metavar="NAME", shell_complete=complete.accounts, help="Only this account's.")
@click.option("--limit", type=click.IntRange(min=1, max=1000), metavar="N", help="At most so many (50).")
@click.pass_obj
def list_optouts(session: Session, account: str | None, limit: int | None) -> None:
    """List the newest opt-outs with source and time.

    For example: wacrmd optout list --account shop
    """

    def render(rows: list[dict[str, Any]]) -> None:
        table(rows, COLUMNS, empty="Nobody has opted out.")
        if len(rows) == (limit or 50):
            hint("More may follow: wacrmd optout export writes all of them")

    emit(session, call(session, "optout.list", account=account, limit=limit), render)


@optout.command("import")
@click.argument("file", metavar="FILE")
@account_option
@click.pass_obj
def import_file(session: Session, file: str, account: str | None) -> int:
    """Suppress everybody in a CSV FILE (- is standard input); running it again is harmless.

    A header may name phone, user_id and detail; without one the first column is the phone number.

    For example: wacrmd optout import stop.csv --account shop
    """
    total: dict[str, Any] = {"added": 0, "known": 0, "rejected": 0, "errors": []}
    for part in _parts(file):
        done = call(session, "optout.import", account=account, csv=part.text)
        for name in ("added", "known", "rejected"):
            total[name] += done[name]
        total["errors"] += [one | {"line": one["line"] + part.shift} for one in done["errors"]]

    def render(found: dict[str, Any]) -> None:
        for one in found["errors"][:MAX_ERRORS]:
            hint(f"line {one['line']}: {one['message']}")
        if found["rejected"] > MAX_ERRORS:
            hint(f"… and {found['rejected'] - MAX_ERRORS} more lines that are rejected")
        say(
            f"{found['added']} people suppressed, {found['known']} were already, "
            f"{found['rejected']} lines rejected."
        )

    emit(session, total, render)
    return int(bool(total["rejected"]) and not (total["added"] or total["known"]))


def _parts(file: str) -> list["Part"]:
    """The file in parts that fit into one call; all of it is read first, so a bad file imports nobody."""
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
@click.option("--account", metavar="NAME", shell_complete=complete.accounts, help="Only this account's.")
@click.pass_obj
def export(session: Session, account: str | None) -> None:
    """Write all opt-outs to standard output as CSV.

    For example: wacrmd optout export --account shop > optouts.csv
    """
    out = sys.stdout.buffer
    for piece in stream(session, "optout.export", account=account):
        out.write(piece.encode())
    out.flush()
