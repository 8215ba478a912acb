"""The check of a draft: reads all of its file, stores who gets what, and says what is left out and why."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

import anyio
import orjson

from wacrmd.clock import Millis
from wacrmd.domain.actor import Actor
from wacrmd.domain.broadcast import Broadcast
from wacrmd.domain.draft import MAX_LISTED, CheckResult, Draft, DraftState
from wacrmd.domain.forecast import places
from wacrmd.domain.market import country_of
from wacrmd.domain.media_in_content import ids_in
from wacrmd.domain.number import Number
from wacrmd.domain.opt_out_buttons import broadcast_warnings
from wacrmd.domain.person import identity
from wacrmd.domain.phone_guess import summary
from wacrmd.domain.template import SyncedTemplate, TemplateContent
from wacrmd.domain.text_file import CsvError
from wacrmd.errors import MAX_PROBLEMS, Problem, Refusal, conflict
from wacrmd.off_loop import off_loop
from wacrmd.services.broadcasts.create import content_parts
from wacrmd.services.broadcasts.prepare import NO_VALID_NUMBER
from wacrmd.services.context import Context
from wacrmd.services.drafts import read
from wacrmd.services.drafts.people import BATCH_ROWS, Batch, LeftOut, PeopleReader, Person, Source
from wacrmd.services.drafts.uploads import editable, lines_of
from wacrmd.store import broadcast_queue, broadcasts, drafts, media, optouts, people
from wacrmd.store.database import Tx
from wacrmd.views.drafts import DraftView

OPTED_OUT = "has opted out"
NO_PEOPLE = "the list has no people: there is no line below the names of its columns"

SENDING_SHARE = 2.0
"""While messages are sent, a check rests after each thousand rows for as long as they took, times this."""


class ChangedError(Exception):
    """The draft was changed while it was checked."""


@dataclass(slots=True)
class Left:
    """Of one batch: who gets the message, who is an earlier person by another number, and who has opted out."""

    accepted: list[Person] = field(default_factory=list)
    same_person: list[LeftOut] = field(default_factory=list)
    opted_out: list[LeftOut] = field(default_factory=list)


@dataclass(slots=True)
class Seen:
    """The people of the batches before, by their id, or by an address of which nothing is known; and their lines."""

    lines: dict[int | str, int] = field(default_factory=dict)

    def tell_apart(self, tx: Tx, account_id: str, batch: Batch) -> Left:
        """Who of a batch gets the message."""
        known = people.of_addresses(tx, account_id, [each.address for each in batch.people])
        opted_out = optouts.among(tx, set(known.values()))
        left = Left()
        for each in batch.people:
            person = known.get(each.address, identity(each.address))
            first = self.lines.setdefault(person, each.line)
            if first != each.line:
                reason = f"is the same person as line {first}"
                left.same_person.append(LeftOut(each.line, each.to, reason, each.text, each.address))
            elif person in opted_out:
                left.opted_out.append(LeftOut(each.line, each.to, OPTED_OUT, each.text, each.address))
            else:
                left.accepted.append(each)
        return left


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
    found = _Findings(most)
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


class _Findings:
    """Adds up what the batches came to."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.rows = 0
        self._accepted = self._rejected = self._duplicates = self._same = self._opted_out = 0
        self._rejections: list[LeftOut] = []
        self._guessed_lines: list[LeftOut] = []
        self._guesses: list[str] = []
        self._countries: Counter[str] = Counter()
        self._problems: dict[Problem, None] = {}
        self._warnings: dict[str, None] = {}
        self._places = Counter[str]()

    def add(self, batch: Batch, left: Left, source: Source, keywords: list[str] | tuple[str, ...]) -> None:
        self.rows += batch.rows
        self._accepted += len(left.accepted)
        self._countries.update(country_of(each.address) or "" for each in left.accepted)
        self._places += places(source.plan, (each.address for each in left.accepted))
        self._rejected += len(batch.rejected)
        self._duplicates += len(batch.duplicates)
        self._same += len(left.same_person)
        self._opted_out += len(left.opted_out)
        self._rejections += batch.rejected[: MAX_LISTED - len(self._rejections)]
        self._guessed_lines += batch.guesses[: MAX_LISTED - len(self._guessed_lines)]
        self._guesses += [each.sent_as for each in batch.guesses if each.sent_as is not None]
        self._problems.update(dict.fromkeys(batch.problems))
        synced = source.template
        if synced is not None and synced.template is not None:
            contents = (each.content.over(source.defaults) for each in left.accepted)
            self._warnings.update(dict.fromkeys(broadcast_warnings(synced.template, keywords, contents)))

    def result(
        self,
        broadcast: Broadcast,
        number: Number,
        unmapped: list[Problem],
        source: Source,
        ctx: Context,
        queued: int,
    ) -> CheckResult:
        """What is said about the draft."""
        problems = [*unmapped, *self._problems]
        if self.rows > self._most:
            message = f"the file has more than {self._most} people: split it, or raise [limits] max_upload_recipients"
            problems.insert(0, Problem("file", message))
        elif not self._accepted:
            everybody = self._duplicates + self._same + self._opted_out
            what = "everybody in the file has opted out" if everybody else NO_VALID_NUMBER
            what = what if self.rows else NO_PEOPLE
            problems.insert(0, Problem("file", what))
        now, at = ctx.clock.now(), broadcast.scheduled_at
        waiting = queued if at is None or at <= now else 0
        rate = number.rate(ctx.config.sender.messages_per_second)
        return CheckResult(
            checked_at=now,
            rows=self.rows,
            accepted=self._accepted,
            rejected=self._rejected,
            duplicates=self._duplicates,
            same_person=self._same,
            opted_out=self._opted_out,
            guessed=len(self._guesses),
            guesses=summary(self._guesses, source.home) if self._guesses else None,
            rejections=[each.view for each in self._rejections],
            guessed_lines=[each.view for each in self._guessed_lines],
            problems=problems[:MAX_PROBLEMS],
            warnings=list(self._warnings),
            countries=dict(self._countries),
            expected_duration_s=round((self._accepted + waiting) / rate, 1),
            places=dict(self._places),
            template_synced_at=source.template.synced_at if source.template is not None else None,
            template_digest=template_digest(source.template),
        )


def template_digest(synced: SyncedTemplate | None) -> str | None:
    """The same while the content of a template is the same; None if it is not known."""
    template = synced.template if synced is not None else None
    if template is None:
        return None
    content = orjson.dumps([template.components, template.parameter_format], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()
