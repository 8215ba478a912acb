"""`broadcast.…`: send, look, and steer what is sent."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from pydantic import Field

from wacrmd.domain import broadcast as domain
from wacrmd.domain.account import Scope
from wacrmd.domain.actor import Actor, Level
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.page import Page, PageRequest
from wacrmd.domain.phone_guess import Home, summary
from wacrmd.errors import ErrorCode, bad_request
from wacrmd.fields import JsonObject, shared
from wacrmd.off_loop import off_loop, turn
from wacrmd.operations.broadcast_events import events_over_http
from wacrmd.operations.broadcast_inputs import CreateQuery, NewBroadcast, OperatorBroadcast
from wacrmd.operations.inputs import Id, Limited, OptionalAccount, Params
from wacrmd.operations.operation import Admin, Header, Http, HttpRequest, Operations, Reply
from wacrmd.operations.retry_inputs import OperatorRetry, Retry
from wacrmd.services.access.accounts import account_named
from wacrmd.services.broadcasts import create as creation
from wacrmd.services.broadcasts import details, lifecycle, preview, read, timeline
from wacrmd.services.broadcasts import dry_run as dry_runs
from wacrmd.services.broadcasts.create import Idempotency
from wacrmd.services.context import Context
from wacrmd.services.drafts import collect
from wacrmd.services.maintenance.audit import parse_since
from wacrmd.services.numbers.read import number_of, view_of
from wacrmd.views.broadcasts import (
    BroadcastDetails,
    BroadcastProgress,
    BroadcastView,
    CreatedBroadcast,
    CreatedForAccount,
    DryRun,
    DryRunForAccount,
    GivenUp,
    RetriedBroadcast,
    RetriedDetails,
    TimelineView,
)

operations = Operations()

COLLECTION = "/api/v1/broadcasts"
ONE = f"{COLLECTION}/{{id}}"
READ = (Scope.BROADCASTS_SEND, Scope.BROADCASTS_READ)
SEND = (Scope.BROADCASTS_SEND,)
EXAMPLE = {"id": "4b6d"}
MAX_IDEMPOTENCY_KEY = 255
REPLAYED = {"Idempotent-Replayed": "true"}


class BroadcastId(Params):
    """A broadcast."""

    id: Id = Field(description="id of the broadcast; operators may give an unambiguous beginning of it")


class BroadcastFilter(Params):
    """Which broadcasts."""

    status: BroadcastStatus | None = Field(None, description="only those in this status")


class OperatorBroadcastFilter(Limited, BroadcastFilter, OptionalAccount):
    """Which broadcasts, and how many."""

    text: str = Field(
        "", max_length=200, description="only those with it in their name or in that of their template"
    )
    since: str | None = Field(
        None,
        min_length=1,
        max_length=40,
        description="only those created since: an ISO time, or how long ago: 30min, 2h, 3d",
    )
    until: str | None = Field(
        None, min_length=1, max_length=40, description="only those created before, as for `since`"
    )


async def _create_over_http(ctx: Context, actor: Actor, request: HttpRequest) -> Reply:
    body: NewBroadcast = request.body
    query: CreateQuery = request.query
    key = await idempotency_of(request, request.json)
    if query.dry_run:
        return Reply(
            await dry_runs.dry_run(ctx, actor.account, body.to_input(), is_draft=bool(body.draft)), status=200
        )
    given, request_id = body.to_input(), request.request_id
    if body.draft:
        made = await collect.create(ctx, actor, given, request_id=request_id, idempotency_key=key)
    else:
        made = await creation.create(ctx, actor.account, given, request_id=request_id, idempotency_key=key)
    return Reply(made.created, status=202, headers=REPLAYED if made.replayed else {})


def idempotency_header(answer: str, noun: str) -> Header:
    """The header Idempotency-Key: what the same key and body get, and what they never make a second time."""
    return Header(
        "Idempotency-Key",
        f"up to {MAX_IDEMPOTENCY_KEY} characters, kept 24 hours: the same key and body get {answer}, with"
        f" `Idempotent-Replayed: true`, and never make a second {noun}",
        max_length=MAX_IDEMPOTENCY_KEY,
    )


async def idempotency_of(request: HttpRequest, body: JsonObject) -> Idempotency | None:
    """The caller's Idempotency-Key, for this body; None without one. Refuses one that is too long."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_IDEMPOTENCY_KEY:
        raise bad_request(
            f"Idempotency-Key: expected 1 to {MAX_IDEMPOTENCY_KEY} characters, found {len(key)}"
        )
    return await off_loop(Idempotency.of, key, body)


