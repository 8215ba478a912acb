"""`draft.add-recipients`, `draft.send`, `draft.discard`: what programs do with a draft, too, call by call."""

from typing import ClassVar

from pydantic import Field

from wacrmd.domain.account import Scope
from wacrmd.domain.actor import Actor, Level
from wacrmd.errors import ErrorCode
from wacrmd.operations.body import Body
from wacrmd.operations.broadcast_inputs import CreateQuery
from wacrmd.operations.broadcasts import REPLAYED, idempotency_header, idempotency_of
from wacrmd.operations.inputs import Id, Params, TimeInput
from wacrmd.operations.operation import Admin, Http, HttpRequest, Operations, Reply
from wacrmd.operations.plan_inputs import PLAN_FIELDS
from wacrmd.operations.recipient_inputs import RecipientList
from wacrmd.services.context import Context
from wacrmd.services.drafts import collect, manage, send
from wacrmd.services.drafts.dry_run import dry_run
from wacrmd.views.broadcasts import CreatedBroadcast, DryRun
from wacrmd.views.drafts import DiscardedDraft, SentBroadcast, SentDraft

operations = Operations()

ONE = "/api/v1/broadcasts/{id}"
SCOPES = (Scope.BROADCASTS_SEND,)
EXAMPLE = {"id": "4b6d"}
AT_CREATION = dict.fromkeys(
    ("template_name", "template_language", "from", "header", "buttons", "components", *PLAN_FIELDS),
    "give it to POST /api/v1/broadcasts",
)
NO_TRIAL = "only POST /api/v1/broadcasts and POST /api/v1/broadcasts/{id}/send have ?dry_run=true"
CHANGES = (ErrorCode.BAD_REQUEST, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, ErrorCode.UNAVAILABLE)


class AddedRecipients(RecipientList):
    """People to add to a draft."""

    elsewhere: ClassVar[dict[str, str]] = {
        "idempotency_key": "give it as the header Idempotency-Key",
        "scheduled_at": "give it to POST /api/v1/broadcasts, or to POST /api/v1/broadcasts/{id}/send",
        "dry_run": NO_TRIAL,
        **AT_CREATION,
    }


class OperatorRecipients(AddedRecipients, extra="forbid"):
    """People to add to a draft, and which."""

    elsewhere: ClassVar[dict[str, str]] = {}

    id: Id = Field(description="id of the draft; operators may give an unambiguous beginning of it")


class SendDraft(Body):
    """When to send a draft."""

    may_be_empty = True
    elsewhere: ClassVar[dict[str, str]] = {
        "draft": "this sends the draft",
        "recipients": "give them to POST /api/v1/broadcasts/{id}/recipients",
        "dry_run": "ask for POST /api/v1/broadcasts/{id}/send?dry_run=true",
        **AT_CREATION,
    }

    scheduled_at: TimeInput | None = Field(
        None, description="when to start, within a year, in place of the time that the draft was made with"
    )


class OperatorSend(SendDraft, extra="forbid"):
    """Which draft to send, and when."""

    elsewhere: ClassVar[dict[str, str]] = {}

    id: Id = Field(description="id of the draft; operators may give an unambiguous beginning of it")
    dry_run: bool = Field(default=False, description="check only; nothing is stored or sent")
    version: int | None = Field(
        None,
        ge=0,
        description="the `version` of a draft with a file that was looked at; another one is refused. Default: any",
    )


class DraftToDiscard(Params):
    """A draft to throw away."""

    id: Id = Field(description="id of the draft; operators may give an unambiguous beginning of it")


async def _add_over_http(ctx: Context, actor: Actor, request: HttpRequest) -> Reply:
    body: AddedRecipients = request.body
    draft_id = request.path["id"]
    key = await idempotency_of(request, {"draft": draft_id.lower(), "added": request.json})
    made = await collect.add(ctx, actor, draft_id, body.to_inputs(), idempotency_key=key)
    return Reply(made.created, status=202, headers=REPLAYED if made.replayed else {})


