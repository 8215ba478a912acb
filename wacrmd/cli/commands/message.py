"""`wacrmd message …`."""

from typing import Any

import click

from wacrmd.cli import complete
from wacrmd.cli.client import call
from wacrmd.cli.cost import cost_line
from wacrmd.cli.exit_codes import FAILED
from wacrmd.cli.frame import FileName, Noun, Session
from wacrmd.cli.json_file import content_in
from wacrmd.cli.options import account_option, limit_option, only_account_option
from wacrmd.cli.output import SHORT_ID, Kind, details, emit, hint, say
from wacrmd.cli.table import Column, table
from wacrmd.fields import JsonObject

COLUMNS = (
    Column("ID", "message_id", Kind.ID),
    Column("TO", "to", Kind.KEY),
    Column("TEMPLATE", "template_name"),
    Column("STATUS", "status", Kind.STATE),
    Column("ATTEMPTS", "attempts", Kind.NUMBER, optional=3),
    Column("CREATED", "created_at", Kind.TIME, optional=1),
    Column("SENT", "sent_at", Kind.TIME, optional=2),
    Column("DELIVERED", "delivered_at", Kind.TIME, optional=2),
    Column("READ", "read_at", Kind.TIME, optional=2),
    Column("WHY", "why", Kind.PROSE),
)

DETAILS = (
    "message_id",
    "status",
    "to",
    "template_name",
    "template_language",
    "from",
    "whatsapp_message_id",
    "attempts",
    "created_at",
    "sent_at",
    "delivered_at",
    "read_at",
    "replied_at",
    "failed_at",
)


@click.group(cls=Noun)
def message() -> None:
    """Messages to one person each, such as order updates.

    Each is a broadcast of one too: wacrmd broadcast show, recipients, pause, resume, cancel and retry take its ID.
    """


@message.command("send")
@click.argument("to", metavar="PHONE")
@click.option("--template", required=True, metavar="NAME", help="The name of the approved template.")
@click.option("--language", metavar="CODE", help="The language of the template. Default: en_US.")
@click.option(
    "--param",
    "params",
    multiple=True,
    metavar="TEXT",
    help="The value of the next parameter of the body, NAME=TEXT with --named; repeatable.",
)
@click.option("--named", is_flag=True, help="The parameters have names.")
@click.option(
    "--content",
    type=FileName(),
    metavar="FILE",
    help="A JSON file with header, buttons or components of the template.",
)
@click.option(
    "--from",
    "sender",
    metavar="ID",
    shell_complete=complete.numbers,
    help="The number that sends. Default: the default number of the account.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@account_option
@click.pass_obj
def send(session: Session, /, to: str, **options: Any) -> int:
    """Send a template to one person.

    It waits some seconds for Meta's answer ([api] message_wait_s). The exit code is 1 if Meta refused the message, or a dry
    run finds that it would be refused.

    For example: wacrmd message send +14155550123 --template order_update --param Jane --param A-17
    """
    template: JsonObject = {"name": options["template"], "language": options["language"]}
    if options["params"]:
        template["params"] = _params(options["params"], named=options["named"])
    template |= content_in(options["content"]) if options["content"] else {}
    result = call(
        session,
        "message.send",
        account=options["account"],
        to=to,
        type="template",
        template=template,
        dry_run=options["dry_run"] or None,
        **{"from": options["sender"]},
    )

    def render(found: JsonObject) -> None:
        short = found["message_id"][:SHORT_ID]
        if found["whatsapp_message_id"]:
            say(f"Meta has taken message {short} to {found['to']}: {found['whatsapp_message_id']}")
            return
        why = f": {found['hold']['detail']}" if found["hold"] else ""
        say(f"Message {short} to {found['to']} is {found['status']}{why}.")
        hint(f"To see what became of it: wacrmd message show {short}")

    emit(session, result, _rehearsed if options["dry_run"] else render)
    return FAILED if options["dry_run"] and result["problems"] else 0


def _rehearsed(found: JsonObject) -> None:
    """What a dry run has found."""
    for problem in found["problems"]:
        hint(f"problem: {problem['path']}: {problem['message']}")
    if not found["problems"]:
        to = ", ".join(each for each in found["sent_as"] if each)
        say(f"To {to}, over /{found['route']['endpoint']}: {found['route']['why']}.")
        cost_line(found["cost"])
    for each in found["warnings"]:
        hint(f"warning: read as {each['sent_as']}: {each['message']}")
    for warning in found["template_warnings"]:
        hint(f"warning: {warning}")
    say("This was a dry run: nothing was stored or sent.")


def _params(given: tuple[str, ...], *, named: bool) -> list[str] | dict[str, str]:
    """The parameters in their order, or by their names."""
    if not named:
        return list(given)
    pairs = [each.partition("=") for each in given]
    if wrong := [name for name, is_there, _ in pairs if not is_there]:
        raise click.UsageError(f"--param {wrong[0]}: expected NAME=TEXT with --named")
    return {name: value for name, _, value in pairs}


@message.command("list")
@only_account_option
@click.option("--paused", is_flag=True, help="Only those that are paused.")
@limit_option
@click.pass_obj
def list_messages(session: Session, /, **options: Any) -> None:
    """List single messages, the newest first.

    For example: wacrmd message list --limit 10
    """

    def render(rows: list[JsonObject]) -> None:
        shown = [row | {"why": _why(row)} for row in rows]
        table(shown, COLUMNS, empty="There is no such message.")

    emit(session, call(session, "message.list", **options), render)


@message.command("show")
@click.argument("message_id", metavar="ID")
@click.pass_obj
def show(session: Session, message_id: str) -> None:
    """Show one message.

    Its history: wacrmd broadcast recipients ID --to PHONE

    For example: wacrmd message show 4b6d
    """

    def render(found: JsonObject) -> None:
        details((name, found[name]) for name in DETAILS if found[name] is not None)
        if why := _why(found):
            details([("why", why)])

    emit(session, call(session, "message.show", id=message_id), render)


def _why(row: JsonObject) -> str | None:
    """Why a message failed, or why it waits."""
    if row["error"]:
        error = row["error"]
        code = "" if error["code"] is None else f"{error['code']} "
        return code + str(error["title"] or error["details"] or "")
    return row["hold"]["detail"] if row["hold"] else None
