"""`wacrmd doctor`: checks configuration, files, network and numbers, and gives advice."""

import sqlite3
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice

import anyio
import anyio.to_thread

from wacrmd import config as configuration
from wacrmd.clock import MINUTE, iso
from wacrmd.config import Config
from wacrmd.domain.account_notice import holding
from wacrmd.domain.draft_backlog import reason
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.number import Number
from wacrmd.domain.opt_out_buttons import ADVICE, missed_opt_outs
from wacrmd.errors import ConfigError, counted, describe
from wacrmd.fields import shared
from wacrmd.log import get_logger
from wacrmd.services.context import Context
from wacrmd.services.maintenance import (
    dashboard_checks,
    database_key,
    file_checks,
    limit_checks,
    network_checks,
)
from wacrmd.services.maintenance.database_key import FoundKeys, NeededKey
from wacrmd.services.maintenance.unread_log import READ_IT, unread_log
from wacrmd.services.numbers.findings import worst
from wacrmd.services.numbers.meta_check import check_number
from wacrmd.services.templates.sync import list_templates
from wacrmd.store import numbers, stats, webhook_endpoints
from wacrmd.store.account_notices import STATUS
from wacrmd.store.outage import StorageError
from wacrmd.views.checks import Check, CheckState
from wacrmd.views.maintenance import CheckAbout, DoctorReport

MAX_CONCURRENT_GROUPS = 8
"""How many groups of checks run at the same time."""

MAX_NAMES = 3
"""How many templates a finding names."""

CATEGORY_ADVICE = "Marketing costs more and needs an opt-out. Ask for a review in WhatsApp Manager if the category is wrong."
NOTICE_ADVICE = "See Account Quality in Business Manager: it says why, and a review can be asked for there."

CRASH_ADVICE = "The log has more: doctor_check_crashed. The other checks are not affected."

log = get_logger(__name__)

Group = Callable[[], Awaitable[list[Check]]]


async def run_checks(ctx: Context) -> DoctorReport:
    """Run all checks, in concurrent groups: one for each part of the daemon and for each number."""
    groups: dict[str, Group] = {
        "configuration": partial(_configuration, ctx),
        "files": partial(_in_thread, partial(_files, ctx)),
        "database": partial(_in_thread, partial(_database, ctx)),
        "workers": partial(_workers, ctx),
        "Meta": partial(network_checks.meta_api, ctx),
        "dashboard": partial(dashboard_checks.dashboard, ctx),
        "drafts": partial(_drafts, ctx),
        "webhooks": partial(_webhooks, ctx),
        "templates": partial(_templates, ctx),
        "messages": partial(_messages, ctx),
    }
    try:
        configured = await ctx.db.read(numbers.all_of)
    except StorageError as error:
        groups["numbers"] = partial(_unread, error)
    else:
        for number in configured:
            groups[f"number {number.name}"] = partial(_number, ctx, number)
        groups["limits"] = partial(_limits, configured)
        if not configured:
            groups["numbers"] = _no_number
    found: dict[str, list[Check]] = {}
    limiter = anyio.CapacityLimiter(MAX_CONCURRENT_GROUPS)

    async def run(name: str, group: Group) -> None:
        async with limiter:
            try:
                found[name] = await group()
            except StorageError as error:
                found[name] = await _unread(error)
            except Exception as error:
                log.exception("doctor_check_crashed", about=name)
                detail = f"could not be checked: {describe(error)}"
                found[name] = [Check("check", CheckState.FAIL, detail, CRASH_ADVICE)]

    async with anyio.create_task_group() as tasks:
        for name, group in groups.items():
            tasks.start_soon(run, name, group)
    return _report([(name, check) for name in groups for check in found[name]])


def run_offline_checks(config: Config, keys: FoundKeys) -> DoctorReport:
    """Run the checks that need no daemon, in the caller's thread; `keys` are those in the key file."""
    detail = f"nothing answers at {config.admin.socket}"
    advice = "Start it: systemctl start wacrmd; its log says why it stopped: journalctl -u wacrmd"
    found = [("daemon", Check("daemon", CheckState.FAIL, detail, advice))]
    found += [("configuration", check) for check in file_checks.configuration_warnings(config)]
    database = config.storage.path
    if database.exists():
        found.append(("files", file_checks.private_database(config)))
        if (lost := file_checks.lost_writes(database)) is not None:
            return _report([*found, ("database", lost)])  # to open it would hide that
        with suppress(sqlite3.Error):  # a finding of the next check
            found.append(("files", file_checks.key_of_database(keys, database_key.needed_key_of(database))))
        found.append(("database", file_checks.database_content(database)))
        found += [("database", check) for check in file_checks.free_space(database)]
    found += [("files", check) for check in file_checks.missing_directories(config)]
    return _report(found)


