"""Drafts: make one, change it, give it a file, throw it away."""

from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from uuid import uuid4

import orjson

from wacrmd.clock import Millis
from wacrmd.domain.actor import Actor
from wacrmd.domain.broadcast import Broadcast, BroadcastStatus
from wacrmd.domain.draft import BODY, BUTTON, HEADER, DraftState, FileFormat, FileMapping
from wacrmd.domain.draft_room import too_many
from wacrmd.domain.mapped_file import FileHead, suggest_mapping
from wacrmd.domain.media_in_content import ids_in, media_problems
from wacrmd.domain.template import TemplateContent
from wacrmd.errors import Problem, conflict, invalid, not_found
from wacrmd.fields import JsonObject
from wacrmd.meta.payloads import content_problems
from wacrmd.services.broadcasts.create import content_json
from wacrmd.services.broadcasts.input import BroadcastInput
from wacrmd.services.broadcasts.prepare import check_content, check_time, sending_number
from wacrmd.services.context import Context
from wacrmd.services.drafts import read
from wacrmd.services.drafts.uploads import SHOWN, editable, put_file
from wacrmd.store import accounts, broadcasts, drafts, media
from wacrmd.store.broadcasts import plan_columns
from wacrmd.store.database import Tx
from wacrmd.views.drafts import DiscardedDraft, DraftView


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftChange:
    """What is to change; None leaves a part as it is."""

    name: str | None = None
    number: str | None = None
    template_name: str | None = None
    template_language: str | None = None
    content: JsonObject | None = None
    mapping: FileMapping | None = None
    scheduled_at: Millis | None = None
    at_once: bool = False
    """Start at once, not at a time."""
    plan: Mapping[str, Any] = field(default_factory=dict)
    """Parts of the way in which it is sent, by their names in `SendingPlan`; None takes one away."""


async def create(ctx: Context, actor: Actor, new: BroadcastInput) -> DraftView:
    """Make a draft without a file. Raises Refusal for a number that does not exist, malformed content, a draft too many."""
    ctx.refuse_while_draining()
    check_content(new)
    check_time(ctx, new.scheduled_at)
    number = await sending_number(ctx, actor.account, new.number, abbreviates=actor.abbreviates)
    uuid, now = str(uuid4()), ctx.clock.now()

    def work(tx: Tx) -> None:
        plan = new.plan.over(accounts.settings(tx, actor.account))
        if (problem := too_many(drafts.waiting(tx, actor.account), actor.name)) is not None:
            raise conflict(problem)
        broadcast_id = broadcasts.insert(
            tx,
            uuid=uuid,
            account_id=actor.account,
            number_id=number.id,
            name=new.name or f"Draft ({new.template_name})",
            template_name=new.template_name,
            template_language=new.template_language,
            content=content_json(new.content),
            scheduled_at=new.scheduled_at,
            request_id=None,
            now=now,
            plan=plan,
            is_draft=True,
        )
        drafts.insert(tx, broadcast_id, made_by=actor.name, now=now)
        _use_files(tx, actor.account, number.id, broadcast_id, new.content, now)

    await ctx.db.write(work)
    return await read.show(ctx, actor, uuid)


async def change(ctx: Context, actor: Actor, reference: str, wanted: DraftChange) -> DraftView:
    """Change a draft; what decides what is sent makes a new check necessary.

    Raises Refusal for a draft that is sent, for a number that does not exist, and for a malformed mapping or content.
    """
    broadcast, _ = await read.draft_of(ctx, actor, reference)
    if wanted.content is not None:
        _check_content(wanted.content)
    check_time(ctx, wanted.scheduled_at)
    number = None
    if wanted.number is not None:
        number = (
            await sending_number(ctx, broadcast.account_id, wanted.number, abbreviates=actor.abbreviates)
        ).id
    plain: dict[str, Any] = {}
    if wanted.name is not None:
        plain["name"] = wanted.name
    if wanted.at_once or wanted.scheduled_at is not None:
        plain["scheduled_at"] = wanted.scheduled_at
    checked: dict[str, Any] = {
        name: value
        for name, value in (
            ("number_id", number),
            ("template_name", wanted.template_name),
            ("template_language", wanted.template_language),
        )
        if value is not None and value != getattr(broadcast, name)
    }
    plan = replace(broadcast.plan, **wanted.plan)
    columns = plan_columns(plan)
    checked |= (
        {"send_between": columns.pop("send_between")} if plan.send_between != broadcast.send_between else {}
    )
    plain |= columns
    if wanted.content is not None:
        checked["content"] = content_json(TemplateContent(None, **wanted.content))

    def work(tx: Tx) -> None:
        draft = editable(tx, broadcast.id)
        now = ctx.clock.now()
        mapping = read.mapping_of(draft)
        if wanted.mapping is not None:
            mapping = replace(wanted.mapping, names=mapping.names)
            _check_mapping(mapping)
        broadcasts.change_draft(tx, broadcast.id, now, **plain, **checked)
        if wanted.content is not None:
            media.forget_uses(tx, broadcast.id)
            number_id = checked.get("number_id", broadcast.number_id)
            given = TemplateContent(None, **wanted.content)
            _use_files(tx, broadcast.account_id, number_id, broadcast.id, given, now)
        if checked or mapping != read.mapping_of(draft):
            drafts.changed(tx, broadcast.id, now, mapping=orjson.dumps(mapping).decode())
        else:
            drafts.touched(tx, broadcast.id, now)

    await ctx.db.write(work)
    ctx.changes.publish([broadcast.id])
    if checked.keys() & {"template_name", "template_language"} and wanted.mapping is None:
        await _suggest_again(ctx, actor, broadcast)
    return await read.show(ctx, actor, broadcast.uuid)


