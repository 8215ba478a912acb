"""Following a broadcast: its state after each change, until it is finished."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import anyio

from wacrmd.clock import SECOND, Millis
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.services.broadcasts.read import view_of
from wacrmd.services.context import Context
from wacrmd.views.broadcasts import BroadcastView

MIN_INTERVAL_S = 0.5
"""The shortest time between two snapshots."""

HEARTBEAT_S = 15.0
"""Time without a snapshot after which a heartbeat is sent: proxies close idle connections after about a minute."""

POLL_S = 5.0
"""How often the broadcast is read if none of its rows changes: its hold also depends on the number."""

SETTLED: Millis = 3 * SECOND
"""How long nothing may change in a finished broadcast before following it ends; statuses come in bursts."""

FINISHED = frozenset({BroadcastStatus.SENT, BroadcastStatus.CANCELLED})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a broadcast."""

    view: BroadcastView
    finished: bool
    """Whether nothing is left to send and nothing has changed for `SETTLED`."""


async def snapshot(ctx: Context, broadcast_id: int) -> Snapshot:
    """The broadcast now."""
    view = await view_of(ctx, broadcast_id)
    done = view.status in FINISHED and view.pending_count == 0
    return Snapshot(view, done and abs(ctx.clock.now() - view.updated_at) >= SETTLED)


async def follow(
    ctx: Context, broadcast_id: int, *, seen: str | None = None, heartbeat_s: float = HEARTBEAT_S
) -> AsyncGenerator[Snapshot | None, None]:
    """Each state that differs from the one before (the first one from the version `seen`); None is a heartbeat.

    The last state is `finished`, unless the daemon drains.
    """
    last_sent_at = anyio.current_time()
    with ctx.changes.watch(broadcast_id) as changed:
        while True:
            changed.clear()
            now = await snapshot(ctx, broadcast_id)
            is_new = now.view.version != seen
            if is_new or now.finished:
                yield now
                seen, last_sent_at = now.view.version, anyio.current_time()
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
    """When to read the broadcast again at the latest: a finished one settles without another change."""
    return SETTLED / SECOND if now.view.status in FINISHED else POLL_S
