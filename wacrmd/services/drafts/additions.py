"""A file whose people are added to those of a draft, such as lines that were left out and are corrected now."""

from collections.abc import AsyncIterable, Iterator
from functools import partial

from wacrmd.domain import draft_room
from wacrmd.domain.actor import Actor
from wacrmd.domain.added_file import added_lines
from wacrmd.domain.broadcast import Broadcast
from wacrmd.domain.draft import Draft, FileFormat
from wacrmd.domain.text_file import CsvError, LineDecoder, split_lines
from wacrmd.errors import ErrorCode, Refusal, bad_request, conflict
from wacrmd.off_loop import off_loop
from wacrmd.services.context import Context
from wacrmd.services.drafts import read
from wacrmd.services.drafts.uploads import MAX_FILE_BYTES, MAX_FILE_NAME, PIECE_BYTES, editable, too_large
from wacrmd.store import broadcasts, drafts
from wacrmd.store.database import Tx
from wacrmd.views.drafts import DraftView

MAX_ADDED_BYTES = 16 * 1024 * 1024
"""It is read as a whole, beside the list; who has more uploads a new list."""


async def add_csv(
    ctx: Context, actor: Actor, reference: str, pieces: AsyncIterable[bytes], *, name: str
) -> DraftView:
    """Add the people in a CSV file to those of a draft, whose columns keep their meaning; it is to be checked again.

    Only a file that has come whole counts. Raises Refusal for what is no CSV file, for one that lacks a column that is
    needed or is too large, for a draft without a list, and for one that is changed meanwhile.
    """

    def begin(tx: Tx) -> tuple[Broadcast, Draft, int, bytes]:
        broadcast, _ = read.find(tx, actor, reference)
        draft = editable(tx, broadcast.id)
        if draft.file_edition is None:
            raise conflict("The draft has no list yet: upload one")
        if draft.file_format is not FileFormat.CSV:
            raise conflict(
                "The people of this draft come from an earlier broadcast: a file cannot be added to them"
            )
        first = drafts.piece(tx, broadcast.id, draft.file_edition, 0) or b""
        return broadcast, draft, drafts.next_edition(tx, broadcast.id), first

    raw = await _whole(pieces)
    broadcast, draft, edition, first = await ctx.db.write(begin)
    before, mapping = split_lines(first.decode()), read.mapping_of(draft)

    def rewrite() -> list[bytes]:
        try:
            decoded = list(LineDecoder().feed(raw, final=True))
            return list(_in_pieces(added_lines(before, mapping, decoded)))
        except CsvError as error:
            raise bad_request(f"file: {error}") from None

    added = await off_loop(rewrite)
    if not added:
        raise bad_request("file: it has no people: there is no line below the names of its columns")
    with ctx.drafts.writing(broadcast.id, edition):
        await _store(ctx, broadcast.id, draft, edition, added)

        def finish(tx: Tx) -> None:
            now, current = ctx.clock.now(), editable(tx, broadcast.id)
            if current.file_edition != draft.file_edition:
                raise conflict("The draft got another list meanwhile: look at it, then add the file again")
            size = draft.file_bytes + sum(map(len, added))
            waiting = drafts.waiting(tx, broadcast.account_id)
            others = [each for each in waiting if each.broadcast_id != broadcast.id]
            if (problem := draft_room.too_large(others, draft.made_by, size)) is not None:
                raise conflict(f"file: {problem}")
            if size > MAX_FILE_BYTES:
                raise too_large()
            broadcasts.change_draft(tx, broadcast.id, now)
            shown = draft.file_name if draft.file_name == name else f"{draft.file_name} + {name}"
            drafts.file_stored(
                tx,
                broadcast.id,
                edition,
                now,
                name=str(shown)[:MAX_FILE_NAME],
                form=FileFormat.CSV,
                size=size,
                mapping=current.mapping or "",
            )

        await ctx.db.write(finish)
    ctx.drafts.sends.set()  # the worker deletes the file before
    ctx.changes.publish([broadcast.id])
    return await read.show(ctx, actor, broadcast.uuid)


async def _whole(pieces: AsyncIterable[bytes]) -> bytes:
    raw = bytearray()
    async for piece in pieces:
        raw += piece
        if len(raw) > MAX_ADDED_BYTES:
            raise Refusal(
                ErrorCode.PAYLOAD_TOO_LARGE,
                f"file: it holds more than {MAX_ADDED_BYTES >> 20} MB: upload a new list in place of the one before",
            )
    return bytes(raw)


async def _store(ctx: Context, broadcast_id: int, draft: Draft, edition: int, added: list[bytes]) -> None:
    """Store the list as another edition, then what is added to it; each piece in a transaction of its own."""
    number, last = 0, b""
    copy = partial(drafts.copy_piece, broadcast_id=broadcast_id, edition=draft.file_edition or 0, to=edition)
    while (content := await ctx.db.write(partial(copy, number=number))) is not None:
        number, last = number + 1, content
    if last and not last.endswith((b"\n", b"\r")):
        added[0] = b"\r\n" + added[0]
    for at, content in enumerate(added, start=number):
        await ctx.db.write(
            partial(drafts.put_piece, broadcast_id=broadcast_id, edition=edition, number=at, content=content)
        )


def _in_pieces(lines: Iterator[str]) -> Iterator[bytes]:
    waiting, size = list[bytes](), 0
    for line in lines:
        waiting.append(line.encode())
        size += len(waiting[-1])
        if size >= PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
