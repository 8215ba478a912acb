"""`wacrmd number …`."""

from typing import Any

import click

from wacrmd.cli import complete
from wacrmd.cli.client import call
from wacrmd.cli.exit_codes import FAILED
from wacrmd.cli.frame import Noun, Session
from wacrmd.cli.input import SecretFile, confirm
from wacrmd.cli.number_name import number_name
from wacrmd.cli.options import Amount, Whole, required_account_option, yes_option
from wacrmd.cli.output import Kind, details, emit, findings, held_of, hint, holds, local, on_terminal, say
from wacrmd.cli.table import Column, table
from wacrmd.domain.sending_plan import MAX_RATE
from wacrmd.fields import JsonObject

COLUMNS = (
    Column("ACCOUNT", "account", optional=1),
    Column("LABEL", "label"),
    Column("PHONE", "display_phone", Kind.KEY),
    Column("PHONE NUMBER ID", "phone_number_id", Kind.KEY),
    Column("STATE", "state", Kind.STATE),
    Column("QUALITY", "quality", Kind.STATE, optional=1),
    Column("HOLD", "hold"),
    Column("RATE", "messages_per_second", Kind.NUMBER, optional=True),
    Column("DEFAULT", "is_default", optional=True),
    Column("LIMIT", "limit_tier", optional=True),
    Column("NOTICES", "notices", work=True),
    Column("ID", "id", Kind.ID, optional=True),
)

DETAILS = (
    "phone_number_id",
    "account",
    "label",
    "display_phone",
    "verified_name",
    "waba_id",
    "is_default",
    "state",
    "hold",
    "messages_per_second",
    "rate_now",
    "in_flight",
    "quality",
    "limit_tier",
    "marketing_onboarding",
    "marketing_route",
    "limit_use",
    "daily_limit",
    "portfolio",
    "notices",
    "health",
    "checked_at",
    "old_app_secret_until",
    "silent_since",
    "created_at",
    "id",
)

number_id = click.argument("number_id", metavar="ID", shell_complete=complete.numbers)


@click.group(cls=Noun)
def number() -> None:
    """Business phone numbers that send.

    ID is Meta's phone number id, or the number's id here, of which the beginning is enough.
    """


@number.command("add")
@required_account_option
@click.option("--phone-number-id", required=True, metavar="ID", help="Meta's id of the phone number.")
@click.option(
    "--waba-id", required=True, metavar="ID", help="Meta's id of the WhatsApp Business account (WABA)."
)
@click.option(
    "--access-token-file",
    "access_token",
    required=True,
    type=SecretFile(),
    help="The access token of a system user.",
)
@click.option(
    "--app-secret-file", "app_secret", required=True, type=SecretFile(), help="The secret of the Meta app."
)
@click.option(
    "--verify-token-file",
    "verify_token",
    required=True,
    type=SecretFile(),
    help="A secret of your choice, which you also enter at Meta.",
)
@click.option("--label", metavar="TEXT", help="A name for people.")
@click.option("--display-phone", metavar="+E164", help="The phone number.")
@click.option(
    "--messages-per-second",
    type=Amount(min=0, min_open=True, max=MAX_RATE),
    metavar="N",
    help="Its rate. Default: [sender] messages_per_second.",
)
@click.option("--default", is_flag=True, help="Send from it if a broadcast names no number.")
@click.option("--check/--no-check", default=True, help="Ask Meta whether the token works (default).")
@click.pass_obj
def add(session: Session, /, **options: Any) -> None:
    """Add a number with its secrets.

    Secrets are read from files (- is standard input) and stored encrypted.
    For example: wacrmd number add --account shop --phone-number-id 106540352242922 --waba-id 102290129340398
    --access-token-file token --app-secret-file secret --verify-token-file verify
    """
    result = call(session, "number.add", **options)

    def render(made: JsonObject) -> None:
        say(f"Number {made['phone_number_id']} added to {made['account']} (id {made['id']}).")
        _print_token_check(made)

    emit(session, result, render)


def _print_token_check(made: JsonObject) -> None:
    """Print what Meta answered to the token."""
    found = made["check"]
    if found is None:
        return
    if found["state"] == "ok":
        say(f"{found['detail']}; quality {made['quality']}, limit {made['limit_tier']}.")
    else:
        hint(f"warning: the token {found['detail']}")
        hint(f"Check it again later: wacrmd number check {made['phone_number_id']}")


@number.command("list")
@click.option("--removed", is_flag=True, help="Also those that were removed; broadcasts still name them.")
@click.pass_obj
def list_numbers(session: Session, removed: bool) -> None:
    """List the numbers with their state.

    For example: wacrmd number list
    """

    def render(rows: list[JsonObject]) -> None:
        shown = [
            row
            | {
                "state": row["state"] if row["removed_at"] is None else "removed",
                "hold": (row["hold"] or {}).get("detail"),
                "notices": [notice["kind"] for notice in row["notices"]],
            }
            for row in rows
        ]
        empty = "There is no number yet: see wacrmd number add --help"
        if not on_terminal():
            table(shown, COLUMNS, empty=empty)
            return
        table(shown, [one for one in COLUMNS if one.field != "hold"], empty=empty)
        holds(held_of([row | {"id": row["phone_number_id"]} for row in rows], "number", "label"))
        for row in rows:
            for notice in _notices(row):
                hint(f"Meta says about {number_name(row)}: {notice}")

    emit(session, call(session, "number.list", removed=removed), render)


def _notices(row: JsonObject) -> list[str]:
    return [f"{notice['kind']}: {notice['detail']}" for notice in row["notices"]]


