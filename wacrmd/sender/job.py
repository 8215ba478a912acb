"""A broadcast as the sender needs it, and the request body that it makes for one attempt."""

from collections.abc import Container
from dataclasses import dataclass, field
from functools import partial

import orjson

from wacrmd.clock import Millis
from wacrmd.domain.attempt import Claim
from wacrmd.domain.broadcast import Broadcast
from wacrmd.domain.callback_token import callback_token
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.marketing_route import Route
from wacrmd.domain.media_in_content import with_meta_ids
from wacrmd.domain.number import Number
from wacrmd.domain.template import TemplateContent
from wacrmd.meta import payloads
from wacrmd.services import pausing
from wacrmd.services.context import Context
from wacrmd.store import broadcast_queue, broadcasts, media_uploads, numbers, recipients
from wacrmd.store.database import Tx
from wacrmd.store.media_uploads import ReadyFiles
from wacrmd.vault import VaultError, access_token_context

LOOK_AHEAD = 50
"""How many broadcasts one read looks at: when thousands are created, few of their jobs have to read anything."""

Row = tuple[Broadcast, Number, float | None, ReadyFiles | None, str | None, str | None]
"""A broadcast with its number, its own rate, its files at Meta, its content and the id of the request that brought it."""

NO_FILES = ReadyFiles({}, None)


@dataclass(frozen=True, slots=True)
class Job:
    """A broadcast with its number, the number's access token, and the content that all recipients share."""

    broadcast: Broadcast
    request_id: str | None
    number: Number
    rate: float | None
    """Messages per second that it may send at most, whatever its number may; None: as many."""
    token: str = field(repr=False)
    defaults: TemplateContent
    media: ReadyFiles | None = NO_FILES
    """Its files at Meta; None if one is missing: then nobody is claimed."""

    @property
    def made_for(self) -> tuple[str, str, bytes]:
        """What a message depends on of its number, as of the load; see `store.numbers.identity`."""
        return self.number.phone_number_id, self.number.waba_id, self.number.access_token

    def is_current(self, now: Millis) -> bool:
        """Whether Meta's ids of its files can be used still; if not, it is to be loaded again."""
        return self.media is None or self.media.until is None or now < self.media.until

    def body(self, claim: Claim, route: Route) -> bytes:
        """The request body for one attempt on this route; raises if the stored content makes no message."""
        own = _content(claim.params, claim.content)
        content = with_meta_ids(own, (self.media or NO_FILES).files).over(self.defaults)
        token = callback_token(self.broadcast.uuid, claim.recipient_id, claim.attempt)
        return payloads.body(
            claim.to, self.broadcast.template_name, self.broadcast.template_language, content, token, route
        )


async def load_jobs(ctx: Context, broadcast_id: int, known: Container[int]) -> list[Job]:
    """The jobs of a broadcast and of some after it, in one read: those that have work and are not `known` yet.

    If the access token of a number cannot be decrypted, the number is paused, so that users see why nothing is sent.
    """
    jobs, tokens, unreadable = list[Job](), dict[str, str](), dict[str, VaultError]()
    for broadcast, number, rate, media, content, request_id in await ctx.db.read(
        partial(_with_work, broadcast_id=broadcast_id, known=known, now=ctx.clock.now())
    ):
        try:
            if number.id not in tokens:
                context = access_token_context(number.id)
                tokens[number.id] = ctx.vault.decrypt(number.access_token, context)
            defaults = _content(None, content)
            if media is not None:
                defaults = with_meta_ids(defaults, media.files)
            jobs.append(Job(broadcast, request_id, number, rate, tokens[number.id], defaults, media))
        except VaultError as unread:
            unreadable[number.id] = unread
        except Exception:
            if broadcast.id == broadcast_id:
                raise  # the others have jobs of their own, which report it
    for number_id, error in unreadable.items():
        await _pause(ctx, number_id, error)
    return jobs


def _with_work(tx: Tx, *, broadcast_id: int, known: Container[int], now: Millis) -> list[Row]:
    rows, found = list[Row](), dict[str, Number | None]()
    for each in broadcast_queue.with_work_from(tx, broadcast_id, LOOK_AHEAD, now):
        broadcast = None if each in known else broadcasts.get(tx, each)
        if broadcast is None:
            continue
        if broadcast.number_id not in found:
            found[broadcast.number_id] = numbers.get(tx, broadcast.number_id)
        number = found[broadcast.number_id]
        if number is not None and not number.is_removed:
            media = media_uploads.ready_files(tx, each, now)
            given = broadcasts.content_and_request_id(tx, each)
            rows.append((broadcast, number, _rate(tx, broadcast), media, *given))
    return rows


def _rate(tx: Tx, broadcast: Broadcast) -> float | None:
    people = recipients.count_to_send(tx, broadcast.id) if broadcast.spread_over_minutes else 0
    return broadcast.rate_for(people)


async def _pause(ctx: Context, number_id: str, error: VaultError) -> None:
    detail = f"The access token cannot be read ({error}): set it again with wacrmd number set, then resume the number"
    pause = partial(
        pausing.pause_number,
        number_id=number_id,
        reason=HoldReason.ACCOUNT,
        detail=detail,
        now=ctx.clock.now(),
    )
    pausing.log_pauses(await ctx.db.write(pause))


def _content(params: str | None, content: str | None) -> TemplateContent:
    given = orjson.loads(content) if content else {}
    return TemplateContent(params=orjson.loads(params) if params else None, **given)