@operations.operation(
    "broadcast.create",
    http=Http(
        "POST",
        COLLECTION,
        scopes=SEND,
        status=202,
        handler=_create_over_http,
        query=CreateQuery,
        body=NewBroadcast,
        shows=CreatedBroadcast,
        other={200: DryRun},
        headers=(idempotency_header("the first answer again", "broadcast"),),
    ),
    admin=Admin(Level.OPERATE, per_account=True, audited=True, params=OperatorBroadcast),
    errors=(
        ErrorCode.BAD_REQUEST,
        ErrorCode.WHATSAPP_NOT_CONFIGURED,
        ErrorCode.CONFLICT,
        ErrorCode.PAYLOAD_TOO_LARGE,
        ErrorCode.IDEMPOTENCY_MISMATCH,
        ErrorCode.UNAVAILABLE,
    ),
    example={
        "account": "shop",
        "template_name": "order_update",
        "recipients": [{"to": "+14155550123", "params": ["Jane"]}],
        "dry_run": True,
    },
)
async def create(
    ctx: Context, actor: Actor, params: OperatorBroadcast
) -> CreatedForAccount | DryRunForAccount:
    """Send a template to a list of people.

    The answer comes when broadcast, recipients and job are on disk; sending happens afterwards. A broadcast that does not
    fit its template, as last synced, is refused before anything is stored. With `draft` nothing is sent before
    `POST /api/v1/broadcasts/{id}/send`: people can be added until then, and `recipients` may be left out here. With
    `dry_run` nothing is stored or sent: the answer has the same counts and all `problems` (over HTTP with status 200).
    """
    account = await account_named(ctx, actor.account)
    async with turn(account.id):
        given = await preview.name_params(ctx, account.id, params.to_input(), params.parameter_names)
        if not params.dry_run:
            if params.draft:
                made = (await collect.create(ctx, actor, given)).created
            else:
                made = (await creation.create(ctx, account.id, given)).created
            return CreatedForAccount(**shared(CreatedBroadcast, made), account=account.name)
        found = await dry_runs.dry_run(ctx, account.id, given, is_draft=bool(params.draft))
        rejected = {rejection.index for rejection in found.rejections}
        number = await number_of(ctx, found.number_id)
        home = Home.of(account.default_country, number.display_phone)
        guesses = [warning.sent_as for warning in found.warnings]
        return DryRunForAccount(
            **shared(DryRun, found),
            account=account.name,
            number=view_of(ctx, number),
            left_out=await dry_runs.left_out(ctx, account.id, found.sent_as),
            message=await preview.first_message(ctx, account.id, given, rejected),
            warnings_summary=summary(guesses, home) if guesses else None,
        )


@operations.operation(
    "broadcast.list",
    http=Http("GET", COLLECTION, scopes=READ),
    admin=Admin(Level.READ, per_account=True, params=OperatorBroadcastFilter),
    errors=(ErrorCode.BAD_REQUEST,),
    example={"status": "sending"},
)
async def list_broadcasts(
    ctx: Context, actor: Actor, params: BroadcastFilter, page: PageRequest
) -> Page[BroadcastView]:
    """List broadcasts, newest first.

    Drafts are listed only with `status=draft`.
    """
    wanted = domain.BroadcastFilter(account_id=actor.account_id, status=params.status)
    if isinstance(params, OperatorBroadcastFilter):
        now = ctx.clock.now()
        wanted = replace(
            wanted,
            text=params.text.strip(),
            since=parse_since(params.since, now) if params.since else None,
            until=parse_since(params.until, now, "until") if params.until else None,
        )
    return await read.page(ctx, wanted, page)