async def put_people(
    ctx: Context, actor: Actor, reference: str, pieces: AsyncIterable[bytes], *, name: str
) -> DraftView:
    """Give a draft its people as JSON lines, one recipient as in the API on each. Raises Refusal as `uploads.put_file`."""
    broadcast, _ = await read.draft_of(ctx, actor, reference)
    await put_file(ctx, broadcast, pieces, name=name, form=FileFormat.JSONL)
    return await read.show(ctx, actor, broadcast.uuid)


async def put_csv(
    ctx: Context, actor: Actor, reference: str, pieces: AsyncIterable[bytes], *, name: str
) -> DraftView:
    """Give a draft its CSV file, in place of the one before; what its columns probably mean is set.

    Pasted text is the same: its bytes in UTF-8. Raises Refusal as `uploads.put_file`.
    """
    broadcast, _ = await read.draft_of(ctx, actor, reference)
    found = await read.columns(ctx, actor, broadcast.uuid)
    keys = [each.key for each in found.placeholders] if found.placeholders is not None else None

    def suggest(head: FileHead) -> FileMapping:
        return suggest_mapping(head, keys, found.mapping)

    await put_file(ctx, broadcast, pieces, name=name, form=FileFormat.CSV, suggest=suggest)
    return await read.show(ctx, actor, broadcast.uuid)


async def discard(ctx: Context, actor: Actor, reference: str) -> DiscardedDraft:
    """Throw a draft away. Raises Refusal if it is being sent or was sent."""
    broadcast, _ = await ctx.db.read(partial(read.to_change, actor=actor, reference=reference))

    def work(tx: Tx) -> None:
        if drafts.discard(tx, broadcast.id, ctx.clock.now()):
            return
        current, draft = broadcasts.get(tx, broadcast.id), drafts.get(tx, broadcast.id)
        if current is None or draft is None or draft.state is DraftState.DISCARDED:
            raise not_found("Draft")
        shown = SHOWN[draft.state] if current.status is BroadcastStatus.DRAFT else current.status
        raise conflict(f"The broadcast is {shown}: only a draft can be thrown away")

    await ctx.db.write(work)
    ctx.drafts.sends.set()  # the worker deletes its rows
    ctx.changes.publish([broadcast.id])
    return DiscardedDraft(broadcast_id=broadcast.uuid)


async def _suggest_again(ctx: Context, actor: Actor, broadcast: Broadcast) -> None:
    """Another template has other placeholders: what the columns probably mean for it is set."""
    found = await read.columns(ctx, actor, broadcast.uuid)
    if found.file is None or found.placeholders is None:
        return
    keys = [each.key for each in found.placeholders]
    kept = replace(found.mapping, fills={}, names=[])
    suggested = suggest_mapping(found.file, keys, kept)
    mapping = replace(suggested, phone=found.mapping.phone or suggested.phone)

    def work(tx: Tx) -> None:
        drafts.changed(tx, broadcast.id, ctx.clock.now(), mapping=orjson.dumps(mapping).decode())

    await ctx.db.write(work)


def _check_content(content: JsonObject) -> None:
    problems = content_problems(content)
    if problems:
        raise invalid(problems)


def _use_files(
    tx: Tx, account_id: str, number_id: str, broadcast_id: int, content: TemplateContent, now: Millis
) -> None:
    """Note the files that are the same for everybody. Raises Refusal for one that is not there, or of another kind."""
    uuids = ids_in([content])
    known = media.facts(tx, account_id, number_id, uuids) if uuids else {}
    if problems := media_problems(content, known):
        raise invalid(problems)
    media.use(tx, broadcast_id, [each.id for each in known.values()], now)


def _check_mapping(mapping: FileMapping) -> None:
    """Raise Refusal for a mapping that means nothing, whatever the file."""
    problems = [
        Problem(f"mapping.fills.{name}", "expected body.…, header or button.N as its name")
        for name in mapping.fills
        if not (
            name == HEADER
            or (name.startswith(BODY) and name != BODY)
            or (name.startswith(BUTTON) and name.removeprefix(BUTTON).isdecimal())
        )
    ]
    problems += [
        Problem(f"mapping.fills.{name}", "expected a column, or a value for everybody")
        for name, fill in mapping.fills.items()
        if (fill.column is None) == (fill.value is None) or (fill.column or 1) < 1
    ]
    if mapping.phone is not None and mapping.phone < 1:
        problems.append(Problem("mapping.phone", "expected the number of a column, from 1"))
    if problems:
        raise invalid(problems)
