"""`broadcast.…`: what is sent."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints

from wacrmd.admin.identity import Caller, Level
from wacrmd.admin.methods.accounts import Name
from wacrmd.admin.registry import Method, Params
from wacrmd.clock import Millis, parse_iso
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.export_format import ExportFormat
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.services import views
from wacrmd.services.access import keys
from wacrmd.services.broadcasts import create_from_file, lifecycle, progress, recipients
from wacrmd.services.context import Context


def _time(value: object) -> Millis:
    if not isinstance(value, str):
        raise ValueError("expected an ISO-8601 time with an offset, such as 2026-11-23T12:00:00Z")
    return parse_iso(value)


Time = Annotated[int, BeforeValidator(_time, json_schema_input_type=str)]
TemplateName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=512)]
Language = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=20)]


class WhichBroadcasts(Params):
    """Which broadcasts, and how many."""

    account: Name | None = None
    status: BroadcastStatus | None = None
    limit: int | None = Field(None, ge=1, le=1000)


class BroadcastId(Params):
    """A broadcast by its uuid or an unambiguous beginning of it."""

    id: str = Field(min_length=1, max_length=36, description="its uuid or an unambiguous beginning of it")


class WhichRecipients(BroadcastId):
    """Which recipients of a broadcast."""

    status: RecipientStatus | None = None
    to: str | None = Field(None, max_length=200, description="only this one, with its history")
    before: int | None = Field(None, ge=1, description="only those with smaller ids: the next page")
    limit: int = Field(50, ge=1, le=1000)


class Export(BroadcastId):
    """How recipients are written out."""

    format: ExportFormat = ExportFormat.CSV
    status: RecipientStatus | None = None


class Retry(BroadcastId):
    """Whom to send to again."""

    failed: bool = Field(default=False, description="those that failed")
    uncertain: bool = Field(
        default=False, description="those whose outcome is unknown: they may get the message twice"
    )


class NewRecipient(Params):
    """One recipient as in the HTTP API; a `to` that is no number rejects the recipient, not the broadcast."""

    to: Any = Field(None, description="phone number such as +14155550123, or a business-scoped user id")
    params: list[str] | dict[str, str] | None = Field(
        None, description="values of {{1}}, {{2}} …, or by name"
    )


class NewBroadcast(Params):
    """A broadcast as in the HTTP API, made by an operator."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    account: Name | None = Field(None, description="whose; may be left out where there is only one account")
    name: Name | None = None
    template_name: TemplateName = Field(description="name of the approved template")
    template_language: Language = Field("en_US", description="language code of the variant")
    recipients: list[NewRecipient] = Field(min_length=1)
    parameter_names: list[str] | None = Field(
        None, description="names of the places in params: used if the template is known to have named ones"
    )
    sender: str | None = Field(None, alias="from", max_length=64, description="the number that sends")
    scheduled_at: Time | None = Field(None, description="ISO-8601 time with an offset to start at")
    header: dict[str, Any] | None = None
    buttons: list[dict[str, Any]] | None = None
    components: list[dict[str, Any]] | None = None
    dry_run: bool = Field(default=False, description="only say what would be done")


async def list_all(ctx: Context, params: WhichBroadcasts, _caller: Caller) -> list[dict[str, Any]]:
    """Broadcasts of one account or of all, newest first."""
    account_id = (await keys.account_named(ctx, params.account)).id if params.account else None
    found, _ = await views.list_broadcasts(
        ctx, account_id=account_id, status=params.status, limit=params.limit or 50
    )
    return found


async def show(ctx: Context, params: BroadcastId, _caller: Caller) -> dict[str, Any]:
    """One broadcast with its counts."""
    return await progress.show(ctx, await views.resolve_broadcast(ctx, params.id))


async def watch(ctx: Context, params: BroadcastId, _caller: Caller) -> AsyncGenerator[dict[str, Any], None]:
    """A broadcast after each change."""
    async with aclosing(progress.watch(ctx, await views.resolve_broadcast(ctx, params.id))) as items:
        async for item in items:
            yield item


async def list_recipients(ctx: Context, params: WhichRecipients, _caller: Caller) -> list[dict[str, Any]]:
    """A page of a broadcast's recipients, newest first, or one with its history."""
    broadcast = await views.resolve_broadcast(ctx, params.id)
    if params.to is not None:
        return [await recipients.find_recipient(ctx, broadcast, params.to)]
    found, _ = await recipients.list_recipients(
        ctx, broadcast, status=params.status, before=params.before, limit=params.limit
    )
    return found


async def export(ctx: Context, params: Export, _caller: Caller) -> AsyncGenerator[str, None]:
    """All recipients as text, piece by piece."""
    broadcast = await views.resolve_broadcast(ctx, params.id)
    async with aclosing(recipients.export(ctx, broadcast, params.format, params.status)) as pieces:
        async for piece in pieces:
            yield piece.decode()


async def create(ctx: Context, params: NewBroadcast, _caller: Caller) -> dict[str, Any]:
    """Make a broadcast, or only say what would become of it."""
    draft = create_from_file.FileInput(
        account=params.account,
        template_name=params.template_name,
        template_language=params.template_language,
        people=[(person.to, person.params) for person in params.recipients],
        parameter_names=params.parameter_names,
        name=params.name,
        sender=params.sender,
        scheduled_at=params.scheduled_at,
        header=params.header,
        buttons=params.buttons,
        components=params.components,
    )
    return await (
        create_from_file.dry_run(ctx, draft) if params.dry_run else create_from_file.send(ctx, draft)
    )


