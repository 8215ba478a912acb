"""A new draft from an earlier broadcast: for all of its recipients, for none, or for those whom it did not reach."""

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import orjson

from wacrmd.domain.actor import Actor
from wacrmd.domain.draft import Again, FileFormat
from wacrmd.domain.recipient import NO_CODE, RecipientStatus
from wacrmd.errors import bad_request, conflict
from wacrmd.services.broadcasts import read as broadcasts_read
from wacrmd.services.broadcasts.input import BroadcastInput
from wacrmd.services.context import Context
from wacrmd.services.drafts import read
from wacrmd.services.drafts.manage import create
from wacrmd.services.drafts.uploads import put_file
from wacrmd.store import broadcasts, media, numbers, recipients
from wacrmd.store.database import Tx
from wacrmd.store.recipients import SentContent
from wacrmd.views.drafts import DraftView

PAGE_ROWS = 1000

S = RecipientStatus


STATUSES: dict[Again, frozenset[RecipientStatus]] = {
    Again.ALL: frozenset(S),
    Again.NOBODY: frozenset(),
    Again.FAILED: frozenset({S.FAILED}),
    Again.NOT_DELIVERED: frozenset({S.SENT, S.FAILED}),
    Again.NOT_READ: frozenset({S.DELIVERED}),
    Again.NOT_REPLIED: frozenset({S.DELIVERED, S.READ}),
}
"""The stored statuses of those who are chosen."""


async def again(
    ctx: Context, actor: Actor, reference: str, whom: Again, *, code: int | None = None
) -> DraftView:
    """Make a draft from a broadcast, with its template, number and content, for some of its recipients.

    With `code` only those that failed with this code of Meta's, or `NO_CODE`. Each keeps what filled the template for them.
    Raises Refusal if nobody is chosen.
    """
    broadcast = await broadcasts_read.broadcast_of(ctx, actor, reference)
    if code is not None and whom is not Again.FAILED:
        raise bad_request("code: it goes with those that failed only")
    pages = _lines(ctx, broadcast.id, STATUSES[whom], code)
    first = await anext(pages, None)
    if first is None and whom is not Again.NOBODY:
        raise conflict("Nobody is left whom this concerns")

    def look_up(tx: Tx) -> tuple[str | None, str | None, bool]:
        number = numbers.get(tx, broadcast.number_id)
        content, _ = broadcasts.content_and_request_id(tx, broadcast.id)
        has_files = media.missing_of(tx, broadcast.id) is None
        return content, None if number is None or number.is_removed else number.id, has_files

    stored, number_id, has_files = await ctx.db.read(look_up)
    content = read.template_content(stored)
    if not has_files:
        content = replace(content, header=None)  # a person chooses another file
    new = BroadcastInput(
        template_name=broadcast.template_name,
        template_language=broadcast.template_language,
        name=f"{broadcast.name} (again)"[:200],
        number=number_id,
        content=content,
        plan=broadcast.plan,
    )
    within = actor.within(broadcast.account_id)
    made = await create(ctx, within, new)
    if first is None:
        return made
    draft, _ = await read.draft_of(ctx, within, made.uuid)

    async def pieces() -> AsyncIterator[bytes]:
        yield first
        async for piece in pages:
            yield piece

    name = f"{whom.value.replace('_', ' ')} of {broadcast.name}"
    await put_file(ctx, draft, pieces(), name=name, form=FileFormat.JSONL)
    return await read.show(ctx, within, made.uuid)


async def _lines(
    ctx: Context, broadcast_id: int, statuses: frozenset[RecipientStatus], code: int | None
) -> AsyncIterator[bytes]:
    """The chosen recipients as in the API, one on each line, some at a time."""
    after, more = 0, bool(statuses)
    while more:
        found = await ctx.db.read(
            partial(recipients.to_send_again, broadcast_id=broadcast_id, after=after, limit=PAGE_ROWS)
        )
        more = len(found) == PAGE_ROWS
        after = found[-1].id if found else after
        chosen = [each for each in found if each.status in statuses and _has_code(each, code)]
        if chosen:
            yield b"".join(_line(each) for each in chosen)


def _has_code(one: SentContent, code: int | None) -> bool:
    return code is None or (one.error_code or NO_CODE) == code


def _line(one: SentContent) -> bytes:
    """A recipient as in the API."""
    given = {"to": one.to, "params": orjson.loads(one.params) if one.params else None}
    given |= orjson.loads(one.content) if one.content else {}
    return orjson.dumps({name: part for name, part in given.items() if part is not None}) + b"\n"
