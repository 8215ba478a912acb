"""The state of the daemon in one answer."""

from typing import Any

from wacrmd import __version__
from wacrmd.clock import SECOND, iso
from wacrmd.model import BroadcastStatus
from wacrmd.services import views
from wacrmd.services.context import Context
from wacrmd.services.numbers import list_numbers

MOST_SHOWN = 100


async def status(ctx: Context) -> dict[str, Any]:
    """Health, what is being sent, what is held up and why, and each number's flow."""
    open_broadcasts: list[dict[str, Any]] = []
    for state in (BroadcastStatus.SENDING, BroadcastStatus.PAUSED, BroadcastStatus.SCHEDULED):
        found, _ = await views.list_broadcasts(ctx, account_id=None, status=state, limit=MOST_SHOWN)
        open_broadcasts += found
    numbers = await list_numbers(ctx)
    held = [
        {"what": "broadcast", "id": broadcast["id"], **broadcast["hold"]}
        for broadcast in open_broadcasts
        if broadcast["hold"]
    ] + [
        {"what": "number", "id": number["phone_number_id"], **number["hold"]}
        for number in numbers
        if number["hold"]
    ]
    trouble = ctx.db.trouble
    healthy = trouble is None and not held
    return {
        "healthy": healthy,
        "version": __version__,
        "started_at": iso(ctx.started_at),
        "uptime_s": (ctx.clock.now() - ctx.started_at) // SECOND,
        "draining": ctx.draining,
        "database": {
            "path": str(ctx.db.path),
            "trouble": {"detail": trouble.advice, "since": iso(trouble.since)} if trouble else None,
        },
        "held": held,
        "broadcasts": open_broadcasts,
        "numbers": numbers,
    }
