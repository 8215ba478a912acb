"""Checks a number at Meta: its access token, quality, limits, health and webhook subscription."""

import shlex
from dataclasses import replace

from wacrmd.clock import MINUTE, SECOND, Millis
from wacrmd.domain.marketing_route import RouteFacts
from wacrmd.domain.number import Number
from wacrmd.domain.phone import normalize
from wacrmd.domain.phone_text import Dialled, dialled
from wacrmd.errors import Refusal
from wacrmd.log import get_logger
from wacrmd.meta.client import MetaCallError
from wacrmd.meta.management import Health, NumberInfo
from wacrmd.services import pausing
from wacrmd.services.context import Context
from wacrmd.services.marketing import log_onboarding
from wacrmd.services.numbers.findings import (
    assess_health,
    assess_marketing,
    assess_number,
    assess_subscription,
    refuses_token,
    status_notice,
)
from wacrmd.services.pausing import Resumed
from wacrmd.store import account_notices, broadcast_queue, conversations, marketing, numbers
from wacrmd.store.database import Tx
from wacrmd.store.outage import StorageError
from wacrmd.vault import VaultError, access_token_context
from wacrmd.views.checks import Check, CheckState

TICK: Millis = 10 * SECOND
UNCLEAR_ADVICE = "Check [meta] graph_url, the ids and the network; sending is tried all the same."

log = get_logger(__name__)


async def ask_number(ctx: Context, phone_number_id: str, token: str) -> tuple[Check, NumberInfo | None]:
    """Ask Meta about a number: the finding about the token, FAIL only if Meta refuses it, and Meta's answer."""
    try:
        seen = await ctx.meta.number(phone_number_id, token)
    except MetaCallError as error:
        if refuses_token(error.error):
            return Check(
                "token", CheckState.FAIL, str(error), "Give it another token, or the right ids."
            ), None
        return Check("token", CheckState.WARN, f"could not be checked: {error}", UNCLEAR_ADVICE), None
    return assess_number(seen, rate=0)[0], seen


async def check_number(ctx: Context, number: Number, *, subscribe: bool = False) -> list[Check]:
    """All findings about a number; stores what Meta said. `subscribe` first subscribes the token's app to the webhooks."""
    try:
        token = ctx.vault.decrypt(number.access_token, access_token_context(number.id))
    except VaultError as error:
        return [
            Check("token", CheckState.FAIL, str(error), "Restore the key file that belongs to this database.")
        ]
    first, seen = await ask_number(ctx, number.phone_number_id, token)
    if first.state is CheckState.FAIL or seen is None:
        return [first]
    rate = number.rate(ctx.config.sender.messages_per_second)
    found = assess_number(seen, rate=rate)
    health: Health | None = None
    try:
        health = await ctx.meta.health(number.phone_number_id, token)
        found.append(assess_health(health))
    except MetaCallError as error:
        found.append(Check("health", CheckState.WARN, f"could not be read: {error}", UNCLEAR_ADVICE))
    if subscribe:
        found += await _subscribe(ctx, number, token)
    try:
        found.append(assess_subscription(await ctx.meta.subscribed_apps(number.waba_id, token)))
    except MetaCallError as error:
        found.append(Check("webhooks", CheckState.WARN, f"could not be read: {error}", UNCLEAR_ADVICE))
    try:
        await store(ctx, number.id, seen, health)
        found.append(await check_marketing(ctx, number, token))
    except StorageError as error:
        advice = "Check it again when the database can be written."
        found.append(
            Check("storage", CheckState.WARN, f"Meta's answer could not be stored: {error.advice}", advice)
        )
    return [_with_id(check, number) for check in found]


def _with_id(check: Check, number: Number) -> Check:
    """The finding with the number's id in place of ` ID `, and its account's of ` NAME `, in a command of its advice."""
    if check.advice is None:
        return check
    advice = check.advice.replace(" ID ", f" {number.phone_number_id} ")
    return replace(check, advice=advice.replace(" NAME ", f" {shlex.quote(number.account)} "))


