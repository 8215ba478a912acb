"""When a broadcast will have been sent, as far as rows and settings say now."""

from collections.abc import Mapping

from wacrmd.clock import Millis
from wacrmd.domain.forecast import Forecast, Outlook, forecast
from wacrmd.domain.number import Number
from wacrmd.domain.sending_plan import SendingPlan
from wacrmd.services.context import Context
from wacrmd.store import broadcast_queue, conversations
from wacrmd.store.database import Tx


def forecast_of(
    tx: Tx,
    ctx: Context,
    number: Number,
    plan: SendingPlan,
    people: Mapping[str, int],
    scheduled_at: Millis | None,
) -> Forecast:
    """How a broadcast to so many people in each place (`domain.forecast.places`) will go, now or at its time.

    What waits for the number is sent before, if it begins now.
    """
    now = ctx.clock.now()
    later = scheduled_at is not None and scheduled_at > now
    budget = conversations.budget_of(tx, number.id)
    outlook = Outlook(
        start=scheduled_at if later and scheduled_at is not None else now,
        rate=number.rate(ctx.config.sender.messages_per_second),
        ahead=0 if later else broadcast_queue.queued(tx, number.id),
        limit=budget.limit,
        counted=conversations.by_hour(tx, budget, now),
    )
    return forecast(people, plan, outlook)
