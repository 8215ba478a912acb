"""`wacrmd media …`."""

from pathlib import Path

import click

from wacrmd.cli import complete
from wacrmd.cli.client import call
from wacrmd.cli.frame import FileName, Noun, Session
from wacrmd.cli.input import confirm, source_name
from wacrmd.cli.input_file import InputFile
from wacrmd.cli.options import account_option, limit_option, one_of, only_account_option, yes_option
from wacrmd.cli.output import Kind, details, emit, hint, say
from wacrmd.cli.table import Column, table
from wacrmd.domain.media import LARGEST, MediaKind
from wacrmd.fields import JsonObject

COLUMNS = (
    Column("ID", "id", Kind.ID),
    Column("ACCOUNT", "account", optional=True),
    Column("NAME", "file_name"),
    Column("TYPE", "mime_type", Kind.KEY),
    Column("BYTES", "bytes", Kind.NUMBER),
    Column("USED BY", "uses", Kind.NUMBER, optional=True),
    Column("UPLOADED", "created_at", Kind.TIME, optional=True),
    Column("KEPT UNTIL", "expires_at", Kind.TIME),
    Column("PROBLEM", "problem", Kind.PROSE),
)
UPLOADS = (
    Column("NUMBER", "phone_number_id", Kind.KEY),
    Column("META'S ID", "meta_id", Kind.KEY),
    Column("UNTIL", "expires_at", Kind.TIME),
    Column("PROBLEM", "error", Kind.PROSE),
)
SHOWN = ("id", "account", "file_name", "kind", "mime_type", "bytes", "sha256", "made_by", "created_at")

media_id = click.argument("media_id", metavar="ID", shell_complete=complete.media)


@click.group(cls=Noun)
def media() -> None:
    """Files for the header of messages: pictures, videos and documents.

    The beginning of an ID is enough if no other id begins with it.
    """


@media.command("upload")
@click.argument("file", type=FileName(), metavar="FILE")
@account_option
@click.option(
    "--from", "sender", metavar="ID", shell_complete=complete.numbers, help="The number that will send it."
)
@click.option("--name", metavar="TEXT", help="Its name. Default: that of FILE.")
@click.option("--kind", type=one_of(MediaKind), help="Refuse a file of another kind.")
@click.pass_obj
def upload(
    session: Session, file: str, account: str | None, sender: str | None, name: str | None, kind: str | None
) -> None:
    """Store FILE (- is standard input) for the header of messages, and upload it to Meta.

    A broadcast names it by its id: {"image": {"id": "…"}}. Meta forgets an uploaded file after 30 days; wacrmd uploads it
    again when it is needed. For example: wacrmd media upload spring.jpg --account shop
    """
    with InputFile(file, max_bytes=max(LARGEST.values()), advice="Meta takes no larger file") as source:
        made = call(
            session,
            "media.upload",
            account=account,
            name=name or Path(source_name(file)).name,
            kind=kind,
            descriptors=[source.descriptor],
            **{"from": sender},
        )
    emit(session, made, lambda made: say(f"{made['kind'].capitalize()} {made['id']} is stored."))


@media.command("list")
@only_account_option
@limit_option
@click.pass_obj
def list_media(session: Session, account: str | None, limit: int) -> None:
    """List the files, the newest first.

    For example: wacrmd media list --account shop
    """
    found = call(session, "media.list", account=account, limit=limit)

    def render(rows: list[JsonObject]) -> None:
        shown = [row | {"uses": len(row["used_by"]), "problem": _problem(row)} for row in rows]
        table(shown, COLUMNS, empty="There is no file.")

    emit(session, found, render)


def _problem(row: JsonObject) -> str | None:
    return next((each["error"] for each in row["uploads"] if each["error"]), None)


@media.command("show")
@media_id
@click.pass_obj
def show(session: Session, media_id: str) -> None:
    """Show one file, what became of it at Meta, and what needs it.

    For example: wacrmd media show 4b6d
    """

    def render(found: JsonObject) -> None:
        details((name, found[name]) for name in SHOWN)
        kept = found["expires_at"]
        say(f"It is deleted at {kept} if nothing uses it until then." if kept else "It is kept for ever.")
        table(found["uploads"], UPLOADS, empty="No number has uploaded it yet.")
        if found["used_by"]:
            hint(f"needed by {', '.join(found['used_by'])}")

    emit(session, call(session, "media.show", id=media_id), render)


@media.command("remove")
@media_id
@yes_option
@click.pass_obj
def remove(session: Session, media_id: str, yes: bool) -> None:
    """Delete a file that no broadcast and no draft needs.

    For example: wacrmd media remove 4b6d
    """

    def question() -> str:
        found = call(session, "media.show", id=media_id)
        return f"Delete {found['file_name']} of {found['account']}?"

    confirm(question, yes=yes)
    made = call(session, "media.remove", id=media_id)
    emit(session, made, lambda made: say(f"{made['file_name']} is deleted."))
