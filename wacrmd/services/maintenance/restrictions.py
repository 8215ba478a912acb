"""Restrictions of Meta's that end by themselves: the numbers that they paused send again."""

from functools import partial

from wacrmd.log import get_logger
from wacrmd.services import pausing
from wacrmd.services.context import Context
from wacrmd.services.pausing import Resumed
from wacrmd.store import numbers
from wacrmd.store.database import Tx

log = get_logger(__name__)


async def end_restrictions(ctx: Context) -> None:
    """Resume the numbers whose restriction has ended; a periodic job. Raises StorageError; then the next run does it."""
    now = ctx.clock.now()
    if not await ctx.db.read(partial(numbers.hold_ended, now=now)):
        return

    def work(tx: Tx) -> tuple[Resumed, list[str]]:
        ended, resumed = numbers.hold_ended(tx, now), Resumed()
        for number_id in ended:
            resumed.add(pausing.resume_number(tx, number_id, now))
        return resumed, sorted(ended.values())

    resumed, ended = await ctx.db.write(work)
    pausing.continue_sending(ctx, resumed)
    for phone_number_id in ended:
        log.info("number_restriction_ended", number=phone_number_id)
