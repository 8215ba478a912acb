"""Broadcasts over HTTP: send one, read one, list them, and say how they go on."""

from dataclasses import asdict
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from wacrmd.api.answers import BroadcastOut, CreatedOut, DryRunOut, RetryOut
from wacrmd.api.endpoint import Call, Endpoint, Handler, Header, answer
from wacrmd.api.paging import PageQuery, decode_cursor, encode_cursor
from wacrmd.api.schemas import BroadcastIn, RetryIn
from wacrmd.domain.account import Scope
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.hold import HoldReason
from wacrmd.errors import ErrorCode, Problem, bad_request
from wacrmd.services import views
from wacrmd.services.broadcasts import lifecycle
from wacrmd.services.broadcasts.create import MOST_PROBLEMS, BroadcastInput, Idempotency, create_broadcast
from wacrmd.services.broadcasts.dry_run import dry_run

LONGEST_IDEMPOTENCY_KEY = 255
READ = (Scope.BROADCASTS_SEND, Scope.BROADCASTS_READ)


class CreateQuery(BaseModel):
    """Whether to do it."""

    model_config = ConfigDict(extra="forbid")

    dry_run: Annotated[
        bool, Field(description="only say what would become of it; nothing is stored or sent")
    ] = False


class ListQuery(PageQuery):
    """Which broadcasts."""

    status: Annotated[BroadcastStatus | None, Field(description="only those in this status")] = None


async def create(call: Call) -> Response:
    """Store a broadcast and answer 202."""
    body: BroadcastIn = call.body
    most = call.ctx.config.limits.max_recipients
    if len(body.recipients) > most:
        message = f"expected at most {most} recipients, found {len(body.recipients)}: split the broadcast"
        raise bad_request(f"recipients: {message}", [Problem("recipients", message)])
    problems = body.problems()
    if problems:
        raise bad_request(f"{problems[0].path}: {problems[0].message}", problems[:MOST_PROBLEMS])
    key = _idempotency(call)
    query: CreateQuery = call.query
    if query.dry_run:
        return await _rehearse(call, body.submission())
    acceptance = await create_broadcast(
        call.ctx,
        call.account_id,
        body.submission(),
        request_id=call.request_id,
        idempotency_key=key,
    )
    data = asdict(acceptance)
    replayed = data.pop("replayed")
    return answer(data, status=202, headers={"Idempotent-Replayed": "true"} if replayed else None)


async def _rehearse(call: Call, submission: BroadcastInput) -> Response:
    found = await dry_run(call.ctx, call.account_id, submission)
    data = {"dry_run": True, **asdict(found), "template_synced_at": views.time(found.template_synced_at)}
    data["from"] = data.pop("number_id")
    return answer(data)


def _idempotency(call: Call) -> Idempotency | None:
    key = call.request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_IDEMPOTENCY_KEY:
        raise bad_request(
            f"Idempotency-Key: expected 1 to {LONGEST_IDEMPOTENCY_KEY} characters, found {len(key)}"
        )
    return Idempotency.of(key, orjson.loads(call.raw_body))


async def show(call: Call) -> Response:
    """One broadcast with its counts."""
    return answer(await views.show_broadcast(call.ctx, call.account_id, call.path("id")))


async def index(call: Call) -> Response:
    """A page of the account's broadcasts, newest first."""
    query: ListQuery = call.query
    found, position = await views.list_broadcasts(
        call.ctx,
        account_id=call.account_id,
        status=query.status,
        after=decode_cursor(query.cursor),
        limit=query.limit,
    )
    return answer(found, meta={"next_cursor": encode_cursor(position)})


async def pause(call: Call) -> Response:
    """Stop a broadcast where it stands."""
    broadcast = await lifecycle.broadcast_of(call.ctx, call.path("id"), call.account_id)
    by = f"the API key {call.key.name}"
    return answer(await lifecycle.pause(call.ctx, broadcast, HoldReason.PAUSED_BY_API, by))


