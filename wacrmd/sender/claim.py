"""Claiming for one turn: one transaction that also sees whether the job is still current."""

from dataclasses import dataclass, field

from wacrmd.clock import Millis
from wacrmd.domain.attempt import Claim
from wacrmd.sender.job import Job
from wacrmd.store import attempts, broadcasts
from wacrmd.store.database import Tx


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim found: `is_current` is False when the job must be loaded again first."""

    claims: list[Claim] = field(default_factory=list)
    has_more: bool = False
    completed: bool = False
    is_current: bool = True


def claim_due(tx: Tx, job: Job, limit: int, now: Millis) -> Claimed:
    """Claim due recipients; the broadcast is complete if the last of them have opted out."""
    if not job.is_current(tx):
        return Claimed(has_more=True, is_current=False)
    broadcast_id = job.broadcast.id
    claims = attempts.claim(tx, broadcast_id, limit, now)
    if len(claims) == limit:
        return Claimed(claims, has_more=True)
    if broadcasts.complete(tx, broadcast_id, now):
        return Claimed(claims, completed=True)
    return Claimed(claims, has_more=attempts.has_due(tx, broadcast_id, now))
