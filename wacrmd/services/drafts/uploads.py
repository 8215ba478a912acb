"""The file of a draft: taken in pieces, each stored in a transaction of its own, and read again in pieces."""

from collections.abc import AsyncIterable, Callable, Iterator
from functools import partial

import orjson
from anyio import from_thread

from wacrmd.domain import draft_room
from wacrmd.domain.broadcast import Broadcast
from wacrmd.domain.draft import EDITABLE, Draft, FileFormat, FileMapping
from wacrmd.domain.mapped_file import FileHead, read_head
from wacrmd.domain.text_file import CsvError, LineDecoder, split_lines
from wacrmd.errors import ErrorCode, Refusal, bad_request, conflict, counted, not_found
from wacrmd.off_loop import off_loop
from wacrmd.services.context import Context
from wacrmd.store import broadcasts, drafts
from wacrmd.store.database import Tx

PIECE_BYTES = 256 * 1024
"""A piece has whole lines, up to about this size: a transaction that stores it takes a few milliseconds."""
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_FILE_NAME = 200
LINES_A_PERSON = 10
"""Lines of a file for each person that it may name: a file of empty lines takes long to read, and names nobody."""


async def put_file(
    ctx: Context,
    broadcast: Broadcast,
    pieces: AsyncIterable[bytes],
    *,
    name: str,
    form: FileFormat = FileFormat.CSV,
    suggest: Callable[[FileHead], FileMapping] | None = None,
) -> None:
    """Store a file as that of a draft, in place of the one before; only a file that has come whole counts.

    `suggest` makes the mapping of its columns. Raises Refusal for what is no CSV file, for one that is empty or too
    large, also together with those of other drafts, and for a draft that cannot be changed.
    """

    def begin(tx: Tx) -> int:
        editable(tx, broadcast.id)
        return drafts.next_edition(tx, broadcast.id)

    edition = await ctx.db.write(begin)
    with ctx.drafts.writing(broadcast.id, edition):
        try:
            size, head = await _store_pieces(ctx, broadcast.id, edition, pieces, form)
        except CsvError as error:
            raise bad_request(f"file: {error}") from None
        mapping = suggest(head) if suggest is not None and head is not None else FileMapping()

        def finish(tx: Tx) -> None:
            draft = editable(tx, broadcast.id)
            waiting = drafts.waiting(tx, broadcast.account_id)
            others = [each for each in waiting if each.broadcast_id != broadcast.id]
            if (problem := draft_room.too_large(others, draft.made_by, size)) is not None:
                raise conflict(f"file: {problem}")
            now = ctx.clock.now()
            broadcasts.change_draft(tx, broadcast.id, now)
            drafts.file_stored(
                tx,
                broadcast.id,
                edition,
                now,
                name=name[:MAX_FILE_NAME],
                form=form,
                size=size,
                mapping=orjson.dumps(mapping).decode(),
            )

        await ctx.db.write(finish)
    ctx.drafts.sends.set()  # the worker deletes the file before
    ctx.changes.publish([broadcast.id])


async def _store_pieces(
    ctx: Context, broadcast_id: int, edition: int, pieces: AsyncIterable[bytes], form: FileFormat
) -> tuple[int, FileHead | None]:
    """Store all pieces; the size of the file, and its beginning. Raises CsvError, and Refusal if it is too large."""
    decoder, size, number, count = LineDecoder(), 0, 0, 0
    most = LINES_A_PERSON * ctx.config.limits.max_upload_recipients
    head: FileHead | None = None
    waiting = bytearray()

    async def store(raw: bytes, *, final: bool) -> None:
        nonlocal number, head, count
        lines = await off_loop(lambda: list(decoder.feed(raw, final=final)))
        count += len(lines)
        if count > most:
            raise bad_request(
                f"file: it has more than {counted(most, 'line')}: leave out the empty ones, or split it"
            )
        if number == 0 and form is FileFormat.CSV and (lines or final):
            head = await off_loop(read_head, lines)
        if lines:
            content = "".join(lines).encode()
            await ctx.db.write(
                partial(
                    drafts.put_piece,
                    broadcast_id=broadcast_id,
                    edition=edition,
                    number=number,
                    content=content,
                )
            )
            number += 1

    async for piece in pieces:
        size += len(piece)
        if size > MAX_FILE_BYTES:
            raise too_large()
        waiting += piece
        while len(waiting) >= PIECE_BYTES:
            await store(bytes(waiting[:PIECE_BYTES]), final=False)
            del waiting[:PIECE_BYTES]
    await store(bytes(waiting), final=True)
    return size, head


def too_large() -> Refusal:
    """The refusal of a file that is too large."""
    return Refusal(
        ErrorCode.PAYLOAD_TOO_LARGE,
        f"file: it holds more than {MAX_FILE_BYTES >> 20} MB: leave out columns that are not needed, or split it",
    )


def editable(tx: Tx, broadcast_id: int) -> Draft:
    """The draft, if it can be changed; raises Refusal."""
    draft = drafts.get(tx, broadcast_id)
    if draft is None:
        raise not_found("Draft")
    if draft.state not in EDITABLE:
        raise conflict(f"The draft cannot be changed: it is {SHOWN.get(draft.state, draft.state)}")
    return draft


SHOWN = {
    "collecting": "filled by a program, through the API",
    "preparing": "being sent",
    "returning": "being taken back",
    "sent": "sent",
    "discarded": "thrown away",
}


def lines_of(ctx: Context, broadcast_id: int, edition: int, progress: Callable[[int], None]) -> Iterator[str]:
    """The lines of a stored file; on a worker thread of anyio. `progress` is told how many bytes were read.

    Raises Refusal if the draft has another file meanwhile.
    """
    number = 0
    while True:
        content = from_thread.run(
            ctx.db.read,
            partial(drafts.piece, broadcast_id=broadcast_id, edition=edition, number=number),
        )
        if content is None:
            return
        yield from split_lines(content.decode())
        progress(len(content))
        number += 1
