"""A dry run: checks a broadcast as its creation does, and stores nothing."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.forecast import places
from wacrmd.domain.market import country_of
from wacrmd.domain.marketing_route import Route
from wacrmd.domain.person import identity
from wacrmd.domain.sending_plan import SendingPlan
from wacrmd.errors import MAX_PROBLEMS, Problem
from wacrmd.fields import shared
from wacrmd.off_loop import off_loop
from wacrmd.services.broadcasts.forecasting import forecast_of
from wacrmd.services.broadcasts.input import BroadcastInput
from wacrmd.services.broadcasts.prepare import prepare, why_nobody
from wacrmd.services.context import Context
from wacrmd.services.marketing import route_of_category
from wacrmd.services.prices.cost import estimate
from wacrmd.store import broadcast_queue, marketing, optouts, people
from wacrmd.store.database import Tx
from wacrmd.views.broadcasts import DryRun, LeftOutView
from wacrmd.views.prices import CostView


async def dry_run(ctx: Context, account_id: str, given: BroadcastInput, *, is_draft: bool = False) -> DryRun:
    """What `create` would do now, with all problems; raises Refusal as `prepare`."""
    prepared = await prepare(ctx, account_id, given)
    number, found = prepared.number, prepared.recipients
    addresses = [address for address, _ in found.accepted]

    category = (
        prepared.template.template.category if prepared.template and prepared.template.template else None
    )

    at = given.scheduled_at
    now = ctx.clock.now()
    later = at is not None and at > now
    starts_at = at if at is not None and later else now

    def work(tx: Tx) -> tuple[dict[int | str, str], set[int], int, Route, CostView | None]:
        known = people.of_addresses(tx, account_id, addresses)
        # Addresses of which nothing is known may still be other forms of one another.
        persons: dict[int | str, str] = {}
        for address in addresses:
            persons.setdefault(known.get(address, identity(address)), address)
        opted_out = set(optouts.among(tx, set(known.values())))
        countries = Counter(country_of(each) for person, each in persons.items() if person not in opted_out)
        route = route_of_category(marketing.facts_of_account(tx, account_id, number.waba_id), category)
        return (
            persons,
            opted_out,
            broadcast_queue.queued(tx, number.id),
            route,
            estimate(tx, account_id, prepared.template, route, countries, starts_at),
        )

    persons, opted_out, queued, route, cost = await ctx.db.read(work)
    left = [address for person, address in persons.items() if person not in opted_out]
    accepted, suppressed = len(left), len(persons) - len(left)
    problems = prepared.problems
    if is_draft and not given.recipients:
        pass  # they come later
    elif not addresses:
        why = why_nobody(each.reason for each in prepared.recipients.rejections)
        problems = [Problem("recipients", why), *problems]
    elif not accepted:
        problems = [Problem("recipients", "all valid recipients have opted out"), *problems]
    status = BroadcastStatus.SCHEDULED if later else BroadcastStatus.SENDING
    status = BroadcastStatus.DRAFT if is_draft else status
    rate = number.rate(ctx.config.sender.messages_per_second)
    plan = prepared.given.plan
    where = await off_loop(places, plan, left)
    going = await ctx.db.read(
        partial(forecast_of, ctx=ctx, number=number, plan=plan, people=where, scheduled_at=at)
    )
    return DryRun(
        **shared(SendingPlan, plan),
        status=None if problems else status,
        total_recipients=accepted,
        accepted=accepted,
        rejected=len(found.rejections),
        duplicates=found.duplicates + len(addresses) - len(persons),
        suppressed=suppressed,
        rejections=found.rejections,
        warnings=found.warnings,
        sent_as=found.sent_as,
        problems=problems[:MAX_PROBLEMS],
        template_warnings=prepared.template_warnings,
        number_id=number.id,
        template_synced_at=prepared.template.synced_at if prepared.template else None,
        route=route,
        forecast=going,
        expected_duration_s=round((accepted + (0 if later else queued)) / rate, 1),
        cost=cost,
    )


async def left_out(ctx: Context, account_id: str, sent_as: Sequence[str | None]) -> list[LeftOutView]:
    """The recipients who are the same person as an earlier one, or have opted out; `sent_as` are all addresses."""
    addresses = list(dict.fromkeys(address for address in sent_as if address is not None))

    def work(tx: Tx) -> tuple[dict[str, int], set[int]]:
        known = people.of_addresses(tx, account_id, addresses)
        return known, set(optouts.among(tx, set(known.values())))

    known, opted_out = await ctx.db.read(work)
    first: dict[int | str, int] = {}
    found: list[LeftOutView] = []
    for index, address in enumerate(sent_as):
        if address is None:
            continue
        person = known.get(address, identity(address))
        earlier = first.setdefault(person, index)
        if earlier != index:
            found.append(LeftOutView(index=index, same_as=earlier))
        elif person in opted_out:
            found.append(LeftOutView(index=index, same_as=None))
    return found
