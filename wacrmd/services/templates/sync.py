"""Templates: listed as stored, and synced from Meta."""

from functools import partial

from wacrmd.clock import MINUTE, SECOND, Millis
from wacrmd.domain.marketing_route import RouteFacts
from wacrmd.domain.opt_out_buttons import missed_opt_outs
from wacrmd.domain.page import Page, PageRequest, Position
from wacrmd.domain.template import Template
from wacrmd.errors import Refusal, no_number
from wacrmd.log import get_logger
from wacrmd.meta.client import MetaCallError
from wacrmd.services import pausing
from wacrmd.services.context import Context
from wacrmd.services.marketing import facts_by_business, route_of_category
from wacrmd.services.pausing import Resumed
from wacrmd.services.templates.business import Business, ask, businesses
from wacrmd.store import templates
from wacrmd.store.database import Tx
from wacrmd.vault import VaultError
from wacrmd.views.templates import BusinessSync, TemplateSync, TemplateView

TICK: Millis = 10 * SECOND
STALE_AFTER: Millis = 1 * MINUTE
"""The shortest time between two syncs when webhooks report changes."""

log = get_logger(__name__)


async def page(
    ctx: Context,
    account_id: str | None,
    request: PageRequest,
    *,
    name: str | None = None,
    status: str | None = None,
    auto_generated: bool = False,
) -> Page[TemplateView]:
    """A page of the templates of one account or of all, the newest rows first: of people, or made by Meta."""

    def work(tx: Tx) -> tuple[list[tuple[int, Template]], dict[str, RouteFacts]]:
        facts = facts_by_business(tx, account_id)
        found = templates.page(
            tx,
            list(facts),
            name=name,
            status=status,
            auto_generated=auto_generated,
            before=request.after.id if request.after else None,
            limit=request.rows,
        )
        return found, facts

    found, facts = await ctx.db.read(work)
    return Page.of(found, request, lambda row: _view(ctx, row[1], facts), lambda row: Position(0, row[0]))


async def list_templates(
    ctx: Context,
    account_id: str | None = None,
    *,
    name: str | None = None,
    status: str | None = None,
    auto_generated: bool = False,
    limit: int = -1,
    skip: int = 0,
) -> list[TemplateView]:
    """Templates of one account or of all, by name and language: those of people, or those that Meta made.

    `name` is a part of the name, `status` Meta's, both in any case; `limit` of them (-1: all) after `skip`.
    """

    def work(tx: Tx) -> tuple[list[Template], dict[str, RouteFacts]]:
        facts = facts_by_business(tx, account_id)
        found = templates.all_of(
            tx,
            list(facts),
            containing=name.lower() if name else None,
            status=status.upper() if status else None,
            auto_generated=auto_generated,
            limit=limit,
            skip=skip,
        )
        return found, facts

    found, facts = await ctx.db.read(work)
    return [_view(ctx, template, facts) for template in found]


def _view(ctx: Context, template: Template, facts: dict[str, RouteFacts]) -> TemplateView:
    route = route_of_category(facts[template.waba_id], template.category)
    return TemplateView.of(template, ctx.config.optout.stop_keywords, route)


async def sync(ctx: Context, account_id: str | None = None) -> TemplateSync:
    """Read the templates of one account or of all from Meta, each business account once.

    Returns counts, in total and by business account. If Meta refuses a business account, it has an `error` and keeps
    its stored templates. Raises Refusal for an account without numbers.
    """
    asked = await businesses(ctx, account_id)
    if not asked and account_id is not None:
        raise no_number()
    results = [await _sync(ctx, business) for business in asked]
    return TemplateSync(
        templates=sum(each.templates for each in results),
        added=sum(each.added for each in results),
        updated=sum(each.updated for each in results),
        removed=sum(each.removed for each in results),
        failed=sum(each.error is not None for each in results),
        business_accounts=results,
    )


async def keep_synced(ctx: Context) -> None:
    """Sync templates once in the configured interval, and soon after a webhook reports a change; until cancelled.

    It runs in a task of its own, because Meta may take a minute to answer.
    """
    while True:
        every = ctx.config.templates.sync_interval_minutes * MINUTE
        if every and not ctx.draining:
            try:
                await sync_due(ctx, every)
            except Refusal as refusal:
                log.debug("template_sync_postponed", reason=refusal.message)
            except Exception:
                log.exception("template_sync_crashed")
        await ctx.clock.sleep(TICK)


async def sync_due(ctx: Context, every: Millis) -> list[BusinessSync]:
    """Sync the business accounts that are due; the result of each."""
    due = await ctx.db.read(partial(templates.due, now=ctx.clock.now(), every=every, stale_after=STALE_AFTER))
    return [
        await _sync(ctx, business)
        for business in (await businesses(ctx, None) if due else [])
        if business.waba_id in due
    ]


async def _sync(ctx: Context, business: Business) -> BusinessSync:
    requested_at = ctx.clock.now()
    try:
        listed = await ask(
            ctx, business, lambda token: ctx.meta.templates(business.waba_id, token, requested_at)
        )
    except (MetaCallError, VaultError) as error:
        reason = str(error)
        log.warning("template_sync_failed", business_account=business.waba_id, reason=reason)
        await ctx.db.write(
            partial(templates.record_failure, waba_id=business.waba_id, error=reason, now=ctx.clock.now())
        )
        return BusinessSync(business_account_id=business.waba_id, error=reason)

    def work(tx: Tx) -> tuple[templates.SyncResult, Resumed]:
        now = ctx.clock.now()
        result = templates.replace_all(tx, business.waba_id, listed, now, requested_at=requested_at)
        return result, pausing.resume_rerouted(tx, business.waba_id, now)

    changed, resumed = await ctx.db.write(work)
    pausing.continue_sending(ctx, resumed)
    log.info(
        "templates_synced",
        business_account=business.waba_id,
        templates=len(listed),
        added=changed.added,
        updated=changed.updated,
        removed=changed.removed,
    )
    for template in changed.changed:
        for reply in missed_opt_outs(template, ctx.config.optout.stop_keywords):
            log.warning(
                "template_opt_out_unrecognized",
                business_account=business.waba_id,
                template=template.name,
                language=template.language,
                button=reply.text,
            )
    return BusinessSync(
        business_account_id=business.waba_id,
        templates=len(listed),
        added=changed.added,
        updated=changed.updated,
        removed=changed.removed,
    )
