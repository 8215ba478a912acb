"""Claiming for one turn of a number: one transaction for all broadcasts that it serves."""

from dataclasses import dataclass, field

from wacrmd.clock import Millis
from wacrmd.domain.attempt import Claim
from wacrmd.domain.canary import CanaryPhase, problem
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.marketing_route import Route, RouteFacts, route_of
from wacrmd.sender.circuit_breaker import CircuitBreaker
from wacrmd.sender.job import Job
from wacrmd.sender.pace import Pace
from wacrmd.services import pausing
from wacrmd.services.pausing import PauseEvent
from wacrmd.store import attempts, broadcasts, canaries, due, marketing, numbers
from wacrmd.store.database import Tx


@dataclass(frozen=True, slots=True)
class Share:
    """A broadcast that a turn may serve, and how many requests of it may start."""

    job: Job
    breaker: CircuitBreaker
    limit: int
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim found in one broadcast: `is_current` is False when its job must be loaded again first.

    `route` is where its messages go, as settings, template and business account were in the transaction of the claim.
    """

    claims: list[Claim] = field(default_factory=list)
    route: Route = field(default_factory=lambda: route_of(RouteFacts()))
    has_more: bool = False
    completed: bool = False
    is_current: bool = True
    look_again_at: Millis | None = None
    """There is more that may not be sent yet: when it may be, or is to be looked at again."""
    pauses: list[PauseEvent] = field(default_factory=list)


class TurnClaim:
    """The claim of one turn: `run` in a transaction claims from one broadcast after the other.

    The attempts, as (recipient id, attempt), are also added to `unrecorded`, for whoever expires leases.
    """

    def __init__(
        self, shares: list[Share], granted: int, now: Millis, unrecorded: set[tuple[int, int]]
    ) -> None:
        self._shares = shares
        self._granted = granted
        self._now = now
        self._unrecorded = unrecorded
        self.attempts: list[tuple[int, int]] = []
        self.at = 0
        """Which of the shares is claimed, or was claimed last."""

    def run(self, tx: Tx) -> list[Claimed]:
        """Claim up to `granted` due recipients of the broadcasts, which are all of one number, in their order."""
        identity = numbers.identity(tx, self._shares[0].job.number.id)
        found, left = list[Claimed](), self._granted
        for index, share in enumerate(self._shares):
            if not left:
                break
            self.at = index
            job = share.job
            if job.made_for == identity and job.media is None:
                found.append(_complete(tx, job.broadcast.id, self._now))
            elif job.made_for == identity and job.is_current(self._now):
                found.append(_claim_due(tx, job.broadcast.id, min(left, share.limit), self._now))
                left -= len(found[-1].claims)
            else:
                found.append(Claimed(is_current=False))
        self.attempts += [(claim.recipient_id, claim.attempt) for each in found for claim in each.claims]
        self._unrecorded.update(self.attempts)  # inside: the next transaction may expire leases
        return found


def _complete(tx: Tx, broadcast_id: int, now: Millis) -> Claimed:
    """Complete a broadcast of which nobody was left when it was loaded, without its files."""
    completed = broadcasts.complete(tx, broadcast_id, now)
    return Claimed(completed=completed, is_current=completed)


def _claim_due(tx: Tx, broadcast_id: int, limit: int, now: Millis) -> Claimed:
    """Claim due recipients; the broadcast is complete if the last of them have opted out."""
    pauses = _advance_canary(tx, broadcast_id, now)
    claims = attempts.claim(tx, broadcast_id, limit, now)
    if not claims and broadcasts.complete(tx, broadcast_id, now):
        return Claimed(completed=True)
    route = route_of(marketing.facts_of_broadcast(tx, broadcast_id)) if claims else route_of(RouteFacts())
    has_more = attempts.has_due(tx, broadcast_id, now)
    look_again_at = due.look_again_at(tx, broadcast_id, now) if has_more and not claims else None
    return Claimed(claims, route, has_more=has_more, look_again_at=look_again_at, pauses=pauses)


def _advance_canary(tx: Tx, broadcast_id: int, now: Millis) -> list[PauseEvent]:
    """Take a broadcast that is sent to a few people first one step further; it is paused if they do not let it pass."""
    canary = canaries.under_way(tx, broadcast_id)
    if canary is None:
        return []
    phase, until = canaries.phase_of(tx, broadcast_id)
    if phase is None:
        canaries.begin(tx, broadcast_id, canary.count)
    elif phase is CanaryPhase.SENDING and not (figures := canaries.figures(tx, broadcast_id)).left:
        if figures.people:
            canaries.wait(tx, broadcast_id, canary, now)
        else:  # all of them have opted out since they were chosen
            canaries.begin(tx, broadcast_id, canary.count)
    elif phase is CanaryPhase.WAITING and until is not None and until <= now:
        detail = problem(canary, canaries.figures(tx, broadcast_id))
        if detail is not None:
            return pausing.pause_broadcast(tx, broadcast_id, HoldReason.CANARY, detail, now)
        canaries.let_pass(tx, broadcast_id)
    return []
