"""The verbs of `wacrmd draft` for its people: their file, its check, what each of them gets."""

import json
from pathlib import Path

import click

from wacrmd.cli.client import call, stream
from wacrmd.cli.draft_tables import print_draft
from wacrmd.cli.exit_codes import FAILED
from wacrmd.cli.frame import FileName, Session, Verb
from wacrmd.cli.input import source_name
from wacrmd.cli.input_file import MAX_RECIPIENTS_BYTES, InputFile
from wacrmd.cli.options import Whole, column_option, draft_id, one_of
from wacrmd.cli.output import Kind, emit, paragraph, say, write_pieces
from wacrmd.cli.table import Column, table
from wacrmd.domain.draft import FileFormat, Which
from wacrmd.fields import JsonObject

FILE_COLUMNS = (
    Column("COLUMN", "number", Kind.NUMBER),
    Column("NAME", "name"),
    Column("FIRST VALUES", "samples", Kind.PROSE),
)
PLACEHOLDERS = (
    Column("KEY", "key", Kind.KEY),
    Column("PLACEHOLDER", "label"),
    Column("FILLED BY", "filled_by"),
)


@click.command("columns", cls=Verb)
@draft_id
@click.pass_obj
def columns(session: Session, draft_id: str) -> None:
    """Show the columns of a draft's file, and what fills the template.

    For example: wacrmd draft columns 4b6d
    """

    def render(found: JsonObject) -> None:
        file, fills = found["file"], found["mapping"]["fills"]
        if file is not None:
            table(file["columns"], FILE_COLUMNS, empty="")
            phone = found["mapping"]["phone"]
            say(
                f"Phone numbers: column {phone}."
                if phone
                else f"Phone numbers: {file['unclear'] or 'not known'}."
            )
        rows = [one | {"filled_by": _filled_by(fills.get(one["key"]))} for one in found["placeholders"] or ()]
        table(rows, PLACEHOLDERS, empty="Nothing of the template takes a value, or it is not known.")
        if found["header"]:
            say(f"The header needs one {found['header']} for everybody.")

    emit(session, call(session, "draft.columns", id=draft_id), render)


def _filled_by(fill: JsonObject | None) -> str | None:
    if fill is None:
        return None
    return f"column {fill['column']}" if fill["column"] is not None else fill["value"]


@click.command("upload", cls=Verb)
@draft_id
@click.argument("file", type=FileName(), metavar="FILE")
@click.option(
    "--format", "form", type=one_of(FileFormat), help="csv (default), or jsonl: a recipient on each line."
)
@click.option("--add", is_flag=True, help="Add its people to the list, which keeps its columns.")
@click.pass_obj
def upload(session: Session, draft_id: str, file: str, form: str | None, add: bool) -> None:
    """Give a draft its CSV FILE of people (- is standard input), in place of the one before.

    With --add they are added to those of the one before: such as lines that were left out, and are corrected now.

    For example: wacrmd draft upload 4b6d people.csv
    """
    with InputFile(file, max_bytes=MAX_RECIPIENTS_BYTES) as source:
        name = Path(source_name(file)).name
        given = {"name": name, "format": form, "add": add or None}
        made = call(session, "draft.upload", id=draft_id, **given, descriptors=[source.descriptor])
    emit(session, made, print_draft)


@click.command("check", cls=Verb)
@draft_id
@click.pass_obj
def check(session: Session, draft_id: str) -> None:
    """Check a draft: who gets the message, who is left out and why.

    It goes on by itself: wacrmd draft show has the result. For example: wacrmd draft check 4b6d
    """
    started = call(session, "draft.check", id=draft_id)
    emit(session, started, lambda made: say(f"Draft {made['id']} is {made['state']}."))


@click.command("row", cls=Verb)
@draft_id
@click.option(
    "--row", type=Whole(min=0, max=10_000_000), metavar="N", help="The number of the person, from 0."
)
@click.pass_obj
def row(session: Session, draft_id: str, row: int | None) -> None:
    """Show what one person of a checked draft gets.

    For example: wacrmd draft row 4b6d --row 1
    """

    def render(found: JsonObject) -> None:
        say(f"{found['to']} (line {found['line']}), {found['row'] + 1} of {found['rows']}:")
        if found["text"] is not None:
            paragraph("  ", found["text"].replace("\n", " ⏎ "), 2)
        else:
            say(json.dumps(found["params"], ensure_ascii=False))

    emit(session, call(session, "draft.row", id=draft_id, row=row), render)


@click.command("left-out", cls=Verb)
@draft_id
@click.option("--which", type=one_of(Which), help="Which lines. Default: all that get no message.")
@click.option(
    "--plain", is_flag=True, help="With the reasons in plain words, as a file that a spreadsheet opens."
)
@click.pass_obj
def left_out(session: Session, draft_id: str, which: str | None, plain: bool) -> None:
    """Write the lines that get no message to standard output as CSV, each with the reason.

    For example: wacrmd draft left-out 4b6d --which rejected > rejected.csv
    """
    write_pieces(stream(session, "draft.left-out", id=draft_id, which=which, plain=plain))


@click.command("test", cls=Verb)
@draft_id
@click.option("--to", required=True, metavar="PHONE", help="A number of your own.")
@click.option(
    "--row", type=Whole(min=0, max=10_000_000), metavar="N", help="The number of the person, from 0."
)
@click.pass_obj
def test(session: Session, draft_id: str, to: str, row: int | None) -> None:
    """Send what one person of a checked draft gets to a number of your own, now.

    For example: wacrmd draft test 4b6d --to +14155550123
    """
    made = call(session, "draft.test", id=draft_id, to=to, row=row)
    emit(session, made, lambda made: say(f"Sent to {made['to']}, as broadcast {made['broadcast_id']}."))


@click.command("add-recipients", cls=Verb)
@draft_id
@click.argument("file", type=FileName(), metavar="FILE")
@column_option
@click.option("--named", is_flag=True, help="Use the names of the columns as names of parameters.")
@click.pass_obj
def add_recipients(session: Session, draft_id: str, file: str, column: str | None, named: bool) -> int:
    """Add the people in a CSV FILE (- is standard input) to a draft that a program fills through the API.

    The file is read as that of wacrmd broadcast create. The exit code is 0 if every line was taken.

    For example: wacrmd draft add-recipients 4b6d people.csv
    """
    from wacrmd.cli.recipient_parts import AddedParts, read_sheet  # noqa: PLC0415 - loads phonenumbers

    with InputFile(file, max_bytes=MAX_RECIPIENTS_BYTES) as source:
        sheet = read_sheet(source, column)
    added = AddedParts(sheet, named=named)
    for part in added.parts():
        added.take(call(session, "draft.add-recipients", id=draft_id, recipients=part))
    emit(session, added.as_json(), lambda _: added.tell())
    return FAILED if added.left_out else 0
