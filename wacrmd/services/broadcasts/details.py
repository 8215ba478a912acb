"""A broadcast for people who watch it: counts, speed, time left, and why recipients failed."""

from collections import OrderedDict, deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from wacrmd.clock import SECOND, Millis
from wacrmd.domain.broadcast import Broadcast, BroadcastStatus
from wacrmd.fields import shared
from wacrmd.meta.errors import rule_for
from wacrmd.services.broadcasts.follow import Snapshot, follow
from wacrmd.services.broadcasts.read import view_of
from wacrmd.services.context import Context
from wacrmd.services.prices.cost import of_broadcast
from wacrmd.store import planned_retries, recipients
from wacrmd.views.broadcasts import BroadcastDetails, BroadcastProgress, BroadcastView, FailureView
from wacrmd.views.prices import CostView

WINDOW: Millis = 5 * SECOND
"""The time over which the speed is measured."""

MAX_REASONS = 20

MAX_SPEEDS = 1000
"""Broadcasts whose speed is remembered."""


class Speed:
    """How many recipients a second were attempted lately. Pure: every call gets the time."""

    def __init__(self) -> None:
        self._seen: deque[tuple[Millis, int]] = deque()

    def add(self, tried: int, now: Millis) -> float | None:
        """Add a count of attempted recipients; returns recipients per second, None as long as that is unknown."""
        self._seen.append((now, tried))
        while len(self._seen) > 2 and now - self._seen[1][0] >= WINDOW:  # noqa: PLR2004 - two ends of a window
            self._seen.popleft()
        began, before = self._seen[0]
        if now - began < SECOND // 4:
            return None
        return max(0, tried - before) / (now - began) * SECOND


class Speeds:
    """How fast broadcasts are sent, for all who look now and then. Pure: every call gets the time."""

    def __init__(self) -> None:
        self._speeds: OrderedDict[str, Speed] = OrderedDict()

    def of(self, view: BroadcastView, now: Millis) -> tuple[float | None, float | None]:
        """Recipients per second of late, and the seconds that the rest takes at this rate; None where not known, or held."""
        if view.status is not BroadcastStatus.SENDING or view.hold is not None:
            self._speeds.pop(view.uuid, None)
            return None, None
        speed = self._speeds.setdefault(view.uuid, Speed())
        if len(self._speeds) > MAX_SPEEDS:
            self._speeds.popitem(last=False)
        return speed_of(view, speed, now)


def speed_of(view: BroadcastView, speed: Speed, now: Millis) -> tuple[float | None, float | None]:
    """The rate and the time left, with what a broadcast shows now."""
    tried = view.total_recipients - view.pending_count - view.cancelled_count
    rate = speed.add(tried, now)
    left = round(view.pending_count / rate, 1) if rate and view.pending_count else None
    return None if rate is None else round(rate, 1), left


async def failures(ctx: Context, broadcast_id: int) -> list[FailureView]:
    """Why recipients failed, by Meta's code, the most frequent first, each with advice."""
    rows = await ctx.db.read(partial(recipients.failures, broadcast_id=broadcast_id))
    return [
        FailureView(
            code=code,
            title=title,
            count=count,
            advice=rule_for(code, from_webhook=True).advice if code is not None else None,
        )
        for code, title, count in rows[:MAX_REASONS]
    ]


async def cost(ctx: Context, broadcast: Broadcast) -> CostView | None:
    """What a broadcast has cost so far; None without a price list."""
    return await ctx.db.read(
        partial(of_broadcast, account_id=broadcast.account_id, broadcast_id=broadcast.id)
    )


async def is_retry_planned(ctx: Context, broadcast: Broadcast, view: BroadcastView) -> bool:
    """Whether somebody waits for a retry, whose time can be changed."""
    if not view.pending_count or view.status is BroadcastStatus.SCHEDULED:
        return False
    return await ctx.db.read(partial(planned_retries.is_planned, broadcast_id=broadcast.id))


async def show(ctx: Context, broadcast: Broadcast) -> BroadcastDetails:
    """A broadcast with its counts and the reasons of its failures."""
    view = await view_of(ctx, broadcast.id)
    reasons = await failures(ctx, broadcast.id) if view.failed_count else []
    return BroadcastDetails(
        **shared(BroadcastView, view),
        cost=await cost(ctx, broadcast),
        failures=reasons,
        is_retry_planned=await is_retry_planned(ctx, broadcast, view),
    )


async def watch(ctx: Context, broadcast: Broadcast) -> AsyncGenerator[BroadcastProgress, None]:
    """The broadcast after each change, at most twice a second, until it is finished or a drain begins."""
    speed = Speed()
    failed, reasons = 0, list[FailureView]()
    async with aclosing(follow(ctx, broadcast.id)) as snapshots:
        async for now in snapshots:
            if now is None:
                continue
            if now.view.failed_count != failed:
                failed, reasons = now.view.failed_count, await failures(ctx, broadcast.id)
            spent = await cost(ctx, broadcast)
            planned = await is_retry_planned(ctx, broadcast, now.view)
            yield _progress(now, spent, reasons, speed, ctx.clock.monotonic(), is_retry_planned=planned)


def _progress(
    snapshot: Snapshot,
    spent: CostView | None,
    reasons: list[FailureView],
    speed: Speed,
    now: Millis,
    *,
    is_retry_planned: bool,
) -> BroadcastProgress:
    view = snapshot.view
    rate, left = speed_of(view, speed, now)
    return BroadcastProgress(
        **shared(BroadcastView, view),
        cost=spent,
        failures=reasons,
        is_retry_planned=is_retry_planned,
        rate=rate,
        seconds_left=left,
        finished=snapshot.finished,
    )
