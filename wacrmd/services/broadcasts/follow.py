"""Following a broadcast live: its state after each change, until nothing more is to come."""

import hashlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import anyio

from wacrmd.clock import SECOND, Millis
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.services.broadcasts.read import view_of
from wacrmd.services.context import Context
from wacrmd.views.broadcasts import BroadcastView
from wacrmd.views.json import to_json

MIN_INTERVAL_S = 0.5
"""Between two snapshots: a follower is sent two a second at most."""

HEARTBEAT_S = 15.0
"""Silence after which a heartbeat is due: proxies cut connections that are silent for a minute or less."""

POLL_S = 5.0
"""How often the broadcast is read without a change of its rows: a number that is throttled or paused changes none."""

SETTLED: Millis = 3 * SECOND
"""How long a finished broadcast has to be quiet before following it ends; Meta's statuses come in bursts."""

FINISHED = frozenset({BroadcastStatus.SENT, BroadcastStatus.CANCELLED})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A broadcast at one moment; `version` is the same for the same state, also after a restart."""

    view: BroadcastView
    version: str
    finished: bool
    """Whether nothing is sent any more and nothing has been heard for a while."""


async def snapshot(ctx: Context, broadcast_id: int) -> Snapshot:
    """The broadcast now."""
    view = await view_of(ctx, broadcast_id)
    version = hashlib.sha256(to_json(view)).hexdigest()[:16]
    done = view.status in FINISHED and view.pending_count == 0
    return Snapshot(view, version, done and ctx.clock.now() - view.updated_at >= SETTLED)


async def follow(
    ctx: Context, broadcast_id: int, *, seen: str | None = None, heartbeat_s: float = HEARTBEAT_S
) -> AsyncGenerator[Snapshot | None, None]:
    """Each state that differs from the one before (the first one from the version `seen`); None as a heartbeat.

    The last one is `finished`. Without such a one the daemon is draining: the broadcast goes on after its restart.
    """
    last_sent_at = anyio.current_time()
    with ctx.changes.watch(broadcast_id) as changed:
        while True:
            changed.clear()
            now = await snapshot(ctx, broadcast_id)
            is_new = now.version != seen
            if is_new or now.finished:
                yield now
                seen, last_sent_at = now.version, anyio.current_time()
            if now.finished or ctx.draining:
                return
            if is_new:
                await anyio.sleep(MIN_INTERVAL_S)
                continue
            if anyio.current_time() - last_sent_at >= heartbeat_s:
                yield None
                last_sent_at = anyio.current_time()
            until_heartbeat = last_sent_at + heartbeat_s - anyio.current_time()
            with anyio.move_on_after(min(POLL_S, until_heartbeat, _settle_s(now))):
                await changed.wait()


def _settle_s(now: Snapshot) -> float:
    """How long to wait for the end of a broadcast that only has to be quiet for a while."""
    return SETTLED / SECOND if now.view.status in FINISHED else POLL_S
