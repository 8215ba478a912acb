"""Makes attempts: builds the message, sends it, and decides what the outcome means."""

import random
from time import perf_counter

from wacrmd.clock import HOUR, Millis, iso
from wacrmd.config.sections import SenderConfig
from wacrmd.domain.attempt import Claim
from wacrmd.domain.marketing_route import Route
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.errors import describe
from wacrmd.log import get_logger
from wacrmd.meta.outcome import Outcome, Phase, Unknown
from wacrmd.sender.decision import Decision, Rules, decide, decide_unbuildable
from wacrmd.sender.job import Job
from wacrmd.services import counters
from wacrmd.services.context import Context

log = get_logger(__name__)


class Attempts:
    """Makes attempts whose claims are on disk."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._rules_of: tuple[SenderConfig, Rules] | None = None
        self._random = random.Random()  # noqa: S311 - jitter, nothing secret

    async def make(self, job: Job, claim: Claim, route: Route) -> tuple[Decision, Outcome | None]:
        """Make one attempt; the decision, and the outcome it is about, None if no request was made.

        Whatever it raises but a cancellation is a fault of wacrmd.
        """
        ctx = self._ctx
        started_at = ctx.clock.now()
        try:
            body = job.body(claim, route)
        except Exception as error:
            log.exception("message_build_crashed", broadcast=job.broadcast.uuid, recipient=claim.recipient_id)
            return decide_unbuildable(claim, str(error), now=started_at), None
        began = perf_counter()
        try:
            outcome = await ctx.meta.send(
                job.number.phone_number_id, job.token, body, endpoint=route.endpoint
            )
        except Exception as error:
            log.exception("attempt_crashed", broadcast=job.broadcast.uuid, recipient=claim.recipient_id)
            outcome = Unknown(Phase.WRITE, describe(error))
        counters.time_meta(ctx, outcome, perf_counter() - began)
        return self._decide(job, claim, route, outcome, started_at), outcome

    def _decide(self, job: Job, claim: Claim, route: Route, outcome: Outcome, started_at: Millis) -> Decision:
        ctx = self._ctx
        now = ctx.clock.now()
        decision = decide(
            outcome,
            claim,
            self._rules(),
            started_at=started_at,
            now=now,
            age=ctx.clock.age(claim.first_attempt_at),
            jitter=self._random.random(),
            endpoint=route.endpoint,
        )
        result = decision.result
        if result.status is RecipientStatus.SENT:
            ctx.meta_webhook_liveness.message_sent(job.number.id, ctx.clock.monotonic())
        else:
            log.info(
                "attempt_failed",
                broadcast=job.broadcast.uuid,
                recipient=claim.recipient_id,
                attempt=claim.attempt,
                endpoint=route.endpoint.value,
                status=result.status.value,
                note=result.note,
                next_attempt_at=iso(result.next_attempt_at) if result.next_attempt_at else None,
            )
        return decision

    def _rules(self) -> Rules:
        """The settings in force, as decisions need them; built anew when they have changed."""
        settings = self._ctx.config.sender
        if self._rules_of is None or self._rules_of[0] is not settings:
            max_age = round(settings.max_age_hours * HOUR)
            self._rules_of = settings, Rules(settings.on_uncertain, settings.max_retries, max_age)
        return self._rules_of[1]