async def keep_checked(ctx: Context) -> None:
    """Check each number once in the configured interval, first an interval after the start; until cancelled.

    It runs in a task of its own, because Meta may take a minute to answer.
    """
    asked: dict[str, Millis] = {}
    while True:
        every = ctx.config.meta.check_interval_minutes * MINUTE
        if every and not ctx.draining:
            try:
                await check_due(ctx, every, asked)
            except Refusal as refusal:
                log.debug("number_check_postponed", reason=refusal.message)
            except Exception:
                log.exception("number_check_crashed")
        await ctx.clock.sleep(TICK)


async def check_due(ctx: Context, every: Millis, asked: dict[str, Millis]) -> None:
    """Check the numbers whose last check is older than `every`; `asked` has how long the daemon ran at failed ones too."""
    for number in await ctx.db.read(numbers.all_of):
        uptime = ctx.clock.uptime
        is_fresh = number.checked_at is not None and 0 <= ctx.clock.now() - number.checked_at < every
        if is_fresh or uptime - asked.get(number.id, 0) < every:
            continue
        asked[number.id] = uptime
        for check in await check_number(ctx, number):
            if check.state is not CheckState.OK:
                log.warning(
                    "number_problem_found",
                    number=number.phone_number_id,
                    check=check.name,
                    detail=check.detail,
                    advice=check.advice,
                )


async def store(ctx: Context, number_id: str, info: NumberInfo, health: Health | None) -> None:
    """Store what Meta said about a number."""
    now = ctx.clock.now()

    def work(tx: Tx) -> list[int]:
        if numbers.get(tx, number_id) is None:
            return []
        before = conversations.budget_of(tx, number_id)
        numbers.set_health(
            tx,
            number_id,
            quality=info.quality_rating,
            limit_tier=info.messaging_limit,
            verified_name=info.verified_name,
            display_phone=business_phone(info.display_phone_number or ""),
            health=health.raw if health else None,
            now=now,
        )
        account_notices.set_status(tx, number_id, status_notice(info, now))
        is_same = conversations.budget_of(tx, number_id) == before
        return [] if is_same else broadcast_queue.sending(tx)  # those of any number may wait for the limit

    ctx.queue.enqueue_many(await ctx.db.write(work))


async def check_marketing(ctx: Context, number: Number, token: str) -> Check:
    """Ask Meta about marketing messages of a number's business account, and store what it says; where they go now."""
    onboarding: str | None = None
    unread = "Meta's answer does not say whether it is onboarded"
    now = ctx.clock.now()
    try:
        onboarding = await ctx.meta.marketing_onboarding(number.waba_id, token)
    except MetaCallError as error:
        unread = str(error)

    def work(tx: Tx) -> tuple[str | None, bool, RouteFacts, Resumed]:
        before = marketing.onboarding_of(tx, number.waba_id)
        is_news = onboarding is not None and marketing.record_onboarding(
            tx, number.waba_id, onboarding, now, is_now=True
        )
        facts = marketing.facts_of_account(tx, number.account_id, number.waba_id)
        return before, is_news, facts, pausing.resume_rerouted(tx, number.waba_id, now)

    before, is_news, facts, resumed = await ctx.db.write(work)
    pausing.continue_sending(ctx, resumed)
    if is_news and onboarding is not None:
        log_onboarding(number.waba_id, before, onboarding)
    return assess_marketing(facts, None if onboarding else unread)


async def _subscribe(ctx: Context, number: Number, token: str) -> list[Check]:
    """Subscribe the token's app to the webhooks; a finding if that fails."""
    try:
        await ctx.meta.subscribe(number.waba_id, token)
    except MetaCallError as error:
        advice = "Subscribe the app by hand in Meta's app dashboard."
        return [Check("webhooks", CheckState.FAIL, str(error), advice)]
    return []


def business_phone(given: str) -> str | None:
    """The E.164 form of a business's own number; Meta's test numbers (+1 555 …) are in no numbering plan."""
    written = dialled(given)
    digits = written.digits if isinstance(written, Dialled) else ""
    return normalize(given) or (f"+{digits}" if 7 <= len(digits) <= 15 else None)  # noqa: PLR2004
