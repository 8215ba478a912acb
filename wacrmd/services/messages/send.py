"""Sending one message: a broadcast of one is stored, then Meta's answer is waited for, not for long."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio

from wacrmd.domain.broadcast import BroadcastKind
from wacrmd.domain.message import Fate, fate_of, is_worth_waiting, refused_sentence
from wacrmd.errors import ErrorCode, MetaRefusal, Refusal
from wacrmd.services.broadcasts.create import Idempotency, create
from wacrmd.services.broadcasts.input import BroadcastInput
from wacrmd.services.context import Context
from wacrmd.services.messages.places import at_their_places
from wacrmd.services.messages.read import broadcast_id_of, view_of
from wacrmd.views.messages import MessageView

MAX_WAITING = 256
"""Requests that wait for Meta's answer at one time: a quarter of the connections of a listener. Another one is answered
with what is known at once."""

MAX_WAITING_OF_ACCOUNT = MAX_WAITING // 2


@dataclass(frozen=True, slots=True)
class SentMessage:
    """The answer to a request; `replayed` if the same Idempotency-Key had made the message before."""

    view: MessageView
    replayed: bool

    @property
    def is_taken(self) -> bool:
        """Whether Meta has the message."""
        return fate_of(self.view.status) is Fate.TAKEN


async def send(
    ctx: Context,
    account_id: str,
    given: BroadcastInput,
    *,
    request_id: str | None = None,
    idempotency_key: Idempotency | None = None,
) -> SentMessage:
    """Store the message durably, and wait for Meta's answer up to `[api] message_wait_s`.

    Raises Refusal for what cannot be sent, then nothing is stored; and for what Meta refused, or was cancelled. A key that
    made a message before makes none: the answer is what is known of that one now.
    """
    with at_their_places():
        creation = await create(
            ctx,
            account_id,
            given,
            request_id=request_id,
            idempotency_key=idempotency_key,
            kind=BroadcastKind.MESSAGE,
        )
    broadcast_id = creation.broadcast_id
    if broadcast_id is None:
        broadcast_id = await broadcast_id_of(ctx, account_id, creation.created.broadcast_id)
    view = await _answered(ctx, account_id, broadcast_id)
    refuse_failed(view, replayed=creation.replayed)
    return SentMessage(view, creation.replayed)


async def _answered(ctx: Context, account_id: str, broadcast_id: int) -> MessageView:
    """The message once Meta has answered; or as it is, if that takes too long or cannot be soon."""
    with ctx.changes.watch(broadcast_id) as changed:
        view = await view_of(ctx, broadcast_id)
        with _waiting(ctx, account_id) as may_wait, anyio.move_on_after(ctx.config.api.message_wait_s):
            while may_wait and not ctx.draining and is_worth_waiting(fate_of(view.status), view.hold):
                await changed.wait()
                changed.clear()
                view = await view_of(ctx, broadcast_id)
    return view


@contextmanager
def _waiting(ctx: Context, account_id: str) -> Iterator[bool]:
    """Whether another request may wait; it counts inside the block."""
    waits = ctx.message_waits
    if waits[account_id] >= MAX_WAITING_OF_ACCOUNT or waits.total() >= MAX_WAITING:
        yield False
        return
    waits[account_id] += 1
    try:
        yield True
    finally:
        waits[account_id] -= 1
        if not waits[account_id]:
            del waits[account_id]


def refuse_failed(view: MessageView, *, replayed: bool) -> None:
    """Raise Refusal for a message that failed or was cancelled."""
    headers = {"Idempotent-Replayed": "true"} if replayed else {}
    fate = fate_of(view.status)
    if fate is Fate.DROPPED:
        why = f": {view.error.title}" if view.error is not None and view.error.title else ""
        raise Refusal(
            ErrorCode.CONFLICT,
            f"The message {view.uuid} was cancelled before it was sent{why}",
            headers=headers,
        )
    if fate is Fate.REFUSED:
        error = view.error
        code, title, details = (error.code, error.title, error.details) if error else (None, None, None)
        raise Refusal(
            ErrorCode.META_ERROR,
            refused_sentence(code, title, details),
            headers=headers,
            meta=MetaRefusal(message_id=view.uuid, code=code, title=title, details=details),
        )
