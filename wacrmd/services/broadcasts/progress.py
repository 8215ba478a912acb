"""A broadcast as a person watches it: counts, speed, time left, and why recipients failed."""

from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any

from wacrmd.clock import SECOND, Millis
from wacrmd.domain.broadcast import Broadcast
from wacrmd.meta.errors import rule_for
from wacrmd.services import views
from wacrmd.services.broadcasts.follow import follow
from wacrmd.services.context import Context
from wacrmd.store import recipients

WINDOW: Millis = 5 * SECOND
"""Over how long the speed is measured."""

MOST_REASONS = 20


class Speed:
    """How many recipients were tried in the last seconds. Pure: every call is given the time."""

    def __init__(self) -> None:
        self._seen: deque[tuple[Millis, int]] = deque()

    def note(self, tried: int, now: Millis) -> float | None:
        """Recipients per second, now that so many have been tried; None before it can be told."""
        self._seen.append((now, tried))
        while len(self._seen) > 2 and now - self._seen[1][0] >= WINDOW:  # noqa: PLR2004 - two ends of a window
            self._seen.popleft()
        began, before = self._seen[0]
        if now - began < SECOND // 4:
            return None
        return max(0, tried - before) / (now - began) * SECOND


async def failures(ctx: Context, broadcast_id: int) -> list[dict[str, Any]]:
    """Why recipients failed, by Meta's code, the most frequent first, each with what a human can do."""
    rows = await ctx.db.read(partial(recipients.failures, broadcast_id=broadcast_id))
    return [
        {
            "code": code,
            "title": title,
            "count": count,
            "advice": rule_for(code, from_webhook=True).advice if code is not None else None,
        }
        for code, title, count in rows[:MOST_REASONS]
    ]


async def show(ctx: Context, broadcast: Broadcast) -> dict[str, Any]:
    """A broadcast with its counts and the reasons of its failures."""
    view = await views.broadcast_by_id(ctx, broadcast.id)
    return view | {"failures": await failures(ctx, broadcast.id) if view["failed_count"] else []}


async def watch(ctx: Context, broadcast: Broadcast) -> AsyncGenerator[dict[str, Any], None]:
    """The broadcast after each change (twice a second at most) until nothing more is to come, or a drain begins."""
    speed = Speed()
    failed, reasons = 0, list[dict[str, Any]]()
    async with aclosing(follow(ctx, broadcast.id)) as looks:
        async for look in looks:
            if look is None:
                continue
            view = look.view
            if view["failed_count"] != failed:
                failed, reasons = view["failed_count"], await failures(ctx, broadcast.id)
            pending = view["pending_count"]
            tried = view["total_recipients"] - pending - view["cancelled_count"]
            rate = speed.note(tried, ctx.clock.now())
            yield view | {
                "failures": reasons,
                "rate": None if rate is None else round(rate, 1),
                "seconds_left": round(pending / rate, 1) if rate and pending else None,
                "finished": look.finished,
            }
