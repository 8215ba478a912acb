"""A dry run: everything that accepting a broadcast looks at, with nothing stored and nothing sent."""

from dataclasses import dataclass
from functools import partial

import anyio

from wacrmd.clock import Millis
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.errors import Problem
from wacrmd.services.broadcasts import validation
from wacrmd.services.broadcasts.create import (
    MOST_PROBLEMS,
    NO_VALID_NUMBER,
    BroadcastInput,
    Rejection,
    check_time,
    choose_number,
    validate,
)
from wacrmd.services.context import Context
from wacrmd.store import broadcasts, optouts
from wacrmd.store.database import Tx


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would become of a submission; with `problems` it would be refused."""

    status: BroadcastStatus
    total_recipients: int
    accepted: int
    rejected: int
    duplicates: int
    suppressed: int
    rejections: list[Rejection]
    problems: list[Problem]
    number_id: str
    template_synced_at: Millis | None
    """None: never synced, so the template was not checked and Meta decides."""
    expected_duration_s: float


async def dry_run(ctx: Context, account_id: str, submission: BroadcastInput) -> DryRun:
    """Say what `accept` would do now. Refuses what cannot be looked at: no number, or an unknown one."""
    check_time(ctx, submission)
    number = await choose_number(ctx, account_id, submission.sender)
    synced = await ctx.db.read(
        partial(
            validation.known,
            waba_id=number.waba_id,
            name=submission.template_name,
            language=submission.template_language,
        )
    )
    audience, problems = await anyio.to_thread.run_sync(validate, submission, synced)
    addresses = [address for address, _ in audience.people]

    def work(tx: Tx) -> tuple[int, int]:
        return len(optouts.among(tx, account_id, addresses)), broadcasts.queued(tx, number.id)

    suppressed, queued = await ctx.db.read(work)
    accepted = len(addresses) - suppressed
    if not audience.people:
        problems = [Problem("recipients", NO_VALID_NUMBER), *problems]
    elif not accepted:
        problems = [Problem("recipients", "all valid recipients have opted out"), *problems]
    at = submission.scheduled_at
    later = at is not None and at > ctx.clock.now()
    rate = number.messages_per_second or ctx.config.sender.messages_per_second
    return DryRun(
        status=BroadcastStatus.SCHEDULED if later else BroadcastStatus.SENDING,
        total_recipients=accepted,
        accepted=accepted,
        rejected=len(audience.rejections),
        duplicates=audience.duplicates,
        suppressed=suppressed,
        rejections=audience.rejections,
        problems=problems[:MOST_PROBLEMS],
        number_id=number.id,
        template_synced_at=synced.synced_at if synced else None,
        expected_duration_s=round((accepted + (0 if later else queued)) / rate, 1),
    )