async def resume(call: Call) -> Response:
    """Let a paused broadcast go on."""
    broadcast = await lifecycle.broadcast_of(call.ctx, call.path("id"), call.account_id)
    return answer(await lifecycle.resume(call.ctx, broadcast))


async def cancel(call: Call) -> Response:
    """Stop a broadcast for good."""
    broadcast = await lifecycle.broadcast_of(call.ctx, call.path("id"), call.account_id)
    return answer(await lifecycle.cancel(call.ctx, broadcast))


async def retry(call: Call) -> Response:
    """Send again to recipients that failed or are uncertain."""
    body: RetryIn = call.body
    broadcast = await lifecycle.broadcast_of(call.ctx, call.path("id"), call.account_id)
    requeued = await lifecycle.retry(call.ctx, broadcast, frozenset(body.statuses))
    return answer({"broadcast_id": broadcast.uuid, "requeued": requeued}, status=202)


def _transition(verb: str, handler: Handler, summary: str, description: str) -> Endpoint:
    return Endpoint(
        "POST",
        f"/api/v1/broadcasts/{{id}}/{verb}",
        summary,
        handler,
        BroadcastOut,
        scopes=(Scope.BROADCASTS_SEND,),
        errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
        description=description,
    )


ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/v1/broadcasts",
        "Send a template to a list of people",
        create,
        CreatedOut,
        scopes=(Scope.BROADCASTS_SEND,),
        body=BroadcastIn,
        query=CreateQuery,
        status=202,
        other={200: DryRunOut},
        headers=(
            Header(
                "Idempotency-Key",
                "up to 255 characters, kept 24 hours: the same key and body get the first answer again, with"
                " `Idempotent-Replayed: true`, and never make a second broadcast",
                max_length=LONGEST_IDEMPOTENCY_KEY,
            ),
        ),
        description=(
            "Answers once broadcast, recipients and job are on disk; sending happens afterwards. What does not fit the"
            " template as last synced is refused here, before anything is stored. With `dry_run=true` the answer is"
            " 200, says what would become of the request and lists all `problems`; nothing is stored or sent."
        ),
        errors=(
            ErrorCode.BAD_REQUEST,
            ErrorCode.WHATSAPP_NOT_CONFIGURED,
            ErrorCode.PAYLOAD_TOO_LARGE,
            ErrorCode.IDEMPOTENCY_MISMATCH,
            ErrorCode.UNAVAILABLE,
        ),
    ),
    Endpoint(
        "GET",
        "/api/v1/broadcasts",
        "List broadcasts, newest first",
        index,
        BroadcastOut,
        scopes=READ,
        query=ListQuery,
        paged=True,
        errors=(ErrorCode.BAD_REQUEST,),
    ),
    Endpoint(
        "GET",
        "/api/v1/broadcasts/{id}",
        "Show a broadcast with its counts",
        show,
        BroadcastOut,
        scopes=READ,
        errors=(ErrorCode.NOT_FOUND,),
    ),
    _transition(
        "pause",
        pause,
        "Pause a broadcast",
        "Nobody else is messaged until it is resumed; requests in flight end as they end. Repeating it is harmless.",
    ),
    _transition(
        "resume",
        resume,
        "Resume a paused broadcast",
        "It goes on where it stopped, and nobody gets the message twice. Repeating it is harmless.",
    ),
    _transition(
        "cancel",
        cancel,
        "Cancel a broadcast",
        "Whoever was not messaged yet never will be. Repeating it is harmless; it cannot be taken back.",
    ),
    Endpoint(
        "POST",
        "/api/v1/broadcasts/{id}/retry",
        "Send again to failed or uncertain recipients",
        retry,
        RetryOut,
        scopes=(Scope.BROADCASTS_SEND,),
        body=RetryIn,
        status=202,
        errors=(
            ErrorCode.BAD_REQUEST,
            ErrorCode.NOT_FOUND,
            ErrorCode.CONFLICT,
            ErrorCode.PAYLOAD_TOO_LARGE,
        ),
        description=(
            "A recipient that is `uncertain` may have the message already: the request's outcome was never learnt."
            " Name `uncertain` only where a second message is better than none."
        ),
    ),
)