async def _show_over_http(ctx: Context, actor: Actor, request: HttpRequest) -> Reply:
    view = await read.show(ctx, actor, request.path["id"])
    # no-cache: a cache may keep the answer, and asks with its ETag before it gives it again
    return Reply(view, status=200, headers={"ETag": f'"{view.version}"', "Cache-Control": "no-cache"})


@operations.operation(
    "broadcast.show",
    http=Http(
        "GET",
        ONE,
        scopes=READ,
        handler=_show_over_http,
        shows=BroadcastView,
        other={304: None},
        headers=(
            Header(
                "If-None-Match",
                "`ETag` of an answer that the client has: 304 without a body if nothing has changed since",
                min_length=0,
            ),
        ),
    ),
    admin=Admin(Level.READ, per_account=True),
    errors=(ErrorCode.NOT_FOUND,),
    example=EXAMPLE,
)
async def show(ctx: Context, actor: Actor, params: BroadcastId) -> BroadcastDetails:
    """Show a broadcast with its counts, and why it does not move.

    Over HTTP the answer has an `ETag`: the `revision`, and a digest of a `hold` that comes from elsewhere, such as a
    paused number. A client that sends it back in `If-None-Match` gets 304 until something has changed.
    """
    return await details.show(ctx, await read.broadcast_of(ctx, actor, params.id))


@operations.operation(
    "broadcast.watch",
    http=Http(
        "GET",
        f"{ONE}/events",
        scopes=READ,
        handler=events_over_http,
        shows=BroadcastView,
        headers=(
            Header(
                "Last-Event-ID",
                "id of the last event that the client received: nothing is sent twice after a reconnect",
            ),
        ),
        media={"text/event-stream": "events `progress` and `end`"},
        other={204: None},
    ),
    admin=Admin(Level.READ, per_account=True),
    errors=(ErrorCode.NOT_FOUND,),
    example=EXAMPLE,
)
async def watch(ctx: Context, actor: Actor, params: BroadcastId) -> AsyncGenerator[BroadcastProgress, None]:
    """Follow a broadcast live, until it is finished.

    Over HTTP these are server-sent events. `progress` comes at once and then on each change, at most twice a second; its
    data is the broadcast as in `GET /api/v1/broadcasts/{id}`. `end` comes when the broadcast is `sent` or `cancelled` and
    nothing has changed for three seconds. Later statuses are in the other endpoints and in the outbound webhooks. A comment
    every 15 seconds keeps proxies from closing the stream.
    """
    broadcast = await read.broadcast_of(ctx, actor, params.id)
    async with aclosing(details.watch(ctx, broadcast)) as items:
        async for item in items:
            yield item


class TimelineParams(BroadcastId):
    """Which part of the time."""

    hours: int = Field(24, ge=1, le=24 * 366, description="only so many hours from its start")


@operations.operation(
    "broadcast.timeline",
    admin=Admin(Level.READ, per_account=True),
    errors=(ErrorCode.NOT_FOUND,),
    example=EXAMPLE,
)
async def show_timeline(ctx: Context, actor: Actor, params: TimelineParams) -> TimelineView:
    """Show how many messages had which status by when.

    At most 97 points in time. Of a broadcast with more than 5,000 recipients a sample of some 2,000 is counted.
    """
    return await timeline.show(ctx, await read.broadcast_of(ctx, actor, params.id), params.hours)


