"""`wacrmd number …`."""

import click

from wacrmd.cli.client import call
from wacrmd.cli.frame import Noun, Session
from wacrmd.cli.input import SecretFile
from wacrmd.cli.output import Column, Kind, emit, hint, say, table

COLUMNS = (
    Column("ACCOUNT", "account"),
    Column("LABEL", "label"),
    Column("PHONE", "display_phone"),
    Column("PHONE NUMBER ID", "phone_number_id"),
    Column("STATE", "state", Kind.STATE),
    Column("QUALITY", "quality"),
    Column("DEFAULT", "is_default"),
    Column("HOLD", "hold"),
    Column("ID", "id"),
)


@click.group(cls=Noun)
def number() -> None:
    """Business phone numbers that send."""


@number.command("add")
@click.option("--account", required=True, metavar="NAME", help="The account that it belongs to.")
@click.option("--phone-number-id", required=True, metavar="ID", help="Meta's id of the number.")
@click.option("--waba-id", required=True, metavar="ID", help="Meta's id of its WhatsApp business account.")
@click.option("--access-token-file", "access_token", required=True, type=SecretFile(), help="- is stdin.")
@click.option("--app-secret-file", "app_secret", required=True, type=SecretFile(), help="- is stdin.")
@click.option("--verify-token-file", "verify_token", required=True, type=SecretFile(), help="- is stdin.")
@click.option("--label", metavar="TEXT", help="A name for people.")
@click.option("--display-phone", metavar="+E164", help="The number itself.")
@click.option(
    "--messages-per-second", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Its pace."
)
@click.option("--default", is_flag=True, help="Send from it where a broadcast names no number.")
@click.option("--check", is_flag=True, help="Ask Meta first whether the token and the ids are right.")
@click.pass_obj
def add(
    session: Session,
    *,
    account: str,
    phone_number_id: str,
    waba_id: str,
    access_token: str,
    app_secret: str,
    verify_token: str,
    label: str | None,
    display_phone: str | None,
    messages_per_second: float | None,
    default: bool,
    check: bool,
) -> None:
    """Add a number; its secrets are read from files and stored encrypted."""
    result = call(
        session,
        "number.add",
        account=account,
        phone_number_id=phone_number_id,
        waba_id=waba_id,
        access_token=access_token,
        app_secret=app_secret,
        verify_token=verify_token,
        label=label,
        display_phone=display_phone,
        messages_per_second=messages_per_second,
        default=default,
        check=check,
    )

    def render(made: dict[str, str]) -> None:
        say(f"Number {made['phone_number_id']} added to {made['account']} (id {made['id']}).")
        if not check:
            hint(f"Ask Meta whether its token works: wacrmd number check {made['phone_number_id']}")

    emit(session, result, render)


@number.command("list")
@click.pass_obj
def list_numbers(session: Session) -> None:
    """List the numbers with their state."""
    emit(
        session,
        call(session, "number.list"),
        lambda rows: table(rows, COLUMNS, empty="There is no number yet: see wacrmd number add --help"),
    )
