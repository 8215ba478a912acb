"""`wacrmd account …`."""

from collections.abc import Callable
from typing import Any

import click

from wacrmd.cli import complete
from wacrmd.cli.client import call
from wacrmd.cli.frame import Noun, Session
from wacrmd.cli.hours import Hours, hours_shown
from wacrmd.cli.input import confirm
from wacrmd.cli.options import yes_option
from wacrmd.cli.output import Kind, details, emit, say
from wacrmd.cli.retry_rules import RuleText, rules_of, rules_shown
from wacrmd.cli.table import Column, table
from wacrmd.fields import JsonObject

COLUMNS = (
    Column("NAME", "name"),
    Column("ID", "id"),
    Column("COUNTRY", "default_country"),
    Column("MARKETING ROUTE", "marketing_route", optional=True),
    Column("CREATED", "created_at", Kind.TIME),
)


@click.group(cls=Noun)
def account() -> None:
    """Accounts (tenants): they own numbers, keys and broadcasts."""


SETTINGS = (
    "default_country",
    "marketing_route",
    "product_policy",
    "message_activity_sharing",
    "send_between",
    "retry_rules",
)
"""The fields of an account's settings, as `account show` lists them."""


def settings_options(command: Callable[..., None]) -> Callable[..., None]:
    """An option for each setting of an account; `none` takes a setting away."""
    for option in reversed(
        (
            click.option(
                "--country",
                metavar="CODE",
                help="Numbers without + are read as numbers of this country first, such as DE; none: of no country.",
            ),
            click.option(
                "--marketing-route",
                type=click.Choice(["auto", "messages", "marketing_messages", "none"]),
                help="Where marketing templates are sent. auto, the default: to /marketing_messages if Meta says that the"
                " business account is onboarded there, else to /messages.",
            ),
            click.option(
                "--product-policy",
                type=click.Choice(["CLOUD_API_FALLBACK", "STRICT", "none"], case_sensitive=False),
                help="What Meta does with a message to /marketing_messages that it cannot optimise; none: its default.",
            ),
            click.option(
                "--message-activity-sharing",
                type=click.Choice(["on", "off", "none"]),
                help="Whether Meta may use what becomes of messages to /marketing_messages; none: as set at Meta.",
            ),
            click.option(
                "--between",
                "send_between",
                type=Hours(none=True),
                metavar="HOURS",
                help="The hours of broadcasts that name none, such as 'mon-fri 09:00-20:00'; none: at any time.",
            ),
            click.option(
                "--retry-rule",
                "retry_rules",
                type=RuleText(),
                multiple=True,
                metavar="RULE",
                help="When broadcasts that name no rules are sent again by themselves to those who failed, such as"
                " '131049 after 24h, 2 times'; more than once for several rules, which replace those before; none: never.",
            ),
        )
    ):
        command = option(command)
    return command


@account.command("add")
@click.argument("name")
@settings_options
@click.pass_obj
def add(session: Session, /, name: str, **settings: Any) -> None:
    """Add an account.

    For example: wacrmd account add shop --country DE
    """
    emit(
        session,
        call(session, "account.add", name=name, **_given(settings)),
        lambda made: say(f"Account {made['name']} added (id {made['id']})."),
    )


@account.command("set")
@click.argument("name", shell_complete=complete.accounts)
@settings_options
@click.pass_obj
def change(session: Session, /, name: str, **settings: Any) -> None:
    """Change settings of an account.

    What is not named stays as it is, and none takes a setting away. Numbers that are stored stay as they are.
    For example: wacrmd account set shop --country DE
    """
    given = _given(settings)
    if all(value is None for value in given.values()):
        raise click.UsageError("Nothing to change: give at least one option such as --country")
    emit(session, call(session, "account.set", name=name, **given), _settings)


def _given(settings: JsonObject) -> JsonObject:
    rules = rules_of(settings["retry_rules"])
    return {**settings, "retry_rules": "none" if rules == [] else rules}


def _settings(found: JsonObject) -> None:
    shown = {
        **found,
        "send_between": hours_shown(found["send_between"]),
        "retry_rules": rules_shown(found["retry_rules"]),
    }
    details((field, shown[field]) for field in ("name", *SETTINGS, "created_at", "id"))


@account.command("show")
@click.argument("name", shell_complete=complete.accounts)
@click.pass_obj
def show(session: Session, name: str) -> None:
    """Show an account with its settings.

    For example: wacrmd account show shop
    """
    emit(session, call(session, "account.show", name=name), _settings)


@account.command("list")
@click.pass_obj
def list_accounts(session: Session) -> None:
    """List the accounts.

    For example: wacrmd account list
    """
    emit(
        session,
        call(session, "account.list"),
        lambda rows: table(rows, COLUMNS, empty="There is no account yet: wacrmd account add NAME"),
    )


@account.command("rename")
@click.argument("name", shell_complete=complete.accounts)
@click.argument("new")
@click.pass_obj
def rename(session: Session, name: str, new: str) -> None:
    """Give an account another name.

    Its numbers, keys and broadcasts do not change. For example: wacrmd account rename shop store
    """
    emit(
        session,
        call(session, "account.rename", name=name, new=new),
        lambda made: say(f"Account {name} is now called {made['name']}."),
    )


@account.command("remove")
@click.argument("name", shell_complete=complete.accounts)
@yes_option
@click.pass_obj
def remove(session: Session, name: str, yes: bool) -> None:
    """Remove an account and its opt-out list.

    Its numbers and keys must be removed first. Its broadcasts go by themselves, [retention] recipients_days after their
    end; without numbers and keys nobody can use it meanwhile. For example: wacrmd account remove shop
    """
    confirm(f"Remove account {name} with its opt-out list?", yes=yes)
    emit(session, call(session, "account.remove", name=name), lambda _: say(f"Account {name} is removed."))