def _report(found: list[tuple[str, Check]]) -> DoctorReport:
    return DoctorReport(
        state=worst(check for _, check in found),
        checks=[CheckAbout(**shared(Check, check), about=name) for name, check in found],
    )


async def _in_thread(group: Callable[[], list[Check]]) -> list[Check]:
    return await anyio.to_thread.run_sync(group)


async def _configuration(ctx: Context) -> list[Check]:
    """Whether the configuration file is valid, and whether it is in force."""
    found = file_checks.configuration_warnings(ctx.config)
    if ctx.control.reread is None:
        return found or [Check("configuration", CheckState.OK, "in force as given at the start")]
    try:
        wanted = await anyio.to_thread.run_sync(ctx.control.reread)
    except ConfigError as error:
        advice = "Correct the file before the next restart: wacrmd check-config"
        return found + [
            Check("configuration", CheckState.FAIL, problem, advice) for problem in error.problems
        ]
    _, applicable, needs_restart = configuration.reload(ctx.config, wanted)
    for keys, advice in (
        (applicable, "Apply it: wacrmd reload"),
        (needs_restart, "These take effect at the next restart."),
    ):
        if keys:
            detail = f"the file was changed: {', '.join(keys)}"
            found.append(Check("configuration", CheckState.WARN, detail, advice))
    if not applicable and not needs_restart:
        found.append(Check("configuration", CheckState.OK, "the file is in force"))
    return found


def _files(ctx: Context) -> list[Check]:
    unread = unread_log()
    return [
        *([Check("log", CheckState.WARN, unread, READ_IT)] if unread else []),
        file_checks.private_database(ctx.config),
        file_checks.key_of_database(
            FoundKeys.of(ctx.vault.source), NeededKey(ctx.db.path, ctx.vault.fingerprint)
        ),
        *file_checks.writable_directory(ctx.config),
        file_checks.admin_socket(ctx.config),
        *file_checks.open_file_limit(ctx.config),
    ]


def _database(ctx: Context) -> list[Check]:
    outage = ctx.db.outage
    found = []
    if outage is not None:
        found.append(Check("use", CheckState.FAIL, "the database cannot be used", outage.advice))
    with suppress(StorageError):
        ctx.db.check_file()
        content = file_checks.database_content(ctx.db.path)
        if content.state is CheckState.FAIL and content.advice:
            ctx.db.damaged(content.advice)
        found.append(content)
    return [*found, *file_checks.free_space(ctx.db.path)]


async def _workers(ctx: Context) -> list[Check]:
    workers = await ctx.db.read(ctx.queue.health)
    alive = f"{workers.workers_alive} of {workers.workers} alive"
    if workers.workers_dead:
        advice = "They are replaced within 30 s; if they die again, see the log."
        found = [Check("workers", CheckState.FAIL, f"only {alive}", advice)]
    else:
        found = [Check("workers", CheckState.OK, f"{alive}, {workers.busy} busy")]
    if ctx.drain is not None:
        found.append(Check("drain", CheckState.WARN, ctx.drain.detail, ctx.drain.advice))
    return found


async def _drafts(ctx: Context) -> list[Check]:
    """How many there are, and whether and why they wait for the daemon."""
    found = (await ctx.db.read(partial(stats.read, now=ctx.clock.now()))).drafts
    if found.waiting_since is None:
        return [Check("drafts", CheckState.OK, found.text())] if found.counts else []
    why, advice = reason(is_draining=ctx.draining, shares=ctx.drafts.shares())
    if not ctx.draining and not found.is_behind(ctx.clock.age(found.waiting_since)):
        return [Check("drafts", CheckState.OK, found.text())]
    return [Check("drafts", CheckState.WARN, f"{found.text()}: {why}", advice)]


async def _webhooks(ctx: Context) -> list[Check]:
    found = await network_checks.public_url(ctx)
    if (overload := ctx.meta_webhook_backlog.overload_lately(ctx.clock.now())) is not None:
        advice = (
            "Nothing is lost. If it happens often, this machine or its disk is too slow for what Meta sends."
        )
        found.append(Check("overload", CheckState.WARN, overload.text(), advice))
    for text in ctx.http_shortages.lately(ctx.clock.now()):
        advice = (
            "Newer clients were served. See who connects; the reverse proxy should pass on only whole bodies."
        )
        found.append(Check("connections", CheckState.WARN, text, advice))
    now = ctx.clock.now()
    sums = await ctx.db.read(partial(stats.read, now=now))
    for each in sums.deliveries:
        if each.is_behind(ctx.clock.age(each.since)):
            advice = f"What the app answered: wacrmd webhook deliveries {each.endpoint_id[:8]}"
            found.append(Check("deliveries", CheckState.WARN, each.text(), advice))
    for endpoint in await ctx.db.read(webhook_endpoints.disabled):
        detail = f"Webhook {endpoint.id[:8]} of {endpoint.account} is disabled: {endpoint.disabled_reason}"
        advice = (
            f"When its app answers again: wacrmd webhook set {endpoint.id[:8]} --on. Otherwise remove it."
        )
        found.append(Check("disabled", CheckState.WARN, detail, advice))
    return found


