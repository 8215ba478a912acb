"""`wacrmd broadcast create`: a broadcast from a CSV file, with a preview before it is sent."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wacrmd.cli import complete
from wacrmd.cli.broadcast_maker import LargeBroadcast, OneCall, maker_of
from wacrmd.cli.cost import cost_line
from wacrmd.cli.exit_codes import FAILED
from wacrmd.cli.frame import FileName, Session, Verb
from wacrmd.cli.input import confirm, may_ask, source_name
from wacrmd.cli.input_file import MAX_RECIPIENTS_BYTES, InputFile
from wacrmd.cli.json_file import content_in
from wacrmd.cli.options import account_option, column_option, rejected_option, yes_option
from wacrmd.cli.output import SHORT_ID, Kind, clean, hint, paragraph, people, say, span
from wacrmd.cli.plan import forecast_line, people_line, plan_lines, plan_of, plan_options
from wacrmd.cli.rejected import RejectedLines
from wacrmd.cli.table import Column, table
from wacrmd.cli.times import StartTime, start_shown, timezone_option
from wacrmd.domain.text_file import CsvError
from wacrmd.errors import counted
from wacrmd.fields import JsonObject

if TYPE_CHECKING:
    from wacrmd.domain.recipient_file import RecipientFile

PREVIEW_ROWS = 5
MAX_GUESSES_SHOWN = 20


@click.command("create", cls=Verb)
@click.option(
    "--csv", "file", type=FileName(), required=True, metavar="FILE", help="The file; - is standard input."
)
@click.option("--template", required=True, metavar="NAME", help="The name of the approved template.")
@click.option(
    "--language", metavar="CODE", default="en_US", show_default=True, help="The language of the template."
)
@account_option
@click.option(
    "--from",
    "sender",
    metavar="ID",
    shell_complete=complete.numbers,
    help="The number that sends. Default: the default number of the account.",
)
@click.option("--name", metavar="TEXT", help="A name for the broadcast. Default: the name of the file.")
@click.option(
    "--schedule", type=StartTime(), metavar="TIME", help="When it starts, such as '2026-12-01 09:00'."
)
@timezone_option
@plan_options
@click.option(
    "--content",
    type=FileName(),
    metavar="FILE",
    help="A JSON file with header, buttons or components of the template.",
)
@column_option
@rejected_option
@click.option("--named", is_flag=True, help="Use the names of the columns as names of parameters.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@click.option("--watch", is_flag=True, help="Watch the broadcast afterwards.")
@yes_option
@click.pass_obj
def create(session: Session, /, file: str, yes: bool, watch: bool, **options: Any) -> int:
    """Send a template to the people in a CSV file.

    The file has a header row with a column called to, or another usual name for phone numbers (Mobile, Handy …), and
    one column for each parameter of the template. Columns called 1, 2 … fill {{1}}, {{2}} …; other columns fill them in
    their order, or by name if the template has named parameters. Before anything is sent, you see the first rows, the
    rejected rows and the duration. The exit code is 0 if every line was taken.

    For example: wacrmd broadcast create --csv people.csv --template spring_sale --language de
    """
    if not options["dry_run"]:
        may_ask(yes=yes)
    when = start_shown(options["schedule"], click.get_current_context())
    options["plan"] = plan_of(options)
    with (
        InputFile(file, max_bytes=MAX_RECIPIENTS_BYTES) as source,
        RejectedLines(source, options["rejected"]) as left_out,
    ):
        sheet = _read(source, options["column"])
        if not sheet.rows:
            _leave_out(sheet, left_out, [])
            left_out.show()
            if session.json:
                left_out.print_json({"accepted": 0, "rejected": left_out.count}, "rejections")
            raise click.ClickException(f"{source.name} holds no recipient that can be used")
        asked = _asked(sheet, file, options)
        if session.json and not options["dry_run"]:
            confirm(f"Send to {people(len(sheet.rows))}, {when}?", yes=yes)
        with maker_of(session, sheet, asked) as maker:
            if session.json:
                return _create_json(maker, sheet, left_out, asked, dry_run=options["dry_run"])
            found = maker.check()
            _leave_out(sheet, left_out, found["rejections"])
            _preview(sheet, found, options, left_out)
            left_out.close()
            taken = 0 if left_out.count == 0 else FAILED
            if found["problems"]:
                hint("Nothing is sent: solve the problems first.")
                return FAILED
            if options["dry_run"]:
                say("This was a dry run: nothing was stored or sent.")
                return taken
            confirm(f"Send to {people(found['accepted'])}, {when}?", yes=yes)
            made = maker.send()
        say(
            f"Broadcast {made['broadcast_id']} is {made['status']}: {people(made['accepted'])}. It starts {when}."
        )
    if watch:
        from wacrmd.cli.commands.broadcast import watch_until_finished  # noqa: PLC0415 - that module loads this one

        return watch_until_finished(session, made["broadcast_id"]) or taken
    hint(f"To watch it: wacrmd broadcast watch {made['broadcast_id'][:SHORT_ID]}")
    return taken


def _create_json(
    maker: OneCall | LargeBroadcast,
    sheet: "RecipientFile",
    left_out: RejectedLines,
    asked: JsonObject,
    *,
    dry_run: bool,
) -> int:
    """Create the broadcast, and print the result with every line that was left out, in `rejections` and `left_out`.

    They are also printed if the daemon refuses the broadcast.
    """
    refused, result = maker.json(dry_run=dry_run)
    _leave_out(sheet, left_out, result.pop("rejections"))
    left_out.show()
    result["scheduled_at"] = asked["scheduled_at"]
    left_out.print_json(result | {"rejected": left_out.count}, "rejections")
    if refused is not None:
        raise refused
    return FAILED if left_out.count or result.get("problems") else 0


def _leave_out(sheet: "RecipientFile", left_out: RejectedLines, rejections: list[JsonObject]) -> None:
    """Tell of the lines that were left out: those that cannot be read, and those whose number the daemon rejects."""
    lines: list[tuple[int, int | None, str, str, str]] = [
        (one.line, None, one.to, one.reason, one.text) for one in sheet.rejected
    ]
    lines += [
        (row.line, one["index"], row.to, one["reason"], row.text)
        for one in rejections
        for row in sheet.rows[one["index"] : one["index"] + 1]
    ]
    for line, index, to, reason, text in sorted(lines, key=lambda each: each[0]):
        told = {"line": line, "index": index, "to": to, "reason": reason}
        left_out.add(sheet.rejected_format, line, text, reason, told=told)


def _read(source: InputFile, column: str | None) -> "RecipientFile":
    """The recipients in the file; raises ClickException for a file that cannot be used."""
    from wacrmd.domain.recipient_file import read_recipients  # noqa: PLC0415 - the help must not load it

    try:
        with source.bar("Reading") as progress:
            return read_recipients(source.pieces(progress), column=column)
    except CsvError as error:
        raise click.ClickException(f"{source.name}: {error}") from None


def _asked(sheet: "RecipientFile", file: str, options: JsonObject) -> JsonObject:
    """The parameters of broadcast.create."""
    recipients: list[JsonObject] = []
    for row in sheet.rows:
        recipient: JsonObject = {"to": row.to}
        if sheet.columns:
            named = options["named"]
            recipient["params"] = dict(zip(sheet.columns, row.params, strict=True)) if named else row.params
        recipients.append(recipient)
    label = Path(source_name(file)).name
    asked = {
        "account": options["account"],
        "name": options["name"] or f"{label} ({options['template']})"[:100],
        "template_name": options["template"],
        "template_language": options["language"],
        "from": options["sender"],
        "scheduled_at": options["schedule"],
        "recipients": recipients,
        "parameter_names": sheet.columns
        if sheet.columns and not (sheet.numbered or options["named"])
        else None,
        **options["plan"],
    }
    return asked | (content_in(options["content"]) if options["content"] else {})


def _preview(
    sheet: "RecipientFile", found: JsonObject, options: JsonObject, left_out_lines: RejectedLines
) -> None:
    """Show what would be sent: the first rows, who is left out and why, and the duration."""
    columns = [Column("LINE", "line", Kind.NUMBER), Column("TO", "to", Kind.KEY)]
    columns.append(Column("SENT AS", "sent_as"))
    sent_as = dict(enumerate(found["sent_as"]))
    for at, name in enumerate(sheet.columns):
        title = name if sheet.numbered or options["named"] else f"{{{{{at + 1}}}}} {name}"
        columns.append(Column(title, f"param {at}"))
    rows = [
        {"line": row.line, "to": row.to, "sent_as": sent_as.get(place)}
        | {f"param {at}": value for at, value in enumerate(row.params)}
        for place, row in enumerate(sheet.rows[:PREVIEW_ROWS])
    ]
    table(rows, columns, empty="")
    if len(sheet.rows) > PREVIEW_ROWS:
        say(f"… and {len(sheet.rows) - PREVIEW_ROWS} more")
    say("")
    left_out_lines.show()
    number = found["number"]
    sender = number["display_phone"] or number["phone_number_id"]
    say(f"Template {options['template']} ({options['language']}) from {sender} of {found['account']}:")
    if found["message"]:
        paragraph("  ", clean(found["message"].replace("\n", " ⏎ ")), 2)
    left_out = [
        f"{count} {word}"
        for count, word in (
            (left_out_lines.count, "rejected"),
            (found["duplicates"], "more than once in the file"),
            (found["suppressed"], "opted out"),
        )
        if count
    ]
    takes = span(found["expected_duration_s"]) if found["accepted"] else "no time"
    say(
        people_line(found, found["accepted"], takes)
        + (f"; left out: {', '.join(left_out)}" if left_out else "")
    )
    if found["route"]["endpoint"] != "messages":
        say(f"Over /{found['route']['endpoint']}: {found['route']['why']}.")
    cost_line(found["cost"])
    say(f"Starts {start_shown(options['schedule'], click.get_current_context())}.")
    for line in plan_lines(found):
        say(f"Sends {line}.")
    if (going := forecast_line(found, found["accepted"])) is not None:
        say(going)
    if found["template_synced_at"] is None:
        hint("The template was not checked, because no templates are synced yet: wacrmd template sync")
    _print_guesses(found, sheet)
    for warning in found["template_warnings"]:
        hint(f"warning: {warning}")
    if number["hold"]:
        hint(f"warning: the number does not send now: {number['hold']['detail']}")
    for problem in found["problems"]:
        hint(f"problem: {_place(problem['path'], sheet)}: {problem['message']}")


def _place(path: str, sheet: "RecipientFile") -> str:
    """The line of the file for a path in the request such as `recipients[3].params[1]`."""
    head, _, rest = path.partition("].")
    if not head.startswith("recipients[") or not head[11:].isdecimal():
        return path
    return f"line {sheet.rows[int(head[11:])].line}, {rest}"


def _print_guesses(found: JsonObject, sheet: "RecipientFile") -> None:
    """The numbers whose country is a guess, each as it will be sent."""
    for one in found["warnings"][:MAX_GUESSES_SHOWN]:
        hint(
            f"line {sheet.rows[one['index']].line} ({one['to']}): sent as {one['sent_as']}: {one['message']}"
        )
    if len(found["warnings"]) > MAX_GUESSES_SHOWN:
        hint(
            f"… and {counted(len(found['warnings']) - MAX_GUESSES_SHOWN, 'more line')} whose country is a guess"
        )
    if found["warnings_summary"]:
        hint(
            f"warning: {found['warnings_summary']}. Write them with +, or set the country of the account: "
            f"wacrmd account set {found['account']} --country CODE"
        )