@number.command("show")
@number_id
@click.pass_obj
def show(session: Session, number_id: str) -> None:
    """Show one number with its state, quality, limit and health.

    For example: wacrmd number show 106540352242922
    """

    def render(found: JsonObject) -> None:
        health = (found["health"] or {}).get("can_send_message")
        values = found | {
            "hold": (found["hold"] or {}).get("detail"),
            "health": health,
            "limit_use": _limit_use(found["limit_use"]),
            "notices": _notices(found),
            "marketing_route": f"/{found['marketing_route']['endpoint']}: {found['marketing_route']['why']}",
        }
        details((field, values[field]) for field in DETAILS)

    emit(session, call(session, "number.show", id=number_id), render)


def _limit_use(use: JsonObject) -> str:
    """How much of the limit is used, in a sentence."""
    if use["limit"] is None:
        who = "person" if use["used"] == 1 else "people"
        return f"{use['used']:,} {who} in 24 hours; {'there is no limit' if use['is_known'] else 'the limit is not known'}"
    more = f"; from {local(use['next_at'])} on {use['next_count']:,} more" if use["next_at"] else ""
    return (
        f"{use['used']:,} of {use['limit']:,} {'person' if use['limit'] == 1 else 'people'} in 24 hours{more}"
    )


@number.command("set")
@number_id
@click.option("--label", metavar="TEXT", help="A name for people; an empty one removes it.")
@click.option("--display-phone", metavar="+E164", help="The phone number.")
@click.option(
    "--messages-per-second",
    type=Amount(min=0, max=MAX_RATE),
    metavar="N",
    help="Its rate, from now on; 0: [sender] messages_per_second.",
)
@click.option(
    "--daily-limit",
    type=Whole(min=0, max=100_000_000),
    metavar="N",
    help="To how many different people it writes first in 24 hours, if Meta allows more; 0: as Meta tells.",
)
@click.option(
    "--portfolio",
    metavar="NAME",
    help="Numbers with the same name share Meta's limit; an empty one: it shares it with those of its account.",
)
@click.option("--default", is_flag=True, help="Send from it if a broadcast names no number.")
@click.option("--access-token-file", "access_token", type=SecretFile(), help="A new access token.")
@click.option("--app-secret-file", "app_secret", type=SecretFile(), help="A new app secret.")
@click.option("--verify-token-file", "verify_token", type=SecretFile(), help="A new verify token.")
@click.option(
    "--overlap-hours",
    type=Amount(min=0, max=720),
    metavar="N",
    default=24.0,
    show_default=True,
    help="How long the old app secret is still accepted.",
)
@click.option("--check/--no-check", default=True, help="Ask Meta whether a new token works (default).")
@click.pass_obj
def change(session: Session, /, number_id: str, **options: Any) -> None:
    """Change a number: its label, rate, token or secrets.

    For example: wacrmd number set 106540352242922 --messages-per-second 20
    """
    settings = (value for name, value in options.items() if name not in ("check", "overlap_hours"))
    if all(value is None or value is False for value in settings):  # 0 is a value, and equal to False
        raise click.UsageError("Nothing to change: give at least one option such as --messages-per-second")

    def render(made: JsonObject) -> None:
        changed = ", ".join(name.replace("_", " ") for name in made["changed"])
        say(f"Number {made['phone_number_id']}: {changed} changed.")
        if "access_token" in made["changed"]:
            _print_token_check(made)
            if made["hold"]:
                hint(f"The number is paused: wacrmd number resume {made['phone_number_id']}")
        if "app_secret" in made["changed"]:
            hours = options["overlap_hours"]
            hint(
                f"Webhooks signed with the old app secret are accepted for {hours:g} more hour{'' if hours == 1 else 's'}."
            )

    emit(session, call(session, "number.set", id=number_id, **options), render)


@number.command("pause")
@number_id
@click.option("--reason", metavar="TEXT", help="Why, for people who ask later.")
@click.pass_obj
def pause(session: Session, number_id: str, reason: str | None) -> None:
    """Stop all sending from a number until it is resumed.

    For example: wacrmd number pause 106540352242922 --reason "the shop is closed"
    """
    emit(
        session,
        call(session, "number.pause", id=number_id, reason=reason),
        lambda made: say(f"Number {made['phone_number_id']} is paused."),
    )


@number.command("resume")
@number_id
@click.pass_obj
def resume(session: Session, number_id: str) -> None:
    """Resume a paused number and its broadcasts.

    For example: wacrmd number resume 106540352242922
    """
    emit(
        session,
        call(session, "number.resume", id=number_id),
        lambda made: say(f"Number {made['phone_number_id']} sends again."),
    )


@number.command("check")
@number_id
@click.option("--subscribe", is_flag=True, help="Subscribe the token's app to the number's webhooks.")
@click.pass_obj
def check(session: Session, number_id: str, subscribe: bool) -> int:
    """Check a number at Meta: token, quality, limit, webhooks.

    Exit code 1 if a check fails. For example: wacrmd number check 106540352242922
    """
    result = call(session, "number.check", id=number_id, subscribe=subscribe)

    def render(found: JsonObject) -> None:
        say(f"Number {number_name(found['number'])}, account {found['number']['account']}:")
        findings(found["checks"])

    emit(session, result, render)
    return FAILED if result["state"] == "fail" else 0


@number.command("remove")
@number_id
@yes_option
@click.pass_obj
def remove(session: Session, number_id: str, yes: bool) -> None:
    """Remove a number and delete its secrets.

    It must have no unfinished broadcasts. For example: wacrmd number remove 106540352242922
    """

    def question() -> str:
        name = number_name(call(session, "number.show", id=number_id))
        return f"Remove number {name} and delete its token and secrets?"

    confirm(question, yes=yes)
    emit(
        session,
        call(session, "number.remove", id=number_id),
        lambda made: say(f"Number {made['phone_number_id']} is removed from {made['account']}."),
    )