@operations.operation(
    "broadcast.pause",
    http=Http("POST", f"{ONE}/pause", scopes=SEND),
    admin=Admin(Level.OPERATE, per_account=True, audited=True),
    errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
    example=EXAMPLE,
)
async def pause(ctx: Context, actor: Actor, params: BroadcastId) -> BroadcastView:
    """Pause a broadcast.

    No more messages are sent until it is resumed. Requests in flight are completed. Repeating it is harmless.
    """
    return await lifecycle.pause(ctx, actor, await read.broadcast_of(ctx, actor, params.id))


@operations.operation(
    "broadcast.resume",
    http=Http("POST", f"{ONE}/resume", scopes=SEND),
    admin=Admin(Level.OPERATE, per_account=True, audited=True),
    errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
    example=EXAMPLE,
)
async def resume(ctx: Context, actor: Actor, params: BroadcastId) -> BroadcastView:
    """Resume a paused broadcast.

    It continues where it stopped. Nobody gets the message twice. Repeating it is harmless.
    """
    return await lifecycle.resume(ctx, await read.broadcast_of(ctx, actor, params.id))


@operations.operation(
    "broadcast.cancel",
    http=Http("POST", f"{ONE}/cancel", scopes=SEND),
    admin=Admin(Level.OPERATE, per_account=True, audited=True),
    errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
    example=EXAMPLE,
)
async def cancel(ctx: Context, actor: Actor, params: BroadcastId) -> BroadcastView:
    """Cancel a broadcast for good.

    Recipients that were not attempted yet get no message. This cannot be undone. Repeating it is harmless.
    """
    return await lifecycle.cancel(ctx, await read.broadcast_of(ctx, actor, params.id))


@operations.operation(
    "broadcast.retry",
    http=Http("POST", f"{ONE}/retry", scopes=SEND, status=202, shows=RetriedBroadcast),
    admin=Admin(
        Level.OPERATE, per_account=True, audited=True, params=OperatorRetry, adapt=OperatorRetry.as_statuses
    ),
    errors=(ErrorCode.BAD_REQUEST, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, ErrorCode.PAYLOAD_TOO_LARGE),
    example={**EXAMPLE, "failed": True},
)
async def retry(ctx: Context, actor: Actor, params: Retry) -> RetriedDetails:
    """Send again to recipients that failed, are uncertain, or were not delivered.

    A recipient that is `uncertain` may have the message already. Include `uncertain` only if a second message is better
    than none. One that is `sent` and not delivered, mostly because the phone is off, still gets the old message when the
    phone is on again, and then has it twice. If the old one is delivered before the new one is sent, that ends the retry.

    Nobody is sent to earlier than Meta allows after the code of the failure (131049: 24 hours): they wait, and the answer
    says how many and until when. Who has opted out meanwhile gets nothing.

    A retry that has not been sent yet can be moved: with another `at`, sooner or later, those who wait for such a retry wait
    for that time, also where a rule has chosen them. `pending` in `statuses` is all who wait for a retry, whatever for.
    """
    broadcast = await read.broadcast_of(ctx, actor, params.id)
    requeued = await lifecycle.retry(ctx, broadcast, params.to_request())
    return RetriedDetails(
        broadcast_id=broadcast.uuid,
        requeued=len(requeued.ids),
        moved=requeued.moved,
        waiting=requeued.waiting,
        waiting_until=requeued.waiting_until,
        left_out=requeued.left_out,
        broadcast=await read.view_of(ctx, broadcast.id),
    )


@operations.operation(
    "broadcast.give-up",
    admin=Admin(Level.OPERATE, per_account=True, audited=True),
    errors=(ErrorCode.NOT_FOUND,),
    example=EXAMPLE,
)
async def give_up(ctx: Context, actor: Actor, params: BroadcastId) -> GivenUp:
    """Count a broadcast's uncertain recipients as failed, without sending again."""
    broadcast = await read.broadcast_of(ctx, actor, params.id)
    failed = await lifecycle.give_up_uncertain(ctx, broadcast)
    return GivenUp(failed=failed, broadcast=await read.view_of(ctx, broadcast.id))
