"""`wacrmd draft …`."""

import json
from pathlib import Path
from typing import Any

import click

from wacrmd.cli import complete
from wacrmd.cli.client import call, stream
from wacrmd.cli.cost import cost_line
from wacrmd.cli.exit_codes import FAILED
from wacrmd.cli.frame import FileName, Noun, Session
from wacrmd.cli.input import confirm, source_name
from wacrmd.cli.input_file import InputFile
from wacrmd.cli.json_file import content_in, object_in
from wacrmd.cli.options import (
    ListOption,
    account_option,
    broadcast_id,
    column_option,
    limit_option,
    one_of,
    only_account_option,
    yes_option,
)
from wacrmd.cli.output import Kind, details, emit, hint, paragraph, people, say, span, write_pieces
from wacrmd.cli.plan import PLAN_PARTS, forecast_line, people_line, plan_lines, plan_of, plan_options
from wacrmd.cli.table import Column, table
from wacrmd.cli.times import StartTime, timezone_option
from wacrmd.domain.draft import Again, FileFormat, Which
from wacrmd.fields import JsonObject

MAX_BYTES = 64 * 1024 * 1024

COLUMNS = (
    Column("ID", "id", Kind.ID),
    Column("ACCOUNT", "account", optional=True),
    Column("NAME", "name"),
    Column("STATE", "state", Kind.STATE),
    Column("PEOPLE", "people", Kind.NUMBER),
    Column("TEMPLATE", "template_name"),
    Column("CHANGED", "updated_at", Kind.TIME, optional=True),
    Column("PROBLEM", "problem", Kind.PROSE),
)
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
LINES = (
    Column("LINE", "line", Kind.NUMBER),
    Column("TO", "to", Kind.KEY),
    Column("REASON", "message", Kind.PROSE),
)
SHOWN = (
    "id",
    "account",
    "name",
    "state",
    "template_name",
    "template_language",
    "from",
    "made_by",
    "scheduled_at",
)

draft_id = click.argument("draft_id", metavar="ID", shell_complete=complete.drafts)
content_option = click.option(
    "--content",
    type=FileName(),
    metavar="FILE",
    help="A JSON file with header, buttons or components of the template.",
)
schedule_option = click.option(
    "--schedule", type=StartTime(), metavar="TIME", help="When it starts, such as '2026-12-01 09:00'."
)


@click.group(cls=Noun)
def draft() -> None:
    """Drafts: broadcasts that are made step by step.

    The beginning of an ID is enough if no other id begins with it.
    """


@draft.command("list")
@only_account_option
@limit_option
@click.pass_obj
def list_drafts(session: Session, account: str | None, limit: int) -> None:
    """List drafts, the newest first.

    For example: wacrmd draft list --account shop
    """
    found = call(session, "draft.list", account=account, limit=limit)
    emit(session, found, lambda rows: table(rows, COLUMNS, empty="There is no draft."))


@draft.command("show")
@draft_id
@click.pass_obj
def show(session: Session, draft_id: str) -> None:
    """Show one draft, and what its last check found.

    For example: wacrmd draft show 4b6d
    """
    emit(session, call(session, "draft.show", id=draft_id), _print)


@draft.command("columns")
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


@draft.command("create")
@account_option
@click.option(
    "--template", "template_name", required=True, metavar="NAME", help="The name of the approved template."
)
@click.option(
    "--language", "template_language", metavar="CODE", help="The language of the template. Default: en_US."
)
@click.option("--name", metavar="TEXT", help="A name for the broadcast.")
@click.option(
    "--from", "sender", metavar="ID", shell_complete=complete.numbers, help="The number that sends."
)
@schedule_option
@timezone_option
@plan_options
@content_option
@click.pass_obj
def create(
    session: Session, /, schedule: str | None, sender: str | None, content: str | None, **options: Any
) -> None:
    """Make a draft; nothing of it is sent until that is asked for.

    For example: wacrmd draft create --account shop --template spring_sale
    """
    given = {"from": sender, "scheduled_at": schedule, **plan_of(options), **_parts(content)}
    made = call(session, "draft.create", **options, **given)
    emit(session, made, lambda made: say(f"Draft {made['id']} is made."))


