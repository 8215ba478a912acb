"""Following a broadcast live: what it looks like after each change, until nothing more is to come."""

import hashlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import anyio
import orjson

from wacrmd.clock import SECOND, Millis, parse_iso
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.services import views
from wacrmd.services.context import Context

GAP_S = 0.5
"""Between two looks: at most twice a second somebody is told."""

BEAT_S = 15.0
"""Silence after which a sign of life is due: proxies cut what is silent for a minute or less."""

LOOK_S = 5.0
"""How often one looks without a hint: a number that is throttled or paused changes no row of the broadcast."""

SETTLED: Millis = 3 * SECOND
"""How long a finished broadcast has to be quiet before following it ends; Meta's statuses come in bursts."""

FINISHED = frozenset({BroadcastStatus.SENT, BroadcastStatus.CANCELLED})


@dataclass(frozen=True, slots=True)
class Look:
    """The broadcast at one moment; `mark` is the same for the same state, also after a restart."""

    view: dict[str, Any]
    mark: str
    finished: bool
    """Whether nothing is sent any more and nothing has been heard for a while."""


async def look(ctx: Context, broadcast_id: int) -> Look:
    """The broadcast now."""
    view = await views.broadcast_by_id(ctx, broadcast_id)
    mark = hashlib.sha256(orjson.dumps(view, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
    done = view["status"] in FINISHED and view["pending_count"] == 0
    return Look(view, mark, done and ctx.clock.now() - parse_iso(view["updated_at"]) >= SETTLED)


async def follow(
    ctx: Context, broadcast_id: int, *, seen: str | None = None, beat_s: float = BEAT_S
) -> AsyncGenerator[Look | None, None]:
    """Each state that differs from the one before (the first from the mark `seen`), None as a sign of life.

    The last one is `finished`; without such a one the daemon is draining and it goes on after its restart.
    """
    told_at = anyio.current_time()
    with ctx.changes.watch(broadcast_id) as changed:
        while True:
            changed.clear()
            now = await look(ctx, broadcast_id)
            news = now.mark != seen
            if news or now.finished:
                yield now
                seen, told_at = now.mark, anyio.current_time()
            if now.finished or ctx.draining:
                return
            if news:
                await anyio.sleep(GAP_S)
                continue
            if anyio.current_time() - told_at >= beat_s:
                yield None
                told_at = anyio.current_time()
            with anyio.move_on_after(min(LOOK_S, told_at + beat_s - anyio.current_time(), _quiet_s(now))):
                await changed.wait()


def _quiet_s(now: Look) -> float:
    """How long to wait for the end of a broadcast that only has to be quiet for a while."""
    return SETTLED / SECOND if now.view["status"] in FINISHED else LOOK_S