@operations.operation(
    "draft.add-recipients",
    http=Http(
        "POST",
        f"{ONE}/recipients",
        scopes=SCOPES,
        status=202,
        handler=_add_over_http,
        body=AddedRecipients,
        headers=(idempotency_header("the first answer again", "recipient of anybody"),),
    ),
    admin=Admin(Level.OPERATE, per_account=True, audited=True),
    errors=(
        *CHANGES,
        ErrorCode.WHATSAPP_NOT_CONFIGURED,
        ErrorCode.PAYLOAD_TOO_LARGE,
        ErrorCode.IDEMPOTENCY_MISMATCH,
    ),
    example={**EXAMPLE, "recipients": [{"to": "+14155550123", "params": ["Jane"]}]},
)
async def add_recipients(ctx: Context, actor: Actor, params: OperatorRecipients) -> CreatedBroadcast:
    """Add people to a draft that was made with `"draft": true`, up to `[limits] max_recipients` a call.

    They are checked as those of a broadcast, and are on disk when the answer comes. The counts are those of this call, and
    `total_recipients` is how many the draft has now, at most `[limits] max_upload_recipients`. Whoever is in the draft
    already counts in `duplicates`, and keeps what they had. A call in which nobody is new is no error. What does not fit the
    template is refused, and then nothing of the call is stored.
    """
    return (await collect.add(ctx, actor, params.id, params.to_inputs())).created


async def _send_over_http(ctx: Context, actor: Actor, request: HttpRequest) -> Reply:
    body: SendDraft = request.body
    query: CreateQuery = request.query
    draft_id = request.path["id"]
    if query.dry_run:
        found = await dry_run(ctx, actor, draft_id, scheduled_at=body.scheduled_at)
        return Reply(found, status=200)
    made = await send.request_send(ctx, actor, draft_id, scheduled_at=body.scheduled_at)
    return Reply(made, status=202)


@operations.operation(
    "draft.send",
    http=Http(
        "POST",
        f"{ONE}/send",
        scopes=SCOPES,
        status=202,
        handler=_send_over_http,
        query=CreateQuery,
        body=SendDraft,
        shows=SentBroadcast,
        other={200: DryRun},
    ),
    admin=Admin(Level.OPERATE, per_account=True, audited=True, params=OperatorSend),
    errors=CHANGES,
    example=EXAMPLE,
)
async def send_draft(ctx: Context, actor: Actor, params: OperatorSend) -> SentDraft | DryRun:
    """Send a draft, now or at its time.

    A draft that programs have filled is a broadcast at once: nobody can be added any more, and to send it again is refused.
    Who has opted out meanwhile gets nothing. If the template has changed, all recipients are compared with it again.
    The people of a draft with a file, which must be checked, become recipients step by step, also over a restart; to ask
    again changes nothing. With `dry_run` nothing is stored or sent: the answer (200) is as that of a new broadcast, with the
    sums of the people who were added, and all `problems` for which the draft would be refused.
    """
    if params.dry_run:
        return await dry_run(ctx, actor, params.id, scheduled_at=params.scheduled_at)
    return await send.request_send(
        ctx, actor, params.id, version=params.version, scheduled_at=params.scheduled_at
    )


@operations.operation(
    "draft.discard",
    http=Http("DELETE", ONE, scopes=SCOPES, status=204, empty=True),
    admin=Admin(Level.OPERATE, per_account=True, audited=True),
    errors=CHANGES,
    example=EXAMPLE,
)
async def discard(ctx: Context, actor: Actor, params: DraftToDiscard) -> DiscardedDraft:
    """Throw a draft away, with its people or its file.

    Nobody can see it any more when the answer comes; its rows are deleted soon after. Only drafts can be deleted: a
    broadcast is cancelled.
    """
    return await manage.discard(ctx, actor, params.id)