@draft.command("change")
@draft_id
@click.option("--name", metavar="TEXT", help="Another name.")
@click.option("--template", "template_name", metavar="NAME", help="Another template.")
@click.option("--language", "template_language", metavar="CODE", help="Another language of the template.")
@click.option(
    "--from", "sender", metavar="ID", shell_complete=complete.numbers, help="Another number that sends."
)
@schedule_option
@timezone_option
@click.option("--now", is_flag=True, help="Start at once, not at a time.")
@plan_options
@click.option(
    "--without",
    cls=ListOption,
    type=click.Choice(PLAN_PARTS),
    help="Without these parts of the way of sending, such as send_between,canary; repeatable.",
)
@content_option
@click.option("--no-content", is_flag=True, help="Without header, buttons and components.")
@click.option("--mapping", type=FileName(), metavar="FILE", help="A JSON file with phone, fills and country.")
@click.pass_obj
def change(session: Session, /, draft_id: str, **options: Any) -> None:
    """Change a draft. What decides what is sent to whom makes a new check necessary.

    A mapping says which column has the phone numbers, and what fills each placeholder, as wacrmd draft columns shows them:
    {"phone": 1, "fills": {"body.1": {"column": 2}, "body.2": {"value": "20 %"}}}

    For example: wacrmd draft change 4b6d --name 'Spring sale'
    """
    mapping, content = options.pop("mapping"), options.pop("content")
    given = {
        "from": options.pop("sender"),
        "scheduled_at": options.pop("schedule"),
        "now": options.pop("now") or None,
        "no_content": options.pop("no_content") or None,
        "without": list(options.pop("without")) or None,
        **plan_of(options),
        "mapping": object_in(mapping) if mapping is not None else None,
        **_parts(content),
    }
    emit(session, call(session, "draft.change", id=draft_id, **options, **given), _print)


@draft.command("upload")
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
    with InputFile(file, max_bytes=MAX_BYTES) as source:
        name = Path(source_name(file)).name
        given = {"name": name, "format": form, "add": add or None}
        made = call(session, "draft.upload", id=draft_id, **given, descriptors=[source.descriptor])
    emit(session, made, _print)


@draft.command("check")
@draft_id
@click.pass_obj
def check(session: Session, draft_id: str) -> None:
    """Check a draft: who gets the message, who is left out and why.

    It goes on by itself: wacrmd draft show has the result. For example: wacrmd draft check 4b6d
    """
    started = call(session, "draft.check", id=draft_id)
    emit(session, started, lambda made: say(f"Draft {made['id']} is {made['state']}."))


@draft.command("row")
@draft_id
@click.option("--row", type=click.IntRange(min=0), metavar="N", help="The number of the person, from 0.")
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


@draft.command("left-out")
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


@draft.command("test")
@draft_id
@click.option("--to", required=True, metavar="PHONE", help="A number of your own.")
@click.option("--row", type=click.IntRange(min=0), metavar="N", help="The number of the person, from 0.")
@click.pass_obj
def test(session: Session, draft_id: str, to: str, row: int | None) -> None:
    """Send what one person of a checked draft gets to a number of your own, now.

    For example: wacrmd draft test 4b6d --to +14155550123
    """
    made = call(session, "draft.test", id=draft_id, to=to, row=row)
    emit(session, made, lambda made: say(f"Sent to {made['to']}, as broadcast {made['broadcast_id']}."))


@draft.command("add-recipients")
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
    from wacrmd.cli.recipient_parts import AddedParts, read_sheet  # noqa: PLC0415 - the help must not load it

    with InputFile(file, max_bytes=MAX_BYTES) as source:
        sheet = read_sheet(source, column)
    added = AddedParts(sheet, named=named)
    for part in added.parts():
        added.take(call(session, "draft.add-recipients", id=draft_id, recipients=part))
    emit(session, added.as_json(), lambda _: added.tell())
    return FAILED if added.left_out else 0


