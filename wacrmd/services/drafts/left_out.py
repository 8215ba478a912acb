"""The lines of a draft's file that get no message, and those whose number is a guess, as a CSV file."""

from collections.abc import AsyncGenerator
from functools import partial

from wacrmd.domain.actor import Actor
from wacrmd.domain.draft import Which
from wacrmd.domain.text_file import CsvError
from wacrmd.errors import bad_request, conflict
from wacrmd.off_loop import off_loop
from wacrmd.services.context import Context
from wacrmd.services.drafts import read
from wacrmd.services.drafts.findings import Left, Seen
from wacrmd.services.drafts.people import Batch, LeftOut, PeopleReader, Source
from wacrmd.services.drafts.uploads import lines_of
from wacrmd.store.database import Tx


async def download(
    ctx: Context, actor: Actor, reference: str, which: Which, *, plain: bool = False
) -> AsyncGenerator[str, None]:
    """These lines as they stand in the file, each with the reason before it, in pieces of many lines.

    The file is read again as a check reads it. A file that was corrected can be uploaded as it is: the column with the
    reasons is ignored.
    `plain`: for somebody who opens it in a spreadsheet (`RejectedFormat`).

    Raises Refusal for a draft without a file, and for a file that cannot be read.
    """

    def begin(tx: Tx) -> tuple[int, str, int, Source]:
        broadcast, draft = read.find(tx, actor, reference)
        if draft.file_edition is None:
            raise conflict("The draft has no file: it has none yet, or it was sent")
        return broadcast.id, broadcast.account_id, draft.file_edition, read.source(tx, broadcast, draft)

    broadcast_id, account_id, edition, source = await ctx.db.read(begin)
    seen = Seen()
    try:
        lines = lines_of(ctx, broadcast_id, edition, lambda _: None)
        reader = await off_loop(partial(PeopleReader, lines, source, for_staff=plain))
    except CsvError as error:
        raise bad_request(f"file: {error}") from None
    yield reader.head(which)
    batches = reader.batches()
    while (batch := await off_loop(next, batches, None)) is not None:
        left = await ctx.db.read(partial(seen.tell_apart, account_id=account_id, batch=batch))
        chosen = _chosen(batch, left, which)
        if chosen:
            yield await off_loop("".join, map(reader.left_out_line, chosen))


def _chosen(batch: Batch, left: Left, which: Which) -> list[LeftOut]:
    kinds = {
        Which.REJECTED: batch.rejected,
        Which.DUPLICATES: [*batch.duplicates, *left.same_person],
        Which.OPTED_OUT: left.opted_out,
        Which.GUESSED: batch.guesses,
    }
    found = (
        [each for kind in kinds if kind is not Which.GUESSED for each in kinds[kind]]
        if which is Which.LEFT_OUT
        else kinds[which]
    )
    return sorted(found, key=lambda each: each.line)
