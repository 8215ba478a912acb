"""`message.…`: one template message to one person, and those that were sent."""

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints

from wacrmd.domain.account import Scope
from wacrmd.domain.actor import Actor, Level
from wacrmd.domain.page import Page, PageRequest
from wacrmd.domain.template import TemplateContent
from wacrmd.errors import ErrorCode, json_kind
from wacrmd.fields import JsonObject
from wacrmd.operations.body import Body
from wacrmd.operations.broadcast_inputs import DEFAULT_LANGUAGE, CreateQuery, Language, TemplateName
from wacrmd.operations.broadcasts import idempotency_header, idempotency_of
from wacrmd.operations.inputs import Address, DefaultAccount, Id, Limited, OptionalAccount, Params
from wacrmd.operations.operation import Admin, Http, HttpRequest, Operations, Reply
from wacrmd.operations.plan_inputs import PLAN_FIELDS
from wacrmd.operations.recipient_inputs import Content, TemplateParams
from wacrmd.services.broadcasts.input import BroadcastInput, RecipientInput
from wacrmd.services.context import Context
from wacrmd.services.messages import read
from wacrmd.services.messages.dry_run import dry_run
from wacrmd.services.messages.send import send
from wacrmd.views.broadcasts import DryRun
from wacrmd.views.messages import MessageView

operations = Operations()

COLLECTION = "/api/v1/messages"
SEND = (Scope.MESSAGES_SEND,)
READ = (Scope.MESSAGES_SEND, Scope.BROADCASTS_SEND, Scope.BROADCASTS_READ)
MAX_BODY_BYTES = 65_536
"""A carousel of ten cards has some 20 KB."""

EXAMPLE: JsonObject = {
    "to": "+14155550123",
    "type": "template",
    "template": {"name": "order_update", "language": "en_US", "params": ["Jane", "A-17"]},
}


def _type(value: object) -> object:
    if value == "template":
        return value
    found = f"{value[:40]!r}" if isinstance(value, str) else json_kind(value)
    raise ValueError(f"expected 'template', found {found}: wacrmd sends templates only")


class MessageTemplate(Content):
    """The template of a message, and what fills it."""

    name: TemplateName = Field(description="name of the approved template")
    language: Language | None = Field(DEFAULT_LANGUAGE, description="language code of the variant")
    params: TemplateParams | None = Field(
        None, description="values of `{{1}}`, `{{2}}` … in order, or by name"
    )


