"""`wacrmd number …`."""

from typing import Any

import click

from wacrmd.cli import complete
from wacrmd.cli.client import call
from wacrmd.cli.frame import Noun, Session
from wacrmd.cli.input import SecretFile, confirm, yes_option
from wacrmd.cli.output import (
    Column,
    Kind,
    details,
    emit,
    findings,
    held_of,
    hint,
    holds,
    on_terminal,
    say,
    table,
)

COLUMNS = (
    Column("ACCOUNT", "account"),
    Column("LABEL", "label"),
    Column("PHONE", "display_phone", Kind.KEY),
    Column("PHONE NUMBER ID", "phone_number_id", Kind.KEY),
    Column("STATE", "state", Kind.STATE),
    Column("QUALITY", "quality", Kind.STATE),
    Column("HOLD", "hold"),
    Column("RATE", "messages_per_second", Kind.NUMBER, spare=True),
    Column("DEFAULT", "is_default", spare=True),
    Column("LIMIT", "limit_tier", spare=True),
    Column("ID", "id", Kind.ID, spare=True),
)

FACTS = (
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
    "checked_at",
    "old_app_secret_until",
    "silent_since",
    "created_at",
    "id",
)

number_id = click.argument("number_id", metavar="ID", shell_complete=complete.numbers)


@click.group(cls=Noun)
def number() -> None:
    """Business phone numbers that send; ID is Meta's phone number id, or ours or its beginning."""


@number.command("add")
@click.option(
    "--account",
    required=True,
    metavar="NAME",
    shell_complete=complete.accounts,
    help="The account that it belongs to.",
)
@click.option("--phone-number-id", required=True, metavar="ID", help="Meta's id of the number.")
@click.option("--waba-id", required=True, metavar="ID", help="Meta's id of its WhatsApp business account.")
@click.option(
    "--access-token-file", "access_token", required=True, type=SecretFile(), help="A system user's token."
)
@click.option("--app-secret-file", "app_secret", required=True, type=SecretFile(), help="The app's secret.")
@click.option(
    "--verify-token-file", "verify_token", required=True, type=SecretFile(), help="A word of your own."
)
@click.option("--label", metavar="TEXT", help="A name for people.")
@click.option("--display-phone", metavar="+E164", help="The number itself.")
@click.option(
    "--messages-per-second", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Its pace."
)
@click.option("--default", is_flag=True, help="Send from it where a broadcast names no number.")
@click.option("--check/--no-check", default=True, help="Ask Meta first whether the token is right (default).")
@click.pass_obj
def add(session: Session, /, **options: Any) -> None:
    """Add a number; its secrets are read from files (- is standard input) and stored encrypted.

    For example: wacrmd number add --account shop --phone-number-id 106540352242922 --waba-id 102290129340398
    --access-token-file token --app-secret-file secret --verify-token-file verify
    """
    result = call(session, "number.add", **options)

    def render(made: dict[str, Any]) -> None:
        say(f"Number {made['phone_number_id']} added to {made['account']} (id {made['id']}).")
        _tell_check(made)

    emit(session, result, render)


def _tell_check(made: dict[str, Any]) -> None:
    """What Meta said to the token."""
    found = made.get("check")
    if found is None:
        return
    if found["state"] == "ok":
        say(f"{found['detail']}; quality {made.get('quality')}, limit {made.get('limit_tier')}.")
    else:
        hint(f"warning: the token {found['detail']}")
        hint(f"Ask again later: wacrmd number check {made['phone_number_id']}")


@number.command("list")
@click.pass_obj
def list_numbers(session: Session) -> None:
    """List the numbers with their state.

    For example: wacrmd number list
    """

    def render(rows: list[dict[str, Any]]) -> None:
        said = [row | {"hold": (row.get("hold") or {}).get("detail")} for row in rows]
        empty = "There is no number yet: see wacrmd number add --help"
        if not on_terminal():
            table(said, COLUMNS, empty=empty)
            return
        table(said, [one for one in COLUMNS if one.field != "hold"], empty=empty)
        holds(held_of([row | {"id": row["phone_number_id"]} for row in rows], "number", "label"))

    emit(session, call(session, "number.list"), render)


@number.command("show")
@number_id
@click.pass_obj
def show(session: Session, number_id: str) -> None:
    """Show one number with its state, quality, limit and health.

    For example: wacrmd number show 106540352242922
    """

    def render(shown: dict[str, Any]) -> None:
        facts = shown | {"hold": (shown.get("hold") or {}).get("detail")}
        details((field.replace("_", " "), facts.get(field)) for field in FACTS)
        health = shown.get("health")
        if health:
            details([("health", health.get("can_send_message"))])

    emit(session, call(session, "number.show", id=number_id), render)


