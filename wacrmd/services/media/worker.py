"""Uploads files to Meta for the numbers that need them, again before their ids end, and deletes what nothing needs.

The rows say what is to be done, so a crash loses none of it. One between an upload and its record costs a second upload:
no message names a file before its id is recorded.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial

import anyio

from wacrmd.clock import HOUR, MINUTE, SECOND, Millis
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.media import META_KEEPS, Media
from wacrmd.domain.number import Number
from wacrmd.log import get_logger
from wacrmd.meta.client import MetaCallError
from wacrmd.meta.errors import Action, ErrorRule, rule_for
from wacrmd.meta.upload_form import FileToUpload
from wacrmd.services import pausing
from wacrmd.services.context import Context
from wacrmd.services.pausing import PauseEvent
from wacrmd.store import media, media_uploads, numbers
from wacrmd.store.database import Tx
from wacrmd.store.media_uploads import Wanted
from wacrmd.store.outage import StorageError
from wacrmd.vault import VaultError, access_token_context

LOOK_AGAIN_S = 5.0
"""After so long the rows are looked at in any case."""
MAX_AT_ONCE = 8
"""Uploads at one time: each has a piece or two in memory."""
OF_ONE_NUMBER = 2
"""Of one number: a large file over a slow line may take an hour, and those of others must not wait for it."""
DROP_PIECES = 8
"""Pieces that one transaction deletes: what is deleted is overwritten, so this writes 2 MiB."""
GONE_AFTER: Millis = 1 * HOUR
"""A file that was begun and never became whole is deleted after so long."""
FIRST_DELAY: Millis = 15 * SECOND
LONGEST_DELAY: Millis = 15 * MINUTE
"""How long an upload that failed waits: twice as long each time."""

_STOPS_NUMBER = frozenset({Action.PAUSE_NUMBER, Action.PAUSE_BUSINESS_ACCOUNT})
_LATER = frozenset({Action.RETRY, Action.THROTTLE, Action.CALL_LIMIT, Action.PAIR_LIMIT, Action.MAINTENANCE})

log = get_logger(__name__)


class MediaWorker:
    """Some uploads at a time, each file once for a number, however many broadcasts wait for it."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._running: set[Wanted] = set()
        self._random = random.Random()  # noqa: S311 - jitter, nothing secret

    async def run(self) -> None:
        """Work until cancelled."""
        wake = self._ctx.media.wake
        async with anyio.create_task_group() as tasks:
            while True:
                wake.clear()
                try:
                    if not self._ctx.is_held:
                        for each in await self.look():
                            tasks.start_soon(self._upload, each)
                        await self._clean()
                except StorageError:
                    pass  # it is tried again when the database can be written
                except Exception:
                    log.exception("media_worker_crashed")
                with anyio.move_on_after(LOOK_AGAIN_S):
                    await wake.wait()

    async def look(self) -> list[Wanted]:
        """Pause what waits for a file that Meta does not take; the uploads to begin, which are marked as running."""
        ctx = self._ctx
        now = ctx.clock.now()
        if await ctx.db.read(partial(media_uploads.refused, now=now)):
            await self._pause_refused()
        running = set(self._running)  # one that ends during the read may not be in it as done
        wanted = await ctx.db.read(partial(media_uploads.wanted, now=now))
        begun, of_number = list[Wanted](), Counter(each.number_id for each in self._running)
        for each in wanted:
            if each not in running and of_number[each.number_id] < OF_ONE_NUMBER:
                begun.append(each)
                of_number[each.number_id] += 1
        begun = begun[: MAX_AT_ONCE - len(self._running)]
        self._running.update(begun)
        return begun

    async def _upload(self, wanted: Wanted) -> None:
        """Upload one file for one number, and record what came of it."""
        try:
            await self.upload(wanted)
        except StorageError:
            pass  # it is tried again when the database can be written
        except Exception:
            log.exception("media_upload_crashed", media=wanted.media_id, number=wanted.number_id)
            await anyio.sleep(LOOK_AGAIN_S)  # what crashes at once must not do so all the time
        finally:
            self._running.discard(wanted)
            self._ctx.media.wake.set()

    async def upload(self, wanted: Wanted) -> None:
        """Upload one file for one number, and record what came of it."""
        ctx = self._ctx

        def look_up(tx: Tx) -> tuple[Media | None, Number | None]:
            return media.get(tx, wanted.media_id), numbers.get(tx, wanted.number_id)

        found, number = await ctx.db.read(look_up)
        if found is None or found.edition is None or number is None or number.is_removed:
            return
        began = ctx.clock.now()
        file = FileToUpload(found.mime_type, found.file_name, found.size, self._parts(found))
        try:
            token = ctx.vault.decrypt(number.access_token, access_token_context(number.id))
            meta_id = await ctx.meta.upload(number.phone_number_id, token, file)
        except VaultError as error:
            detail = f"The access token cannot be read ({error}): set it again with wacrmd number set"
            await self._failed(wanted, found, number, detail, None)
        except MetaCallError as error:
            rule, detail = None, str(error)
            if (said := error.error) is not None:
                rule = rule_for(said.code, said.subcode, http_status=error.http_status)
                detail = f"{said.code_text} {said.title}{f' ({said.details})' if said.details else ''}"
                if rule.action in _STOPS_NUMBER:
                    detail += f": {rule.advice}"
            await self._failed(wanted, found, number, detail, rule)
        else:
            record = partial(
                media_uploads.uploaded,
                media_id=found.id,
                number_id=number.id,
                meta_id=meta_id,
                uploaded_at=began,
                expires_at=began + META_KEEPS,
            )
            await ctx.db.write(record)
            ctx.metrics.media_uploads.labels("success").inc()
            log.info("media_uploaded", media=found.uuid, number=number.phone_number_id, bytes=found.size)
            await self._let_go_on(wanted)

    async def _parts(self, found: Media) -> AsyncIterator[bytes]:
        number = size = 0
        while True:
            piece = await self._ctx.db.read(
                partial(media.piece, media_id=found.id, edition=found.edition or 0, number=number)
            )
            if piece is None:
                break
            yield piece
            number, size = number + 1, size + len(piece)
        if size != found.size:
            raise ValueError(f"a part of {found.file_name} is lost: upload the file again")

    async def _let_go_on(self, wanted: Wanted) -> None:
        """Enqueue the broadcasts that waited for a file."""
        ctx = self._ctx
        waiting = await ctx.db.read(
            partial(media_uploads.waiting_broadcasts, media_id=wanted.media_id, number_id=wanted.number_id)
        )
        ctx.queue.enqueue_many(waiting)
        ctx.changes.publish(waiting)

    async def _failed(
        self, wanted: Wanted, found: Media, number: Number, error: str, rule: ErrorRule | None
    ) -> None:
        """Record a failure: the number is paused, the file is not tried again, or it is tried again later."""
        ctx, now = self._ctx, self._ctx.clock.now()
        stops = rule is not None and rule.action in _STOPS_NUMBER
        is_refused = rule is not None and not stops and rule.action not in _LATER
        pauses: list[PauseEvent] = []

        def work(tx: Tx) -> Millis:
            before = media_uploads.get(tx, found.id, number.id)
            delay = min(FIRST_DELAY << min(before.attempts if before else 0, 16), LONGEST_DELAY)
            at = now + delay + int(delay * self._random.random() / 4)
            media_uploads.failed(
                tx, found.id, number.id, error=error, is_refused=is_refused, next_attempt_at=at
            )
            if stops:
                pauses.extend(pausing.pause_number(tx, number.id, HoldReason.ACCOUNT, error, now))
            return at

        await ctx.db.write(work)
        ctx.metrics.media_uploads.labels("refused" if is_refused else "failure").inc()
        name, of, summed = found.uuid, number.phone_number_id, (found.uuid, number.id)
        if is_refused:
            log.warning("media_refused", media=name, number=of, error=error, summed=summed)
        else:
            log.warning("media_upload_failed", media=name, number=of, error=error, summed=summed)
        pausing.log_pauses(pauses)
        waiting = await ctx.db.read(
            partial(media_uploads.waiting_broadcasts, media_id=wanted.media_id, number_id=wanted.number_id)
        )
        ctx.changes.publish(waiting)

    async def _pause_refused(self) -> None:
        """Pause the broadcasts whose file Meta does not take: a person has to choose another one."""
        ctx, now = self._ctx, self._ctx.clock.now()

        def work(tx: Tx) -> list[PauseEvent]:
            return [
                event
                for broadcast_id, name, error in media_uploads.refused(tx, now)
                for event in pausing.pause_broadcast(
                    tx,
                    broadcast_id,
                    HoldReason.MEDIA_REFUSED,
                    f"Meta does not take the file {name}: {error}",
                    now,
                )
            ]

        pausing.log_pauses(await ctx.db.write(work))
        ctx.changes.publish()

    async def _clean(self) -> None:
        """Delete pieces and rows that nothing needs, step by step."""
        ctx = self._ctx
        under_way = list(ctx.media.under_way)
        for media_id, edition in await ctx.db.read(partial(media.with_pieces_to_drop, under_way=under_way)):
            dropped = DROP_PIECES
            while dropped == DROP_PIECES and not ctx.is_held:
                dropped = await ctx.db.write(
                    partial(media.drop_pieces, media_id=media_id, edition=edition, limit=DROP_PIECES)
                )
        before = ctx.clock.now() - GONE_AFTER
        writing = {media_id for media_id, _ in ctx.media.under_way}
        gone = [each for each in await ctx.db.read(partial(media.gone, before=before)) if each not in writing]
        if gone:
            await ctx.db.write(partial(media.delete_gone, media_ids=gone, before=before))