async def pause(ctx: Context, params: BroadcastId, caller: Caller) -> dict[str, Any]:
    """Stop a broadcast where it stands."""
    broadcast = await lifecycle.broadcast_of(ctx, params.id)
    return await lifecycle.pause(ctx, broadcast, HoldReason.PAUSED_BY_OPERATOR, caller.user)


async def resume(ctx: Context, params: BroadcastId, _caller: Caller) -> dict[str, Any]:
    """Go on where it stopped."""
    return await lifecycle.resume(ctx, await lifecycle.broadcast_of(ctx, params.id))


async def cancel(ctx: Context, params: BroadcastId, _caller: Caller) -> dict[str, Any]:
    """Stop for good."""
    return await lifecycle.cancel(ctx, await lifecycle.broadcast_of(ctx, params.id))


async def retry(ctx: Context, params: Retry, _caller: Caller) -> dict[str, Any]:
    """Send again to those who failed, or whose outcome is unknown."""
    broadcast = await lifecycle.broadcast_of(ctx, params.id)
    wanted = {RecipientStatus.FAILED: params.failed, RecipientStatus.UNCERTAIN: params.uncertain}
    statuses = frozenset(status for status, given in wanted.items() if given) or {RecipientStatus.FAILED}
    requeued = await lifecycle.retry(ctx, broadcast, frozenset(statuses))
    return {"requeued": requeued, "broadcast": await views.broadcast_by_id(ctx, broadcast.id)}


async def give_up(ctx: Context, params: BroadcastId, _caller: Caller) -> dict[str, Any]:
    """Count the uncertain recipients as failed."""
    broadcast = await lifecycle.broadcast_of(ctx, params.id)
    failed = await lifecycle.give_up_uncertain(ctx, broadcast)
    return {"failed": failed, "broadcast": await views.broadcast_by_id(ctx, broadcast.id)}


EXAMPLE_ID = {"id": "4b6d"}

METHODS: tuple[Method[Context], ...] = (
    Method(
        name="broadcast.list",
        level=Level.READ,
        summary="List broadcasts, newest first",
        params=WhichBroadcasts,
        handler=list_all,
        example={"status": "sending"},
    ),
    Method(
        name="broadcast.show",
        level=Level.READ,
        summary="Show a broadcast with its counts, what holds it up and why recipients failed",
        params=BroadcastId,
        handler=show,
        example=EXAMPLE_ID,
    ),
    Method(
        name="broadcast.watch",
        level=Level.READ,
        summary="Follow a broadcast until nothing more is to come: counts, speed, time left, failures",
        params=BroadcastId,
        handler=watch,
        example=EXAMPLE_ID,
        stream=True,
    ),
    Method(
        name="broadcast.recipients",
        level=Level.READ,
        summary="List recipients of a broadcast, newest first, or show one with its history",
        params=WhichRecipients,
        handler=list_recipients,
        example=EXAMPLE_ID | {"status": "failed"},
    ),
    Method(
        name="broadcast.export",
        level=Level.READ,
        summary="Write out all recipients as CSV or JSON lines, piece by piece",
        params=Export,
        handler=export,
        example=EXAMPLE_ID | {"format": "jsonl"},
        stream=True,
    ),
    Method(
        name="broadcast.create",
        level=Level.OPERATE,
        summary="Send a template to a list of people, as POST /api/v1/broadcasts does",
        params=NewBroadcast,
        handler=create,
        example={
            "account": "shop",
            "template_name": "order_update",
            "recipients": [{"to": "+14155550123", "params": ["Jane"]}],
            "dry_run": True,
        },
        changes=True,
    ),
    Method(
        name="broadcast.pause",
        level=Level.OPERATE,
        summary="Stop a broadcast where it stands; requests in flight end as they end",
        params=BroadcastId,
        handler=pause,
        example=EXAMPLE_ID,
        changes=True,
    ),
    Method(
        name="broadcast.resume",
        level=Level.OPERATE,
        summary="Let a paused broadcast go on where it stopped",
        params=BroadcastId,
        handler=resume,
        example=EXAMPLE_ID,
        changes=True,
    ),
    Method(
        name="broadcast.cancel",
        level=Level.OPERATE,
        summary="Stop a broadcast for good: who was not tried yet is never messaged",
        params=BroadcastId,
        handler=cancel,
        example=EXAMPLE_ID,
        changes=True,
    ),
    Method(
        name="broadcast.retry",
        level=Level.OPERATE,
        summary="Send again to failed recipients (default), or to uncertain ones, who may get it twice",
        params=Retry,
        handler=retry,
        example=EXAMPLE_ID | {"failed": True},
        changes=True,
    ),
    Method(
        name="broadcast.give-up",
        level=Level.OPERATE,
        summary="Count a broadcast's uncertain recipients as failed, without sending again",
        params=BroadcastId,
        handler=give_up,
        example=EXAMPLE_ID,
        changes=True,
    ),
)
