"""Reading drafts: one by its id, pages of them, and what its file and its template have to be mapped."""

from collections.abc import Sequence
from functools import partial

from wacrmd.clock import Millis
from wacrmd.domain.actor import Actor
from wacrmd.domain.broadcast import Broadcast, BroadcastFilter, BroadcastStatus
from wacrmd.domain.draft import CheckResult, Draft, DraftState, FileFormat, FileMapping
from wacrmd.domain.forecast import Forecast
from wacrmd.domain.mapped_file import FileHead, read_head
from wacrmd.domain.marketing_route import Route, route_of
from wacrmd.domain.media import MediaFacts
from wacrmd.domain.media_in_content import ids_in
from wacrmd.domain.number import Number
from wacrmd.domain.page import Page, PageRequest, Position
from wacrmd.domain.phone_guess import Home
from wacrmd.domain.sending_plan import SendingPlan
from wacrmd.domain.template import SyncedTemplate, TemplateContent
from wacrmd.domain.text_file import split_lines
from wacrmd.errors import conflict, not_found
from wacrmd.fields import JsonObject, shared
from wacrmd.off_loop import off_loop
from wacrmd.services.broadcasts import read as broadcasts_read
from wacrmd.services.broadcasts.forecasting import forecast_of
from wacrmd.services.context import Context
from wacrmd.services.drafts.people import Source
from wacrmd.services.drafts.placeholders import placeholders
from wacrmd.services.prices.cost import estimate
from wacrmd.store import accounts, broadcasts, drafts, marketing, media, numbers, templates
from wacrmd.store.database import Tx
from wacrmd.views.drafts import DraftColumns, DraftFileView, DraftSummary, DraftView, WorkView
from wacrmd.views.json import from_json
from wacrmd.views.prices import CostView

KINDS = ("image", "video", "document", "location")
"""Headers that are the same for everybody."""


def find(tx: Tx, actor: Actor, reference: str) -> tuple[Broadcast, Draft]:
    """The draft with this id, also after it was sent. Raises Refusal if there is none."""
    broadcast = broadcasts_read.find(tx, actor, reference)
    draft = drafts.get(tx, broadcast.id)
    if (
        draft is None
        or draft.state is DraftState.DISCARDED
        or actor.account_id not in (None, broadcast.account_id)
    ):
        raise not_found("Draft")
    return broadcast, draft


def to_change(tx: Tx, actor: Actor, reference: str) -> tuple[Broadcast, Draft]:
    """The same for what only a draft allows. Raises Refusal if the broadcast is there, and never was a draft."""
    broadcast = broadcasts_read.find(tx, actor, reference)
    draft = drafts.get(tx, broadcast.id)
    if draft is None:
        raise conflict(f"The broadcast is {broadcast.status}: it is no draft")
    return broadcast, draft


async def draft_of(ctx: Context, actor: Actor, reference: str) -> tuple[Broadcast, Draft]:
    """The draft with this id; raises Refusal as `find`."""
    return await ctx.db.read(partial(find, actor=actor, reference=reference))


async def show(ctx: Context, actor: Actor, reference: str) -> DraftView:
    """The draft with this id; raises Refusal as `find`."""

    def work(tx: Tx) -> DraftView:
        broadcast, draft = find(tx, actor, reference)
        content, _ = broadcasts.content_and_request_id(tx, broadcast.id)
        route = route_of(marketing.facts_of_broadcast(tx, broadcast.id))
        cost = _cost(tx, broadcast, draft, route, ctx.clock.now())
        going = _forecast(tx, ctx, broadcast, draft)
        account = _account(tx, broadcast)
        return _view(ctx, broadcast, draft, account, content_of(content), route, cost, going)

    return await ctx.db.read(work)


def _forecast(tx: Tx, ctx: Context, broadcast: Broadcast, draft: Draft) -> Forecast | None:
    """How it will go if it is sent as it is; None for one that cannot be."""
    result, number = result_of(draft), numbers.get(tx, broadcast.number_id)
    if result is None or number is None or draft.state not in (DraftState.CHECKED, DraftState.COLLECTING):
        return None
    return forecast_of(tx, ctx, number, broadcast.plan, result.places, broadcast.scheduled_at)


async def page(ctx: Context, account_id: str | None, request: PageRequest) -> Page[DraftSummary]:
    """A page of the drafts of one account or of all, the newest first."""

    def work(tx: Tx) -> Page[DraftSummary]:
        found = broadcasts.page(
            tx,
            BroadcastFilter(account_id=account_id, status=BroadcastStatus.DRAFT),
            after=request.after,
            limit=request.rows,
        )
        rows = Page.of(found, request, lambda row: row, lambda row: Position(row.created_at, row.id))
        return Page([_summary(tx, each) for each in rows.items], rows.next)

    return await ctx.db.read(work)


async def some(ctx: Context, account_id: str | None, ids: Sequence[str]) -> list[DraftSummary]:
    """The drafts with these ids, of one account or of all; ids of what is no draft are left out."""

    def work(tx: Tx) -> list[DraftSummary]:
        found = (each for one in ids for each in broadcasts.find(tx, one, account_id))
        return [_summary(tx, each) for each in found if each.status is BroadcastStatus.DRAFT]

    return await ctx.db.read(work)


async def columns(ctx: Context, actor: Actor, reference: str) -> DraftColumns:
    """What there is to map: the columns of the file, and the placeholders of the template."""

    def work(tx: Tx) -> tuple[Draft, Source, bytes | None]:
        broadcast, draft = find(tx, actor, reference)
        first = None if draft.file_edition is None else drafts.piece(tx, broadcast.id, draft.file_edition, 0)
        return draft, source(tx, broadcast, draft), first

    draft, given, first = await ctx.db.read(work)
    known = given.template.template if given.template is not None else None
    head: FileHead | None = None
    if first is not None and draft.file_format is FileFormat.CSV:
        head = await off_loop(lambda: read_head(split_lines(first.decode())))
    wanted = placeholders(known) if known is not None else None
    return DraftColumns(
        file=head, placeholders=wanted, header=header_kind(given.template), mapping=given.mapping
    )


