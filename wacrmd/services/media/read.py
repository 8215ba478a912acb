"""Reading files of headers: one by its id, and pages; and deleting one."""

from functools import partial

from wacrmd.clock import DAY, Millis
from wacrmd.domain.actor import Actor
from wacrmd.domain.media import Media
from wacrmd.domain.page import Page, PageRequest, Position
from wacrmd.errors import conflict
from wacrmd.services.context import Context
from wacrmd.services.lookup import exactly_one
from wacrmd.store import accounts, media, media_uploads, numbers
from wacrmd.store.database import Tx
from wacrmd.views.media import MediaDetails, MediaUploadView, MediaView

MAX_USES = 10
NAMED_USES = 3


async def page(ctx: Context, account_id: str | None, request: PageRequest) -> Page[MediaDetails]:
    """A page of the files of one account or of all, the newest first."""

    def work(tx: Tx) -> Page[MediaDetails]:
        found = media.page(tx, account_id, after=request.after, limit=request.rows)
        return Page.of(
            found, request, partial(_details, tx, ctx), lambda row: Position(row.created_at, row.id)
        )

    return await ctx.db.read(work)


async def show(ctx: Context, actor: Actor, reference: str) -> MediaDetails:
    """The file with this id, or with an id that begins so. Raises Refusal if there is none."""
    return await ctx.db.read(lambda tx: _details(tx, ctx, find(tx, actor, reference)))


async def remove(ctx: Context, actor: Actor, reference: str) -> MediaDetails:
    """Delete a file, and return it as it was. Raises Refusal while a broadcast or a draft needs it."""

    def work(tx: Tx) -> MediaDetails:
        found = find(tx, actor, reference)
        if used := media.used_by(tx, found.id, NAMED_USES + 1):
            named = ", ".join(f"{name} ({uuid[:8]})" for uuid, name in used[:NAMED_USES])
            more = " and others" if len(used) > NAMED_USES else ""
            raise conflict(f"The file is needed by {named}{more}: cancel or change them first")
        shown = _details(tx, ctx, found)
        media.remove(tx, found.id)
        return shown

    removed = await ctx.db.write(work)
    ctx.media.wake.set()  # the worker deletes its pieces
    return removed


def find(tx: Tx, actor: Actor, reference: str) -> Media:
    """The file with this id, or with an id that begins so. Raises Refusal if there is none."""
    return exactly_one(media.find(tx, reference.lower(), actor.account_id), "File", reference)


def view_of(ctx: Context, found: Media) -> MediaView:
    """A file as callers see it."""
    return MediaView(
        uuid=found.uuid,
        kind=found.kind,
        mime_type=found.mime_type,
        file_name=found.file_name,
        bytes=found.size,
        sha256=found.sha256.hex(),
        created_at=found.created_at,
        expires_at=expires_at(ctx, found),
    )


def expires_at(ctx: Context, found: Media) -> Millis | None:
    """When a file is deleted if nothing uses it; None if it is kept for ever."""
    days = ctx.config.retention.media_days
    return found.used_at + days * DAY if days else None


def _details(tx: Tx, ctx: Context, found: Media) -> MediaDetails:
    account = accounts.find(tx, found.account_id)
    uploads = []
    for each in media_uploads.of_media(tx, found.id):
        number = numbers.get(tx, each.number_id)
        uploads.append(
            MediaUploadView(
                number_id=each.number_id,
                phone_number_id=number.phone_number_id if number is not None else "",
                meta_id=each.meta_id,
                expires_at=each.expires_at,
                error=each.error,
            )
        )
    return MediaDetails(
        uuid=found.uuid,
        account=account.name if account is not None else "",
        kind=found.kind,
        mime_type=found.mime_type,
        file_name=found.file_name,
        bytes=found.size,
        sha256=found.sha256.hex(),
        made_by=found.made_by,
        created_at=found.created_at,
        expires_at=expires_at(ctx, found),
        used_by=[uuid for uuid, _ in media.used_by(tx, found.id, MAX_USES)],
        uploads=uploads,
    )
