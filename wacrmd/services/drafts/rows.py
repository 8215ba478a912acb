"""The people of a checked draft one by one, for a preview, and a test message to a number of one's own."""

import hashlib

import orjson

from wacrmd.domain.actor import Actor
from wacrmd.domain.address import read_address
from wacrmd.domain.broadcast import Broadcast
from wacrmd.domain.draft import Draft
from wacrmd.domain.phone import Reading
from wacrmd.domain.phone_text import Unreadable
from wacrmd.domain.template import Template, TemplateContent
from wacrmd.errors import ErrorCode, Refusal, conflict, not_found
from wacrmd.services.broadcasts import create as creation
from wacrmd.services.broadcasts.create import Idempotency
from wacrmd.services.broadcasts.input import BroadcastInput, RecipientInput
from wacrmd.services.broadcasts.prepare import problem
from wacrmd.services.broadcasts.preview import body_text
from wacrmd.services.context import Context
from wacrmd.services.drafts import read
from wacrmd.services.drafts.people import BATCH_ROWS, Source
from wacrmd.store import broadcasts, drafts
from wacrmd.store.database import Tx
from wacrmd.views.drafts import DraftRow, SentTest

TEST_NAME = "Test of {}"
"""What the broadcast of a test message is called, so that people recognise it in the list."""


async def row(ctx: Context, actor: Actor, reference: str, number: int) -> DraftRow:
    """What person `number`, counted from 0, of a checked draft gets. Raises Refusal if there is none."""

    def work(tx: Tx) -> DraftRow:
        broadcast, draft = read.find(tx, actor, reference)
        line, address, content, rows = _stored(tx, draft, number)
        stored, _ = broadcasts.content_and_request_id(tx, broadcast.id)
        whole = content.over(read.template_content(stored))
        return DraftRow(
            row=number,
            rows=rows,
            line=line,
            to=address,
            params=whole.params,
            header=whole.header,
            buttons=whole.buttons,
            components=whole.components,
            text=_text(_template(tx, broadcast, draft), whole),
        )

    return await ctx.db.read(work)


async def send_test(
    ctx: Context, actor: Actor, reference: str, number: int, to: str, *, key: str | None = None
) -> SentTest:
    """Send what person `number` gets to a number of one's own, now, as a broadcast of one.

    Without `+` the number is read as those of the draft's file. A call with the `key` of an earlier one, and the same
    person and number, sends nothing and gets the answer of that one, for as long as an Idempotency-Key is kept.

    Raises Refusal as `row`, for a number that is no valid one, and for one that has opted out.
    """

    def work(tx: Tx) -> tuple[Broadcast, TemplateContent, Source]:
        broadcast, draft = read.find(tx, actor, reference)
        _, _, content, _ = _stored(tx, draft, number)
        return broadcast, content, read.source(tx, broadcast, draft)

    broadcast, content, source = await ctx.db.read(work)
    found = read_address(to, source.home.country if source.home.is_default else None)
    if isinstance(found, Unreadable):
        raise problem("to", found.detail)
    address = found.phone if isinstance(found, Reading) else found
    given = BroadcastInput(
        is_at_once=True,
        template_name=broadcast.template_name,
        template_language=broadcast.template_language,
        recipients=[RecipientInput(address, content)],
        name=TEST_NAME.format(broadcast.name)[:200],
        number=broadcast.number_id,
        content=source.defaults,
    )
    once = None if key is None else _once(broadcast, key, number, address)
    made = await creation.create(ctx, broadcast.account_id, given, idempotency_key=once)
    return SentTest(broadcast_id=made.created.broadcast_id, to=address)


def _once(broadcast: Broadcast, key: str, number: int, address: str) -> Idempotency:
    """What makes a second click the same request. Only a hash of it is stored: it names a person."""
    said = orjson.dumps([broadcast.uuid, key, number, address])
    return Idempotency(f"draft-test-{hashlib.sha256(said).hexdigest()}", b"")


def _stored(tx: Tx, draft: Draft, number: int) -> tuple[int, str, TemplateContent, int]:
    """Line, address and content of one person, and how many there are."""
    result = read.result_of(draft)
    if draft.people_edition is None or result is None:
        raise conflict("The draft is not checked as it is now: check it first")
    piece = drafts.piece(tx, draft.broadcast_id, draft.people_edition, number // BATCH_ROWS)
    found = orjson.loads(piece) if piece is not None else []
    at = number % BATCH_ROWS
    if at >= len(found):
        raise not_found(f"Row {number}")
    if found[at] is None:
        raise Refusal(ErrorCode.NOT_FOUND, f"Row {number} was erased: nothing is sent to this person")
    line, address, params, rest = found[at]
    return line, address, TemplateContent(params, **(rest or {})), result.accepted


def _template(tx: Tx, broadcast: Broadcast, draft: Draft) -> Template | None:
    synced = read.source(tx, broadcast, draft).template
    return synced.template if synced is not None else None


def _text(template: Template | None, content: TemplateContent) -> str | None:
    return body_text(template, content) if template is not None else None