def header_kind(synced: SyncedTemplate | None) -> str | None:
    """The kind of media that the template's header needs."""
    if synced is None or synced.template is None:
        return None
    for part in synced.template.components:
        form = str(part.get("format", "")).lower()
        if str(part.get("type", "")).upper() == "HEADER" and form in KINDS:
            return form
    return None


def source(tx: Tx, broadcast: Broadcast, draft: Draft) -> Source:
    """What the draft's file is read with. Raises Refusal if its number was removed."""
    number = number_of(tx, broadcast)
    mapping = mapping_of(draft)
    country = mapping.country or accounts.settings(tx, broadcast.account_id).default_country
    content, _ = broadcasts.content_and_request_id(tx, broadcast.id)
    defaults = template_content(content)
    return Source(
        form=draft.file_format or FileFormat.CSV,
        mapping=mapping,
        template_name=broadcast.template_name,
        template_language=broadcast.template_language,
        template=templates.synced(tx, number.waba_id, broadcast.template_name, broadcast.template_language),
        defaults=defaults,
        home=Home.of(country, number.display_phone),
        files=_files(tx, broadcast, draft, number, defaults),
        plan=broadcast.plan,
        now=broadcast.created_at,  # so that all who read the file find the same
    )


def _files(
    tx: Tx, broadcast: Broadcast, draft: Draft, number: Number, defaults: TemplateContent
) -> dict[str, MediaFacts]:
    """The files that may be named: by what is the same for everybody, or in JSON lines by anybody."""
    if draft.file_format is FileFormat.JSONL:
        return media.all_facts(tx, broadcast.account_id, number.id)
    ids = ids_in([defaults])
    return media.facts(tx, broadcast.account_id, number.id, ids) if ids else {}


def number_of(tx: Tx, broadcast: Broadcast) -> Number:
    """The number of a draft; raises Refusal if it was removed."""
    number = numbers.get(tx, broadcast.number_id)
    if number is None or number.is_removed:
        raise conflict("The number of this draft was removed: choose another one")
    return number


def mapping_of(draft: Draft) -> FileMapping:
    """What the columns of its file mean."""
    return from_json(FileMapping, draft.mapping) if draft.mapping else FileMapping()


def result_of(draft: Draft) -> CheckResult | None:
    """What the last check found."""
    return from_json(CheckResult, draft.result) if draft.result else None


def content_of(stored: str | None) -> JsonObject:
    """Header, buttons and components that are the same for everybody."""
    return from_json(JsonObject, stored) if stored else {}


def template_content(stored: str | None) -> TemplateContent:
    """The same as the template takes it."""
    return TemplateContent(None, **content_of(stored))


def _account(tx: Tx, broadcast: Broadcast) -> str:
    account = accounts.find(tx, broadcast.account_id)
    return account.name if account is not None else ""


def _facts(broadcast: Broadcast, draft: Draft, account: str) -> JsonObject:
    return {
        "uuid": broadcast.uuid,
        "account": account,
        "name": broadcast.name,
        "status": broadcast.status,
        "state": draft.state,
        "template_name": broadcast.template_name,
        "template_language": broadcast.template_language,
        "made_by": draft.made_by,
        "created_at": broadcast.created_at,
        "updated_at": draft.updated_at,
        "scheduled_at": broadcast.scheduled_at,
        "problem": draft.problem,
        "number_id": broadcast.number_id,
    }


def _summary(tx: Tx, broadcast: Broadcast) -> DraftSummary:
    draft = drafts.get(tx, broadcast.id)
    if draft is None:
        raise not_found("Draft")
    result = result_of(draft)
    people = result.accepted if result is not None else None
    return DraftSummary(**_facts(broadcast, draft, _account(tx, broadcast)), people=people)


def _cost(tx: Tx, broadcast: Broadcast, draft: Draft, route: Route, now: Millis) -> CostView | None:
    """What the draft would cost, as its last check found the people."""
    result, number = result_of(draft), numbers.get(tx, broadcast.number_id)
    if result is None or number is None:
        return None
    template = templates.synced(tx, number.waba_id, broadcast.template_name, broadcast.template_language)
    at = max(now, broadcast.scheduled_at or 0)
    return estimate(tx, broadcast.account_id, template, route, result.countries, at)


def _view(
    ctx: Context,
    broadcast: Broadcast,
    draft: Draft,
    account: str,
    content: JsonObject,
    route: Route,
    cost: CostView | None,
    going: Forecast | None,
) -> DraftView:
    file = None
    if draft.file_name is not None and draft.file_format is not None:
        file = DraftFileView(name=draft.file_name, format=draft.file_format, bytes=draft.file_bytes)
    shown = ctx.drafts.progress.get(broadcast.id)
    result = result_of(draft)
    progress = WorkView(done=shown.done, total=shown.total) if shown is not None else None
    if draft.state is DraftState.PREPARING and progress is None and result is not None:
        progress = WorkView(done=draft.taken, total=result.accepted)  # it waits
    return DraftView(
        **_facts(broadcast, draft, account),
        **shared(SendingPlan, broadcast),
        content=content,
        file=file,
        mapping=mapping_of(draft),
        check=result,
        route=route,
        cost=cost,
        forecast=going,
        progress=progress,
        send_requested_at=draft.send_requested_at,
        sent_by=draft.sent_by,
        version=draft.version,
    )