async def _templates(ctx: Context) -> list[Check]:
    """Announced changes of categories; buttons that look like an opt-out and are none, each with its templates."""
    keywords = ctx.config.optout.stop_keywords
    found: dict[str, dict[str, None]] = {}
    listed = await list_templates(ctx)
    for template in listed:
        for reply in missed_opt_outs(template, keywords):
            found.setdefault(reply.text, {})[f"{template.name} ({template.language})"] = None
    coming = [
        Check(
            "category",
            CheckState.WARN,
            f"{template.name} ({template.language}) moves from {template.category} to {template.next_category}"
            + (f" at {iso(template.next_category_at)}" if template.next_category_at else ""),
            CATEGORY_ADVICE,
        )
        for template in listed
        if template.next_category is not None and template.next_category != template.category
    ]
    return coming + [
        Check("opt-out", CheckState.WARN, f'a tap on "{text}" opts nobody out: {_first(names)}', ADVICE)
        for text, names in found.items()
    ]


def _first(names: Collection[str]) -> str:
    """The first names and how many there are more."""
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(islice(names, MAX_NAMES)) + more


async def _messages(ctx: Context) -> list[Check]:
    found = await ctx.db.read(partial(stats.read, now=ctx.clock.now()))
    if not found.held or found.held_since is None:
        return []
    detail = f"Meta holds {counted(found.held, 'message')} back, the oldest since {iso(found.held_since)}"
    advice = (
        "Mostly it sends them within an hour. If it drops them, they fail with 132015 or 135000: look at the quality of"
        " the template in WhatsApp Manager."
    )
    return [Check("held", CheckState.WARN, detail, advice)]


async def _limits(configured: Sequence[Number]) -> list[Check]:
    return limit_checks.counted_apart(configured)


async def _number(ctx: Context, number: Number) -> list[Check]:
    found = await check_number(ctx, number)
    found += await ctx.db.read(partial(limit_checks.unknown, number=number))
    if number.hold is not None:
        advice = f"When the cause is gone: wacrmd number resume {number.phone_number_id}"
        found.insert(0, Check("paused", CheckState.WARN, number.hold.detail, advice))
    found += [
        Check("notice", CheckState.WARN, f"Meta says {notice.text()}", NOTICE_ADVICE)
        for notice in holding(number.notices, ctx.clock.now())
        if not notice.kind.startswith(STATUS)  # a finding of the check above
    ]
    if (undecryptable := ctx.app_secrets.undecryptable.get(number.id)) is not None:
        advice = f"Its webhooks are refused until then: wacrmd number set {number.phone_number_id} --app-secret-file FILE"
        found.append(Check("app secret", CheckState.FAIL, undecryptable, advice))
    found += _sending(ctx, number)
    silence = ctx.meta_webhook_liveness.silence(number.id, ctx.clock.monotonic())
    if silence is not None:
        detail = f"it has been sending for {silence // MINUTE} minutes and Meta has sent no status"
        advice = (
            "Compare webhook URL, app secret and the subscribed field `messages` in Meta's app dashboard."
        )
        found.append(Check("silence", CheckState.WARN, detail, advice))
    return found


def _sending(ctx: Context, number: Number) -> list[Check]:
    """What slows the number down or stops it now."""
    state = ctx.throughput.state(number.id)
    if state is None:
        return []
    if state.hold is not None:
        advice = (
            file_checks.OPEN_FILES_ADVICE
            if state.hold.reason is HoldReason.NO_FREE_CONNECTION
            else "It sends again by itself; see https://metastatus.com if that takes long."
        )
        return [Check("sending", CheckState.WARN, state.hold.detail, advice)]
    if state.is_limited:
        detail = f"[sender] max_in_flight = {ctx.config.sender.max_in_flight} is too small for its rate and Meta's latency"
        advice = "Raise it and restart the daemon, or lower the rates of the numbers."
        return [Check("sending", CheckState.WARN, detail, advice)]
    return []


async def _unread(error: StorageError) -> list[Check]:
    return [Check("database", CheckState.FAIL, "what is checked cannot be read", error.advice)]


async def _no_number() -> list[Check]:
    advice = "Add one: wacrmd number add --help"
    return [Check("numbers", CheckState.WARN, "no number is configured: nothing can be sent", advice)]
