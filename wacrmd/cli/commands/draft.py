"""`wacrmd draft …`."""

from typing import Any

import click

from wacrmd.cli import complete
from wacrmd.cli.client import call
from wacrmd.cli.cost import cost_line
from wacrmd.cli.draft_tables import COLUMNS, print_draft
from wacrmd.cli.exit_codes import FAILED
from wacrmd.cli.frame import FileName, Lazy, Noun, Session
from wacrmd.cli.input import confirm
from wacrmd.cli.json_file import content_in, object_in
from wacrmd.cli.options import (
    Code,
    ListOption,
    account_option,
    broadcast_id,
    draft_id,
    limit_option,
    one_of,
    only_account_option,
    yes_option,
)
from wacrmd.cli.output import emit, hint, people, say, span
from wacrmd.cli.plan import PLAN_PARTS, forecast_line, people_line, plan_of, plan_options
from wacrmd.cli.table import table
from wacrmd.cli.times import StartTime, timezone_option
from wacrmd.domain.draft import Again
from wacrmd.fields import JsonObject

content_option = click.option(
    "--content",
    type=FileName(),
    metavar="FILE",
    help="A JSON file with header, buttons or components of the template.",
)
schedule_option = click.option(
    "--schedule", type=StartTime(), metavar="TIME", help="When it starts, such as '2026-12-01 09:00'."
)


@click.group(
    cls=Noun,
    lazy={
        "add-recipients": Lazy(
            "wacrmd.cli.commands.draft_people:add_recipients", "Add people to one that a program fills."
        ),
        "check": Lazy("wacrmd.cli.commands.draft_people:check", "Check who gets the message."),
        "columns": Lazy("wacrmd.cli.commands.draft_people:columns", "Show the columns of its file."),
        "left-out": Lazy("wacrmd.cli.commands.draft_people:left_out", "Write the lines that get no message."),
        "row": Lazy("wacrmd.cli.commands.draft_people:row", "Show what one person gets."),
        "test": Lazy("wacrmd.cli.commands.draft_people:test", "Send what one person gets to yourself."),
        "upload": Lazy("wacrmd.cli.commands.draft_people:upload", "Give it a file of people."),
    },
)
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
    emit(session, call(session, "draft.show", id=draft_id), print_draft)


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
    emit(session, call(session, "draft.change", id=draft_id, **options, **given), print_draft)


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
@click.option("--code", type=Code(), metavar="N", help="With failed: only with this code of Meta's.")
@click.pass_obj
def again(session: Session, broadcast_id: str, whom: str | None, code: int | None) -> None:
    """Make a draft from the broadcast ID, for all or some of its recipients.

    For example: wacrmd draft again 4b6d --whom failed
    """
    made = call(session, "draft.again", id=broadcast_id, whom=whom, code=code)
    emit(session, made, lambda made: say(f"Draft {made['id']} is made: check it next."))


def _parts(content: str | None) -> JsonObject:
    return content_in(content) if content is not None else {}