class NewMessage(Body):
    """A template message to one person."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    elsewhere: ClassVar[dict[str, str]] = {
        "idempotency_key": "give it as the header Idempotency-Key",
        "scheduled_at": "a message is sent at once, a broadcast with one recipient later",
        "draft": "a message is sent at once, a broadcast can be a draft",
        "recipients": "a message goes to one person, give them to POST /api/v1/broadcasts",
        **dict.fromkeys(PLAN_FIELDS, "a message is sent at once, give it to POST /api/v1/broadcasts"),
        "dry_run": "ask for POST /api/v1/messages?dry_run=true",
    }

    to: Address = Field(description="E.164 number such as +14155550123, or a business-scoped user id")
    type: Annotated[Literal["template"], BeforeValidator(_type)] = Field(
        description="`template`: wacrmd sends nothing else"
    )
    template: MessageTemplate = Field(description="the template, and what fills it")
    number: Annotated[str, StringConstraints(max_length=64, to_lower=True)] | None = Field(
        None,
        alias="from",
        description="id or phone_number_id of the number that sends; default that of the account",
    )

    def to_input(self) -> BroadcastInput:
        """As the service takes it: a broadcast with one recipient."""
        template = self.template
        content = TemplateContent(template.params, template.header, template.buttons, template.components)
        return BroadcastInput(
            template_name=template.name,
            template_language=template.language or DEFAULT_LANGUAGE,
            recipients=[RecipientInput(self.to, content)],
            name=f"Message ({template.name})"[:200],
            number=self.number,
            is_at_once=True,
        )


class OperatorMessage(NewMessage, DefaultAccount, extra="forbid"):
    """A message that an operator sends."""

    elsewhere: ClassVar[dict[str, str]] = {}

    dry_run: bool = Field(default=False, description="check only; nothing is stored or sent")

    def to_input(self) -> BroadcastInput:
        """As the service takes it."""
        return replace(super().to_input(), abbreviates=True)


class MessageId(Params):
    """A message."""

    id: Id = Field(description="its `message_id`; operators may give an unambiguous beginning of it")


class NoFilter(Params):
    """All messages."""


class OperatorMessageFilter(Limited, NoFilter, OptionalAccount):
    """Which messages, and how many."""

    paused: bool = Field(default=False, description="only those that are paused")


async def _send_over_http(ctx: Context, actor: Actor, request: HttpRequest) -> Reply:
    body: NewMessage = request.body
    query: CreateQuery = request.query
    key = await idempotency_of(request, {"message": request.json})
    if query.dry_run:
        return Reply(await dry_run(ctx, actor.account, body.to_input()), status=200)
    sent = await send(ctx, actor.account, body.to_input(), request_id=request.request_id, idempotency_key=key)
    headers = {"Idempotent-Replayed": "true"} if sent.replayed else {}
    return Reply(sent.view, status=201 if sent.is_taken else 202, headers=headers)


@operations.operation(
    "message.send",
    http=Http(
        "POST",
        COLLECTION,
        scopes=SEND,
        status=201,
        handler=_send_over_http,
        query=CreateQuery,
        body=NewMessage,
        shows=MessageView,
        other={200: DryRun, 202: MessageView},
        headers=(idempotency_header("what is known of that message now", "message"),),
        max_body_bytes=MAX_BODY_BYTES,
    ),
    admin=Admin(Level.OPERATE, per_account=True, audited=True, params=OperatorMessage),
    errors=(
        ErrorCode.BAD_REQUEST,
        ErrorCode.WHATSAPP_NOT_CONFIGURED,
        ErrorCode.CONFLICT,
        ErrorCode.PAYLOAD_TOO_LARGE,
        ErrorCode.IDEMPOTENCY_MISMATCH,
        ErrorCode.META_ERROR,
        ErrorCode.UNAVAILABLE,
    ),
    example=EXAMPLE,
)
async def send_message(ctx: Context, actor: Actor, params: OperatorMessage) -> MessageView | DryRun:
    """Send a template to one person, and wait for Meta's answer.

    The message is on disk before it is sent. 201: Meta has taken it. 202: Meta has not answered within
    `[api] message_wait_s`, or the message waits (`hold` says why): it is sent once that is over, ask for it with its
    `message_id`. 502 `meta_error`: Meta refused it. 409: the person has opted out, or the message was cancelled. A repeated
    request without an `Idempotency-Key` is another message. With `dry_run` nothing is stored or sent: the answer (200)
    has what is wrong, where it would go, and what it would cost.
    """
    if params.dry_run:
        return await dry_run(ctx, actor.account, params.to_input())
    return (await send(ctx, actor.account, params.to_input())).view


@operations.operation(
    "message.list",
    http=Http("GET", COLLECTION, scopes=READ),
    admin=Admin(Level.READ, per_account=True, params=OperatorMessageFilter),
    errors=(ErrorCode.BAD_REQUEST,),
)
async def list_messages(ctx: Context, actor: Actor, params: NoFilter, page: PageRequest) -> Page[MessageView]:
    """List single messages, newest first.

    Lists of broadcasts do not have them.
    """
    paused = isinstance(params, OperatorMessageFilter) and params.paused
    return await read.page(ctx, actor.account_id, page, paused=paused)


@operations.operation(
    "message.show",
    http=Http("GET", f"{COLLECTION}/{{id}}", scopes=READ),
    admin=Admin(Level.READ, per_account=True),
    errors=(ErrorCode.NOT_FOUND,),
    example={"id": "4b6d"},
)
async def show(ctx: Context, actor: Actor, params: MessageId) -> MessageView:
    """Show a single message."""
    return await read.show(ctx, actor, params.id)
