"""`wacrmd webhook …`."""

import click

from wacrmd.cli import complete
from wacrmd.cli.client import call
from wacrmd.cli.frame import Noun, Session
from wacrmd.cli.input import confirm
from wacrmd.cli.options import (
    ListOption,
    limit_option,
    one_of,
    only_account_option,
    required_account_option,
    yes_option,
)
from wacrmd.cli.output import Kind, details, emit, hint, say
from wacrmd.cli.table import Column, table
from wacrmd.domain.webhook_delivery import DeliveryStatus
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.fields import JsonObject

COLUMNS = (
    Column("ID", "id", Kind.ID),
    Column("ACCOUNT", "account", optional=True),
    Column("URL", "url"),
    Column("ACTIVE", "is_active"),
    Column("EVENTS", "events", Kind.PROSE),
    Column("FAILING", "failing_since", Kind.TIME, work=True),
    Column("WHY", "disabled_reason", Kind.PROSE),
)

DELIVERIES = (
    Column("ID", "id", Kind.KEY),
    Column("EVENT", "event"),
    Column("STATUS", "status", Kind.STATE),
    Column("ATTEMPTS", "attempts", Kind.NUMBER),
    Column("LAST", "last", Kind.PROSE),
    Column("NEXT", "next_attempt_at", Kind.TIME, optional=True),
    Column("CREATED", "created_at", Kind.TIME, optional=2),
)

DETAILS = ("id", "account", "url", "events", "secret")

event_option = click.option(
    "--event",
    "events",
    cls=ListOption,
    type=one_of(WebhookEvent),
    help="An event, or several with commas between them; repeatable. Default: all.",
)


@click.group(cls=Noun)
def webhook() -> None:
    """Outbound webhooks: events that are posted to local apps."""


@webhook.command("add")
@required_account_option
@click.option("--url", required=True, metavar="URL", help="Where the events are posted.")
@event_option
@click.pass_obj
def add(session: Session, account: str, url: str, events: tuple[str, ...]) -> None:
    """Add a webhook, and show its secret this once.

    The secret signs the events.
    For example: wacrmd webhook add --account shop --url https://crm.example.com/hook --event broadcast.sent
    """

    def render(made: JsonObject) -> None:
        details((field, made[field]) for field in DETAILS)
        hint("Copy the secret now: it cannot be shown again.")

    emit(session, call(session, "webhook.add", account=account, url=url, events=list(events)), render)


@webhook.command("list")
@only_account_option
@click.pass_obj
def list_webhooks(session: Session, account: str | None) -> None:
    """List the webhooks and whether they work.

    For example: wacrmd webhook list
    """
    emit(
        session,
        call(session, "webhook.list", account=account),
        lambda rows: table(rows, COLUMNS, empty="There is no webhook yet: see wacrmd webhook add --help"),
    )


@webhook.command("set")
@click.argument("webhook_id", metavar="ID", shell_complete=complete.webhooks)
@click.option("--url", metavar="URL", help="Where the events are posted from now on.")
@event_option
@click.option("--on/--off", "active", default=None, help="Whether events are delivered to it.")
@click.pass_obj
def change(
    session: Session, webhook_id: str, url: str | None, events: tuple[str, ...], active: bool | None
) -> None:
    """Change a webhook, or turn it on or off.

    --on also enables a webhook that was disabled because it failed for long.
    For example: wacrmd webhook set 9c1e --on
    """
    if url is None and not events and active is None:
        raise click.UsageError("Nothing to change: give at least one option such as --on")
    result = call(session, "webhook.set", id=webhook_id, url=url, events=list(events) or None, active=active)

    def render(made: JsonObject) -> None:
        say(f"Webhook {made['id'][:8]} to {made['url']} is {'on' if made['is_active'] else 'off'}.")

    emit(session, result, render)


@webhook.command("remove")
@click.argument("webhook_id", metavar="ID", shell_complete=complete.webhooks)
@yes_option
@click.pass_obj
def remove(session: Session, webhook_id: str, yes: bool) -> None:
    """Delete a webhook with its deliveries.

    For example: wacrmd webhook remove 9c1e
    """
    confirm(f"Delete webhook {webhook_id} with all its deliveries?", yes=yes)
    emit(
        session,
        call(session, "webhook.remove", id=webhook_id),
        lambda made: say(f"Webhook {made['id'][:8]} to {made['url']} is removed."),
    )


@webhook.command("deliveries")
@click.argument("webhook_id", metavar="ID", shell_complete=complete.webhooks)
@click.option("--status", type=one_of(DeliveryStatus), help="Only deliveries with this status.")
@limit_option
@click.pass_obj
def deliveries(session: Session, webhook_id: str, status: str | None, limit: int) -> None:
    """List deliveries with the result of the last attempt.

    The newest is first. For example: wacrmd webhook deliveries 9c1e --status failed
    """

    def render(rows: list[JsonObject]) -> None:
        table(
            [row | {"last": _last_result(row)} for row in rows],
            DELIVERIES,
            empty="There is no such delivery.",
        )

    emit(session, call(session, "webhook.deliveries", id=webhook_id, status=status, limit=limit), render)


def _last_result(row: JsonObject) -> str | None:
    """How the last attempt ended: an error, or the HTTP status."""
    if not row["tries"]:
        return None
    last = row["tries"][-1]
    return str(last["error"] or last["status"])


@webhook.command("resend")
@click.argument("delivery_id", metavar="DELIVERY")
@click.pass_obj
def resend(session: Session, delivery_id: str) -> None:
    """Deliver an event again, with the same event id.

    For example: wacrmd webhook resend 0b9c7d6e-5f7a-4f0e-9d43-2f4f6a1c9b21
    """
    emit(
        session,
        call(session, "webhook.resend", id=delivery_id),
        lambda made: say(f"Delivery {made['id']} of {made['event']} will be sent again."),
    )
