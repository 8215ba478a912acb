"""The check of a draft: reads all of its file, stores who gets what, and says what is left out and why."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing, suppress
from functools import partial
from time import monotonic

import anyio
import orjson

from wacrmd.clock import Millis
from wacrmd.domain.actor import Actor
from wacrmd.domain.broadcast import Broadcast
from wacrmd.domain.draft import CheckResult, Draft, DraftState
from wacrmd.domain.media_in_content import ids_in
from wacrmd.domain.number import Number
from wacrmd.domain.template import TemplateContent
from wacrmd.domain.text_file import CsvError
from wacrmd.errors import Refusal, conflict
from wacrmd.off_loop import off_loop
from wacrmd.services.broadcasts.create import content_parts
from wacrmd.services.context import Context
from wacrmd.services.drafts import read
from wacrmd.services.drafts.findings import Findings, Left, Seen
from wacrmd.services.drafts.people import BATCH_ROWS, Batch, PeopleReader, Person, Source
from wacrmd.services.drafts.uploads import editable, lines_of
from wacrmd.store import broadcast_queue, broadcasts, drafts, media
from wacrmd.store.database import Tx
from wacrmd.views.drafts import DraftView

SENDING_SHARE = 2.0
"""While messages are sent, a check rests after each thousand rows for as long as they took, times this."""


class ChangedError(Exception):
    """The draft was changed while it was checked."""


async def start(ctx: Context, actor: Actor, reference: str) -> DraftView:
    """Let a draft be checked; `state` is `checking` until that is done, `progress` how far it is.

    One that is checked as it is now is checked again: people may have opted out since. Raises Refusal for a draft without
    a file, and for one that is being sent.
    """
    broadcast, _ = await read.draft_of(ctx, actor, reference)

    def work(tx: Tx) -> None:
        draft = editable(tx, broadcast.id)
        if draft.file_edition is None:
            raise conflict("The draft has no people yet: upload a file")
        drafts.want_check(tx, broadcast.id, ctx.clock.now())

    await ctx.db.write(work)
    ctx.drafts.checks.set()
    ctx.changes.publish([broadcast.id])
    return await read.show(ctx, actor, broadcast.uuid)


async def run(ctx: Context, broadcast_id: int) -> None:
    """Check a draft that is to be checked, and store the result; nothing if it is changed meanwhile."""

    def begin(tx: Tx) -> tuple[Broadcast, Draft, Source, Number] | None:
        broadcast, draft = broadcasts.get(tx, broadcast_id), drafts.get(tx, broadcast_id)
        if broadcast is None or draft is None or draft.state is not DraftState.CHECKING:
            return None
        return broadcast, draft, read.source(tx, broadcast, draft), read.number_of(tx, broadcast)

    version = 0
    try:
        begun = await ctx.db.read(begin)
        if begun is None:
            return
        broadcast, draft, source, number = begun
        version = draft.version
        edition = await ctx.db.write(partial(_begin, broadcast=broadcast, source=source, now=ctx.clock.now()))
        with (
            ctx.drafts.writing(broadcast_id, edition),
            ctx.drafts.working(broadcast_id, draft.file_bytes) as progress,
        ):

            def read_on(count: int) -> None:
                progress.done = min(progress.done + count, progress.total)

            result = await _check(ctx, broadcast, draft, source, number, edition, read_on)
            await ctx.db.write(
                partial(
                    drafts.checked,
                    broadcast_id=broadcast_id,
                    version=version,
                    edition=edition,
                    result=orjson.dumps(result).decode(),
                    now=ctx.clock.now(),
                )
            )
    except ChangedError:
        return
    except (CsvError, Refusal) as error:
        problem = f"file: {error}" if isinstance(error, CsvError) else str(error)
        await fail(ctx, broadcast_id, problem)
    finally:
        ctx.drafts.sends.set()  # the worker deletes the pieces of the check before
        ctx.changes.publish([broadcast_id])


def _begin(tx: Tx, *, broadcast: Broadcast, source: Source, now: Millis) -> int:
    """The edition of a new check; which files the draft needs is noted anew."""
    media.forget_uses(tx, broadcast.id)
    _use_files(tx, broadcast, source, [source.defaults], now)
    return drafts.next_edition(tx, broadcast.id)


def _use_files(
    tx: Tx, broadcast: Broadcast, source: Source, contents: Iterable[TemplateContent], now: Millis
) -> None:
    """Note the files that contents name: they are kept for as long as the draft is."""
    ids = ids_in(contents) & source.files.keys()
    if ids:
        media.use(tx, broadcast.id, [source.files[each].id for each in ids], now)


async def fail(ctx: Context, broadcast_id: int, problem: str) -> None:
    """Store why a draft could not be checked."""

    def work(tx: Tx) -> None:
        draft = drafts.get(tx, broadcast_id)
        if draft is not None:
            drafts.not_checked(tx, broadcast_id, draft.version, problem, ctx.clock.now())

    await ctx.db.write(work)
    ctx.changes.publish([broadcast_id])


async def _check(
    ctx: Context,
    broadcast: Broadcast,
    draft: Draft,
    source: Source,
    number: Number,
    edition: int,
    read_on: Callable[[int], None],
) -> CheckResult:
    """What is found; the people are stored as pieces of this edition. Raises CsvError, ChangedError."""
    most = ctx.config.limits.max_upload_recipients
    found = Findings(most)
    seen = Seen()
    lines = lines_of(ctx, broadcast.id, draft.file_edition or 0, read_on)
    reader = await off_loop(PeopleReader, lines, source)
    pieces = _Pieces(ctx, broadcast, source, edition)

    def look_up(tx: Tx, batch: Batch) -> Left:
        now = drafts.get(tx, broadcast.id)
        if now is None or now.version != draft.version or now.state is not DraftState.CHECKING:
            raise ChangedError
        return seen.tell_apart(tx, broadcast.account_id, batch)

    async with aclosing(_ahead(reader.batches())) as batches:
        async for batch in batches:
            began = monotonic()
            left = await ctx.db.read(partial(look_up, batch=batch))
            await off_loop(found.add, batch, left, source, ctx.config.optout.stop_keywords)
            if found.rows > most:
                break
            await pieces.add(left.accepted)
            if ctx.throughput.in_flight:  # threads that compute slow down what is sent
                await anyio.sleep(SENDING_SHARE * (monotonic() - began))
    await pieces.end()
    queued = await ctx.db.read(partial(broadcast_queue.queued, number_id=number.id))
    return found.result(broadcast, number, reader.unmapped, source, ctx, queued)


async def _ahead(batches: Iterator[Batch]) -> AsyncGenerator[Batch, None]:
    """The batches, the next of which is read on a thread while the database works for one."""
    following = asyncio.create_task(off_loop(next, batches, None))
    try:
        while (batch := await following) is not None:
            following = asyncio.create_task(off_loop(next, batches, None))
            yield batch
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):  # the thread ends with its batch
            await following


class _Pieces:
    """Stores people in pieces of `BATCH_ROWS` each; the last one may have fewer."""

    def __init__(self, ctx: Context, broadcast: Broadcast, source: Source, edition: int) -> None:
        self._ctx = ctx
        self._broadcast = broadcast
        self._source = source
        self._edition = edition
        self._number = 0
        self._waiting: list[Person] = []

    async def add(self, accepted: list[Person]) -> None:
        """Store the pieces that are full with these people."""
        self._waiting += accepted
        while len(self._waiting) >= BATCH_ROWS:
            await self._put(self._waiting[:BATCH_ROWS])
            del self._waiting[:BATCH_ROWS]

    async def end(self) -> None:
        """Store the rest."""
        if self._waiting:
            await self._put(self._waiting)

    async def _put(self, accepted: list[Person]) -> None:
        content = await off_loop(_piece, accepted)
        own = [each.content for each in accepted if each.content.header or each.content.components]

        def put(tx: Tx) -> None:
            drafts.put_piece(tx, self._broadcast.id, self._edition, self._number, content)
            _use_files(tx, self._broadcast, self._source, own, self._ctx.clock.now())

        await self._ctx.db.write(put)
        self._number += 1


def _piece(accepted: list[Person]) -> bytes:
    """People as they are stored: line, address, params and the rest of the content of each."""
    return orjson.dumps(
        [[each.line, each.address, each.content.params, content_parts(each.content)] for each in accepted]
    )
