"""Taking a file for headers: checked by its content, stored in pieces, and asked for at Meta."""

import hashlib
import os
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from wacrmd.domain.actor import Actor
from wacrmd.domain.media import (
    MIME_TYPES,
    Media,
    MediaKind,
    Sample,
    mime_type_of,
    name_of,
    size_problem,
    with_article,
)
from wacrmd.domain.old_office import DIRECTORY_BYTES, directory_at
from wacrmd.errors import ErrorCode, Refusal, bad_request, conflict
from wacrmd.off_loop import off_loop
from wacrmd.services.broadcasts.prepare import sending_number
from wacrmd.services.context import Context
from wacrmd.services.media.read import view_of
from wacrmd.store import media, media_uploads
from wacrmd.store.database import Tx
from wacrmd.views.media import MediaView

PIECE_BYTES = 256 * 1024
"""A transaction that stores a piece takes a few milliseconds."""
SAMPLE_BYTES = 64 * 1024
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class GivenFile:
    """An open file, what it is called, and the type that its owner declares; empty: none."""

    descriptor: int
    name: str
    declared: str = ""


async def take(
    ctx: Context, actor: Actor, given: GivenFile, number: str | None, kind: MediaKind | None = None
) -> MediaView:
    """Store a file of the actor's account, and let it be uploaded for a number, the default one if none is named.

    A file with the same content is the same file: its id stays, and it is kept longer. Raises Refusal for a file that Meta
    does not take, for one that is of another `kind` than wanted, for one that is too large, also together with the others of
    the account, for an unknown number, and for the same content as another type: of old Office files the name may decide.
    """
    ctx.refuse_while_draining()
    account = actor.account
    sender = await sending_number(ctx, account, number, abbreviates=actor.abbreviates)
    size = os.fstat(given.descriptor).st_size
    mime_type = await _checked(ctx, given, size)
    if kind is not None and MIME_TYPES[mime_type] is not kind:
        raise bad_request(f"file: expected {with_article(kind)}, found {with_article(MIME_TYPES[mime_type])}")
    sha256 = await off_loop(_digest, given.descriptor, size)
    name = name_of(given.name)

    def begin(tx: Tx) -> tuple[int, int] | Media:
        known = media.by_content(tx, account, sha256)
        if known is not None and known.edition is not None:
            if media.is_whole(tx, known.id, known.edition, known.size):
                if known.mime_type != mime_type:
                    raise conflict(
                        f"file: it is here already as {known.file_name} ({known.mime_type}), and by its new name it would be"
                        f" {mime_type}: give it a name with the old ending, or remove that one first"
                    )
                return known
            media.remove(tx, known.id)  # it is stored again, for the broadcasts that need it
        if (problem := _no_room(tx, ctx, account, size)) is not None:
            raise conflict(problem)
        return media.begin(
            tx,
            uuid=str(uuid4()),
            account_id=account,
            file_name=name,
            mime_type=mime_type,
            size=size,
            sha256=sha256,
            made_by=actor.name,
            now=ctx.clock.now(),
        )

    begun = await ctx.db.write(begin)
    if isinstance(begun, Media):
        return await _finish(ctx, begun.id, sender.id)
    media_id, edition = begun
    with ctx.media.storing(media_id, edition, account, size):
        await _store(ctx, given.descriptor, media_id, edition, size)
        finish = partial(
            media.finish,
            media_id=media_id,
            edition=edition,
            file_name=name,
            mime_type=mime_type,
            made_by=actor.name,
            is_alone=not ctx.media.others_of(media_id, edition),
            now=ctx.clock.now(),
        )
        return await _finish(ctx, media_id, sender.id, finish)


async def _checked(ctx: Context, given: GivenFile, size: int) -> str:
    """The type of the file; raises Refusal for what cannot be used."""
    head = await off_loop(os.pread, given.descriptor, SAMPLE_BYTES, 0)
    tail = await off_loop(os.pread, given.descriptor, SAMPLE_BYTES, max(0, size - SAMPLE_BYTES))
    place = directory_at(head)
    directory = b"" if place is None else await off_loop(os.pread, given.descriptor, DIRECTORY_BYTES, place)
    try:
        mime_type = mime_type_of(Sample(head, tail, given.name, given.declared, directory)) if size else ""
    except ValueError as error:
        raise bad_request(f"file: {error}") from None
    if not size:
        raise bad_request("file: it is empty")
    if (problem := size_problem(mime_type, size, ctx.config.limits.max_media_bytes)) is not None:
        raise Refusal(ErrorCode.PAYLOAD_TOO_LARGE, f"file: {problem}")
    return mime_type


def _no_room(tx: Tx, ctx: Context, account_id: str, size: int) -> str | None:
    """Why an account has no room for a file of this size; None if it has."""
    most = ctx.config.limits.max_media_bytes_per_account
    stored = media.stored_bytes(tx, account_id) + ctx.media.bytes_of(account_id)
    if stored + size <= most:
        return None
    return (
        f"file: the files of this account hold {stored >> 20} MB, with this one they would hold more than"
        f" {most >> 20} MB: remove some (wacrmd media list, wacrmd media remove), or raise [limits]"
        " max_media_bytes_per_account"
    )


def _digest(descriptor: int, size: int) -> bytes:
    """SHA-256 of so much of an open file; 100 MB take some tenths of a second."""
    digest, at = hashlib.sha256(), 0
    while piece := os.pread(descriptor, min(_READ_BYTES, size - at), at):
        digest.update(piece)
        at += len(piece)
    return digest.digest()


async def _store(ctx: Context, descriptor: int, media_id: int, edition: int, size: int) -> None:
    """Store the pieces, each in a transaction of its own; raises Refusal for a file that changes meanwhile."""
    at = number = 0
    while piece := await off_loop(os.pread, descriptor, PIECE_BYTES, at):
        at += len(piece)
        if at > size:
            break
        await ctx.db.write(
            partial(media.put_piece, media_id=media_id, edition=edition, number=number, content=piece)
        )
        number += 1
    if at != size:
        raise bad_request("file: it was changed while it was read: upload it again")


async def _finish(
    ctx: Context, media_id: int, number_id: str, finish: partial[None] | None = None
) -> MediaView:
    """Make the pieces the file, if there are new ones, note that it is used, and ask for its upload."""

    def work(tx: Tx) -> Media:
        now = ctx.clock.now()
        if finish is not None:
            finish(tx)
        media.touch(tx, [media_id], now)
        media_uploads.ask(tx, media_id, number_id, now)
        stored = media.get(tx, media_id)
        if stored is None or stored.edition is None:
            raise conflict("The file was removed a moment ago: upload it again")
        return stored

    stored = await ctx.db.write(work)
    ctx.media.wake.set()
    return view_of(ctx, stored)