@draft.command("send")
@draft_id
@schedule_option
@timezone_option
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@yes_option
@click.pass_obj
def send(session: Session, draft_id: str, schedule: str | None, dry_run: bool, yes: bool) -> int:
    """Send a draft, now or at its time; one with a file must be checked.

    The exit code of a dry run is 1 if the draft would be refused.

    For example: wacrmd draft send 4b6d
    """

    def question() -> str:
        shown = call(session, "draft.show", id=draft_id)
        if shown["problem"]:
            hint(f"problem: {shown['problem']}")
        return f"Send to {people(shown['check']['accepted'] if shown['check'] else 0)}?"

    if dry_run:
        found = call(session, "draft.send", id=draft_id, scheduled_at=schedule, dry_run=True)
        emit(session, found, _rehearsed)
        return FAILED if found["problems"] else 0
    confirm(question, yes=yes)
    made = call(session, "draft.send", id=draft_id, scheduled_at=schedule)
    emit(
        session,
        made,
        lambda made: say(
            f"Broadcast {made['broadcast_id']} is {made['state']}: {people(made['total_recipients'])}."
        ),
    )
    return 0


def _rehearsed(found: JsonObject) -> None:
    """What a dry run has found."""
    for problem in found["problems"]:
        place = f"{problem['path']}: " if problem["path"] else ""
        hint(f"problem: {place}{problem['message']}")
    say(people_line(found, found["accepted"], span(found["expected_duration_s"])))
    if (going := forecast_line(found, found["accepted"])) is not None:
        say(going)
    say(f"Over /{found['route']['endpoint']}: {found['route']['why']}.")
    cost_line(found["cost"])
    for warning in found["template_warnings"]:
        hint(f"warning: {warning}")
    say("This was a dry run: nothing was stored or sent.")


@draft.command("discard")
@draft_id
@yes_option
@click.pass_obj
def discard(session: Session, draft_id: str, yes: bool) -> None:
    """Throw a draft away, with its people.

    For example: wacrmd draft discard 4b6d
    """
    confirm(f"Throw away the draft {draft_id}?", yes=yes)
    made = call(session, "draft.discard", id=draft_id)
    emit(session, made, lambda made: say(f"Draft {made['broadcast_id']} is thrown away."))


@draft.command("again")
@broadcast_id
@click.option("--whom", type=one_of(Again), help="Which of its recipients. Default: all.")
@click.option(
    "--code", type=click.IntRange(min=0), metavar="N", help="With failed: only with this code of Meta's."
)
@click.pass_obj
def again(session: Session, broadcast_id: str, whom: str | None, code: int | None) -> None:
    """Make a draft from the broadcast ID, for all or some of its recipients.

    For example: wacrmd draft again 4b6d --whom failed
    """
    made = call(session, "draft.again", id=broadcast_id, whom=whom, code=code)
    emit(session, made, lambda made: say(f"Draft {made['id']} is made: check it next."))


def _parts(content: str | None) -> JsonObject:
    return content_in(content) if content is not None else {}


def _print(found: JsonObject) -> None:
    """A draft with what its check found."""
    details((name, found[name]) for name in SHOWN if found[name] is not None)
    for line in plan_lines(found):
        say(f"Sends {line}.")
    if found["file"]:
        say(f"File {found['file']['name']}, {found['file']['bytes']} bytes.")
    if found["progress"]:
        say(f"{found['progress']['done']} of {found['progress']['total']} done.")
    if found["problem"]:
        hint(f"problem: {found['problem']}")
    if (result := found["check"]) is None:
        return
    left = [
        f"{result[name]} {word}"
        for name, word in (
            ("rejected", "rejected"),
            ("duplicates", "more than once in the file"),
            ("same_person", "the same person by another number"),
            ("opted_out", "opted out"),
        )
        if result[name]
    ]
    takes = span(result["expected_duration_s"])
    say(people_line(found, result["accepted"], takes) + (f"; left out: {', '.join(left)}" if left else ""))
    if (going := forecast_line(found, result["accepted"])) is not None:
        say(going)
    if found["route"]["endpoint"] != "messages":
        say(f"Over /{found['route']['endpoint']}: {found['route']['why']}.")
    cost_line(found["cost"])
    if result["guesses"]:
        hint(f"warning: {result['guesses']}")
    for warning in result["warnings"]:
        hint(f"warning: {warning}")
    table(result["rejections"], LINES, empty="")
    for problem in result["problems"]:
        hint(f"problem: {problem['path']}: {problem['message']}")
