"""Clicks on the links of templates, read from Meta's analytics where a business account has them; nothing is switched on.

What fails is logged and done again later. It stops no sync and pauses nothing.
"""

from functools import partial

from wacrmd.clock import DAY, MINUTE, SECOND, Millis
from wacrmd.domain.marketing_route import ONBOARDED
from wacrmd.domain.statistics import SLOT
from wacrmd.domain.template import Template
from wacrmd.domain.template_clicks import COUNTED_DAYS, believed, days_to_read, has_link
from wacrmd.errors import Refusal
from wacrmd.log import get_logger
from wacrmd.meta.analytics import MAX_TEMPLATES
from wacrmd.meta.client import MetaCallError
from wacrmd.services.context import Context
from wacrmd.services.templates.business import Business, ask, businesses
from wacrmd.store import marketing, template_clicks
from wacrmd.store.database import Tx
from wacrmd.vault import VaultError

TICK: Millis = 10 * SECOND
MAX_ASKED = 200
"""Templates that are asked for, those with most messages: Meta allows 200 management calls an hour, and a template may need
a page for each month."""

log = get_logger(__name__)


class ClickReader:
    """Reads the clicks of all business accounts, each when it is due."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._told: dict[tuple[str, bool], str] = {}
        """Why each business account could not be read, as it was logged: once, not each time."""

    async def run(self) -> None:
        """Read clicks in the configured interval; until cancelled. A task of its own, because Meta may take a minute."""
        ctx = self._ctx
        while True:
            every = ctx.config.templates.clicks_interval_minutes * MINUTE
            if every and not ctx.draining:
                try:
                    await self.read_due(every)
                except Refusal as refusal:
                    log.debug("template_clicks_postponed", reason=refusal.message)
                except Exception:
                    log.exception("template_clicks_crashed")
            await ctx.clock.sleep(TICK)

    async def read_due(self, every: Millis) -> None:
        """Read the business accounts that are due."""
        ctx = self._ctx
        due = await ctx.db.read(partial(template_clicks.due, now=ctx.clock.now(), every=every))
        for business in await businesses(ctx, None) if due else []:
            if business.waba_id in due:
                await self._read(business)

    async def _read(self, business: Business) -> None:
        ctx, waba_id, is_enabled = self._ctx, business.waba_id, None
        try:
            is_enabled = await ask(ctx, business, lambda token: ctx.meta.has_analytics(waba_id, token))
            if is_enabled:
                await self._read_clicks(business)
            self._told.pop((waba_id, False), None)
        except (MetaCallError, VaultError) as error:
            self._tell(waba_id, error, is_marketing=False)
        await ctx.db.write(
            partial(template_clicks.asked, waba_id=waba_id, now=ctx.clock.now(), is_enabled=is_enabled)
        )

    async def _read_clicks(self, business: Business) -> None:
        """Read and store what may have changed since the last time; raises MetaCallError, VaultError."""
        ctx, now = self._ctx, self._ctx.clock.now()

        def plan(tx: Tx) -> tuple[range, list[Template], bool]:
            days = days_to_read(now, template_clicks.last_read(tx, business.waba_id))
            sent = template_clicks.sent_since(tx, business.waba_id, (days.start - COUNTED_DAYS) * DAY // SLOT)
            asked = [each for each in sent if has_link(each) and _is_number(each.meta_id)]
            return days, asked, marketing.onboarding_of(tx, business.waba_id) in ONBOARDED

        days, asked, is_onboarded = await ctx.db.read(plan)
        await self._read_product(business, asked, days, now, is_marketing=False)
        if is_onboarded:
            try:
                await self._read_product(business, asked, days, now, is_marketing=True)
                self._told.pop((business.waba_id, True), None)
            except (MetaCallError, VaultError) as error:  # the others are read all the same
                self._tell(business.waba_id, error, is_marketing=True)
        await ctx.db.write(partial(template_clicks.were_read, waba_id=business.waba_id, now=now))
        log.info(
            "template_clicks_read",
            business_account=business.waba_id,
            templates=len(asked),
            days=len(days),
        )

    async def _read_product(
        self, business: Business, asked: list[Template], days: range, now: Millis, *, is_marketing: bool
    ) -> None:
        ctx = self._ctx
        for at in range(0, min(len(asked), MAX_ASKED), MAX_TEMPLATES):
            some = {each.meta_id: each for each in asked[at : at + MAX_TEMPLATES]}
            read = partial(
                ctx.meta.template_clicks,
                business.waba_id,
                template_ids=tuple(some),
                days=days,
                now=now,
                marketing=is_marketing,
            )
            found = await ask(ctx, business, read)
            for template_id, template in some.items():
                of_it = [each for each in believed(found, now) if each.template_id == template_id]
                await ctx.db.write(
                    partial(template_clicks.put, template=template, found=of_it, is_marketing=is_marketing)
                )

    def _tell(self, waba_id: str, error: Exception, *, is_marketing: bool) -> None:
        reason = str(error)
        if self._told.get((waba_id, is_marketing)) != reason:
            self._told[waba_id, is_marketing] = reason
            log.warning(
                "template_clicks_failed", business_account=waba_id, marketing=is_marketing, reason=reason
            )


def _is_number(meta_id: str) -> bool:
    """Whether it can be one of a list of ids in a request."""
    return meta_id.isascii() and meta_id.isdecimal()