@number.command("set")
@number_id
@click.option("--label", metavar="TEXT", help="A name for people; an empty one takes it away.")
@click.option("--display-phone", metavar="+E164", help="The number itself.")
@click.option(
    "--messages-per-second",
    type=click.FloatRange(min=0, max=1000),
    metavar="N",
    help="Its pace, at once; 0 is the configuration's.",
)
@click.option("--default", is_flag=True, help="Send from it where a broadcast names no number.")
@click.option("--access-token-file", "access_token", type=SecretFile(), help="A new access token.")
@click.option("--app-secret-file", "app_secret", type=SecretFile(), help="A new app secret.")
@click.option("--verify-token-file", "verify_token", type=SecretFile(), help="A new verify token.")
@click.option(
    "--overlap-hours",
    type=click.FloatRange(min=0, max=720),
    metavar="N",
    help="How long the old app secret still holds (default 24).",
)
@click.option(
    "--check/--no-check", default=True, help="Ask Meta first whether a new token is right (default)."
)
@click.pass_obj
def change(session: Session, /, number_id: str, **options: Any) -> None:
    """Change a number: its label, pace and default, or its token and secrets.

    For example: wacrmd number set 106540352242922 --messages-per-second 20
    """
    if all(
        value in (None, False) for name, value in options.items() if name not in ("check", "overlap_hours")
    ):
        raise click.UsageError("Nothing to change: name at least one option such as --messages-per-second")

    def render(made: dict[str, Any]) -> None:
        what = ", ".join(name.replace("_", " ") for name in made["changed"])
        say(f"Number {made['phone_number_id']}: {what} changed.")
        if "access_token" in made["changed"]:
            _tell_check(made)
            if made.get("hold"):
                hint(f"It is paused: wacrmd number resume {made['phone_number_id']}")
        if "app_secret" in made["changed"]:
            hours = options["overlap_hours"] if options["overlap_hours"] is not None else 24
            hint(f"Webhooks signed with the old app secret are taken for {hours:g} more hours.")

    emit(session, call(session, "number.set", id=number_id, **options), render)


@number.command("pause")
@number_id
@click.option("--reason", metavar="TEXT", help="Why, for those who wonder later.")
@click.pass_obj
def pause(session: Session, number_id: str, reason: str | None) -> None:
    """Stop all sending from a number until it is resumed.

    For example: wacrmd number pause 106540352242922 --reason "the shop is closed"
    """
    emit(
        session,
        call(session, "number.pause", id=number_id, reason=reason),
        lambda made: say(f"Number {made['phone_number_id']} is paused: {made['hold']['detail']}."),
    )


@number.command("resume")
@number_id
@click.pass_obj
def resume(session: Session, number_id: str) -> None:
    """Let a number send again; its broadcasts go on by themselves.

    For example: wacrmd number resume 106540352242922
    """
    emit(
        session,
        call(session, "number.resume", id=number_id),
        lambda made: say(f"Number {made['phone_number_id']} sends again."),
    )


@number.command("check")
@number_id
@click.option("--subscribe", is_flag=True, help="Let the token's app get the number's webhooks.")
@click.pass_obj
def check(session: Session, number_id: str, subscribe: bool) -> int:
    """Ask Meta about a number: token, quality, limit, health and webhooks. Exit code 1 if one fails.

    For example: wacrmd number check 106540352242922
    """
    result = call(session, "number.check", id=number_id, subscribe=subscribe)

    def render(found: dict[str, Any]) -> None:
        say(f"Number {found['number']['phone_number_id']}, account {found['number']['account']}:")
        findings(found["checks"])

    emit(session, result, render)
    return int(result["state"] == "fail")


@number.command("remove")
@number_id
@yes_option
@click.pass_obj
def remove(session: Session, number_id: str, yes: bool) -> None:
    """Take a number out of use and forget its secrets.

    It must have no unfinished broadcasts. For example: wacrmd number remove 106540352242922
    """
    confirm(f"Remove number {number_id} and forget its token and secrets?", yes=yes)
    emit(
        session,
        call(session, "number.remove", id=number_id),
        lambda made: say(f"Number {made['phone_number_id']} is removed from {made['account']}."),
    )
