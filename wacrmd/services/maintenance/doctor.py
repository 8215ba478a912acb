"""The checks that a person would make when it does not work, each with what to do."""

import os
import secrets
import sqlite3
import stat
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import anyio
import anyio.to_thread

from wacrmd import config as configuration
from wacrmd.clock import MINUTE, SECOND, Millis
from wacrmd.config import Config
from wacrmd.domain.number import Number
from wacrmd.errors import ConfigError
from wacrmd.fields import shared
from wacrmd.meta.probe import Answer, UnreachableError, probe
from wacrmd.services.context import Context
from wacrmd.services.maintenance.status import LOW_DISK_BYTES, SILENCE
from wacrmd.services.numbers.findings import worst
from wacrmd.services.numbers.meta_check import check_number
from wacrmd.store import numbers
from wacrmd.store.integrity import quick_check
from wacrmd.views.checks import Check, CheckState
from wacrmd.views.maintenance import CheckAbout, DoctorReport

QUICK_CHECK_S = 10.0
PROBE_S = 10.0
LIKELY_WRONG: Millis = 30 * SECOND
SURELY_WRONG: Millis = 5 * MINUTE
"""How far the clock may be off: Meta's times and the schedule of broadcasts go by it."""

NUMBERS_AT_ONCE = 8

_OTHERS = stat.S_IRWXG | stat.S_IRWXO

Group = Callable[[], Awaitable[list[Check]]]


async def examine(ctx: Context) -> DoctorReport:
    """All checks, those that ask over the network side by side."""
    found: dict[str, list[Check]] = {}
    groups: dict[str, Group] = {
        "configuration": partial(_configuration, ctx),
        "files": partial(_in_thread, partial(_files, ctx)),
        "database": partial(_database, ctx),
        "workers": partial(_workers, ctx),
        "Meta": partial(_graph, ctx),
        "webhooks": partial(_public_url, ctx),
    }
    every = await ctx.db.read(numbers.all_of)
    for number in every:
        groups[f"number {number.phone_number_id}"] = partial(_number, ctx, number)
    limiter = anyio.CapacityLimiter(NUMBERS_AT_ONCE)

    async def run(name: str, group: Group) -> None:
        async with limiter:
            found[name] = await group()

    async with anyio.create_task_group() as tasks:
        for name, group in groups.items():
            tasks.start_soon(run, name, group)
    if not every:
        advice = "Add one: wacrmd number add --help"
        found["numbers"] = [
            Check("numbers", CheckState.WARN, "no number is configured: nothing can be sent", advice)
        ]
    ordered = [*groups, *(name for name in found if name not in groups)]
    checks = [(name, check) for name in ordered for check in found[name]]
    return _report(checks)


def offline(config: Config) -> DoctorReport:
    """What can be looked at while no daemon runs; in the caller's thread."""
    advice = "Start it: systemctl start wacrmd; its log says why it ended: journalctl -u wacrmd"
    found = [("daemon", Check("daemon", CheckState.FAIL, f"nobody answers at {config.admin.socket}", advice))]
    found += [
        (
            "configuration",
            Check("configuration", CheckState.WARN, warning, "Change it, or leave it if meant so."),
        )
        for warning in configuration.warnings(config)
    ]
    database = config.storage.path
    if database.exists():
        found.append(("files", _private("database", database, CheckState.WARN)))
        found.append(("files", _private("key file", configuration.key_file(config), CheckState.FAIL)))
        found.append(("database", _soundness(database)))
    elif not database.parent.is_dir():
        advice = f"Make it, for the daemon's user: install -d -m 0700 -o wacrmd {database.parent}"
        found.append(("files", Check("directory", CheckState.FAIL, f"there is no {database.parent}", advice)))
    if not config.admin.socket.parent.is_dir():
        advice = "The unit's RuntimeDirectory makes it; by hand: mkdir, for the daemon's user."
        found.append(
            (
                "files",
                Check("directory", CheckState.FAIL, f"there is no {config.admin.socket.parent}", advice),
            )
        )
    return _report(found)


def _report(found: list[tuple[str, Check]]) -> DoctorReport:
    return DoctorReport(
        state=worst(check for _, check in found),
        checks=[CheckAbout(**shared(Check, check), about=name) for name, check in found],
    )


async def _in_thread(look: Callable[[], list[Check]]) -> list[Check]:
    return await anyio.to_thread.run_sync(look)


async def _configuration(ctx: Context) -> list[Check]:
    """Whether the file could be started with again, and whether it says what is in force."""
    found = [
        Check("configuration", CheckState.WARN, warning, "Change it, or leave it if it is meant so.")
        for warning in configuration.warnings(ctx.config)
    ]
    if ctx.control.reread is None:
        return found or [Check("configuration", CheckState.OK, "in force as it was given at the start")]
    try:
        wanted = await anyio.to_thread.run_sync(ctx.control.reread)
    except ConfigError as error:
        advice = "Mend the file before the next restart: wacrmd check-config"
        return [
            *found,
            *(Check("configuration", CheckState.FAIL, problem, advice) for problem in error.problems),
        ]
    _, applied, waiting = configuration.reload(ctx.config, wanted)
    if applied:
        detail = f"the file was changed since: {', '.join(applied)}"
        found.append(Check("configuration", CheckState.WARN, detail, "Take it over: wacrmd reload"))
    if waiting:
        detail = f"the file was changed since: {', '.join(waiting)}"
        found.append(
            Check("configuration", CheckState.WARN, detail, "These take effect at the next restart.")
        )
    if not applied and not waiting:
        found.append(Check("configuration", CheckState.OK, "the file says what is in force"))
    return found


def _files(ctx: Context) -> list[Check]:
    """Who may read and write what."""
    config, found = ctx.config, list[Check]()
    database, key = config.storage.path, configuration.key_file(config)
    found.append(_private("database", database, CheckState.WARN))
    found.append(_private("key file", key, CheckState.FAIL))
    if not os.access(database.parent, os.W_OK):
        found.append(
            Check(
                "directory",
                CheckState.FAIL,
                f"{database.parent} cannot be written",
                "SQLite writes its WAL beside the database: give the directory to the daemon's user.",
            )
        )
    found.append(_socket(config.admin.socket))
    return found


def _private(name: str, path: Path, state: CheckState) -> Check:
    try:
        status = path.stat()
    except OSError as error:
        return Check(
            name, CheckState.FAIL, f"{path}: {error.strerror}", "Restore it; see docs/operations.md."
        )
    mode = stat.S_IMODE(status.st_mode)
    if mode & _OTHERS:
        return Check(name, state, f"{path} can be read by others (mode {mode:04o})", f"chmod 600 {path}")
    return Check(name, CheckState.OK, f"{path} is private")


def _socket(path: Path) -> Check:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        return Check("admin socket", CheckState.FAIL, f"{path}: {error.strerror}", "Restart the daemon.")
    if mode & stat.S_IWOTH:
        detail = f"everybody on this machine may read what is sent (mode {mode:04o})"
        return Check("admin socket", CheckState.WARN, detail, 'Set [admin] socket_mode = "0660" and restart.')
    return Check("admin socket", CheckState.OK, f"{path}, mode {mode:04o}")


async def _database(ctx: Context) -> list[Check]:
    found: list[Check] = []
    path, trouble = ctx.db.path, ctx.db.trouble
    if trouble is not None:
        found.append(Check("writes", CheckState.FAIL, "the database cannot be written", trouble.advice))
    found.append(await anyio.to_thread.run_sync(_soundness, path))
    disk = os.statvfs(path.parent)
    free = disk.f_bavail * disk.f_frsize
    state = CheckState.OK if free >= LOW_DISK_BYTES else CheckState.WARN
    room = None if state is CheckState.OK else "Make room: at zero nothing is accepted or sent any more."
    found.append(Check("disk", state, f"{free / 2**30:.1f} GiB are free at {path.parent}", room))
    return found


def _soundness(path: Path) -> Check:
    try:
        damage = quick_check(path, QUICK_CHECK_S)
    except sqlite3.Error as error:
        damage = [str(error)]
    if damage is None:
        detail = f"large: not looked through to the end in {QUICK_CHECK_S:g} s, no damage so far"
        return Check("database", CheckState.OK, detail, "Look through all of it: wacrmd check-db")
    if damage:
        advice = "Stop the daemon, keep the file, and restore a backup: docs/operations.md."
        return Check("database", CheckState.FAIL, f"damaged: {damage[0]}", advice)
    return Check("database", CheckState.OK, "no damage found")


async def _workers(ctx: Context) -> list[Check]:
    slots = ctx.queue.health()
    found = [
        Check("workers", CheckState.OK, f"{slots.workers_alive} of {slots.workers} live, {slots.busy} busy")
    ]
    if slots.workers_alive < slots.workers:
        advice = "They are replaced within 30 s; see the log if they die again."
        found = [
            Check("workers", CheckState.FAIL, f"only {slots.workers_alive} of {slots.workers} live", advice)
        ]
    if ctx.draining:
        advice = "Restart the daemon, or go on: wacrmd drain --off"
        found.append(
            Check("drain", CheckState.WARN, "the daemon is draining: nothing is accepted or sent", advice)
        )
    return found


async def _graph(ctx: Context) -> list[Check]:
    """Whether Meta answers, and whether the clocks agree."""
    url = f"{ctx.config.meta.graph_url}/{ctx.config.meta.api_version}/"
    try:
        answer = await probe("GET", url, timeout_s=PROBE_S)
    except UnreachableError as error:
        advice = "Check the network, DNS and firewall of this machine, and [meta] graph_url."
        return [Check("reachable", CheckState.FAIL, f"{url} does not answer: {error}", advice)]
    found = [Check("reachable", CheckState.OK, f"{url} answers")]
    if answer.date is not None:
        found.append(_clock(ctx.clock.now() - answer.date))
    return found


def _clock(off: Millis) -> Check:
    """The finding about a clock that is so far ahead of Meta's. Pure."""
    seconds = abs(off) // SECOND
    if abs(off) < LIKELY_WRONG:
        return Check("clock", CheckState.OK, "agrees with Meta's")
    state = CheckState.FAIL if abs(off) >= SURELY_WRONG else CheckState.WARN
    way = "ahead of" if off > 0 else "behind"
    return Check(
        "clock", state, f"{seconds} s {way} Meta's", "Set up time synchronisation: timedatectl set-ntp true"
    )


async def _public_url(ctx: Context) -> list[Check]:
    """Whether Meta's two kinds of requests reach us through the proxy, and nothing else does."""
    given = ctx.config.webhooks.public_url
    if not given:
        detail = "not looked at from outside: [webhooks] public_url is not set"
        return [Check("public URL", CheckState.OK, detail)]
    parts = urlsplit(given)
    url = given if parts.path.strip("/") else given.rstrip("/") + ctx.config.webhooks.path
    query = {
        "hub.mode": "subscribe",
        "hub.verify_token": secrets.token_urlsafe(16),
        "hub.challenge": "1",
    }
    try:
        verification = await probe("GET", url, timeout_s=PROBE_S, params=query)
        event = await probe("POST", url, timeout_s=PROBE_S, content=b"{}")
        origin = urlunsplit((parts.scheme, parts.netloc, "/api/v1/me", "", ""))
        api = await probe("GET", origin, timeout_s=PROBE_S)
    except UnreachableError as error:
        advice = "Check the name, the certificate and the reverse proxy."
        return [Check("public URL", CheckState.FAIL, f"{url} does not answer: {error}", advice)]
    return [_verification(url, verification), _event(url, event), _exposure(api)]


def _verification(url: str, answer: Answer) -> Check:
    if answer.status == 403 and "verify token" in answer.text:  # noqa: PLR2004 - what webhooks/app.py answers
        return Check("verification", CheckState.OK, f"{url} reaches us")
    advice = "Let the reverse proxy pass GET with its query to [webhooks] bind, at [webhooks] path."
    return Check(
        "verification", CheckState.FAIL, f"GET {url} is answered {answer.status} by somebody else", advice
    )


def _event(url: str, answer: Answer) -> Check:
    if answer.status == 401 and "X-Hub-Signature-256" in answer.text:  # noqa: PLR2004 - as above
        return Check("events", CheckState.OK, "unsigned events reach us and are refused")
    advice = "Let the reverse proxy pass POST with its body and all headers to [webhooks] bind."
    return Check(
        "events", CheckState.FAIL, f"POST {url} is answered {answer.status} by somebody else", advice
    )


def _exposure(answer: Answer) -> Check:
    if answer.status == 401 and '"unauthorized"' in answer.text:  # noqa: PLR2004 - what the API answers
        advice = "Let the reverse proxy pass nothing but [webhooks] path, and to [webhooks] bind."
        return Check(
            "exposure", CheckState.FAIL, "the API for local apps can be reached from outside", advice
        )
    return Check("exposure", CheckState.OK, "the API cannot be reached from outside")


async def _number(ctx: Context, number: Number) -> list[Check]:
    found = await check_number(ctx, number)
    if number.hold is not None:
        advice = f"When the cause is gone: wacrmd number resume {number.phone_number_id}"
        found.insert(0, Check("paused", CheckState.WARN, number.hold.detail, advice))
    since = ctx.webhook_liveness.silent_since(number.id)
    now = ctx.clock.now()
    if since is not None and now - since >= SILENCE:
        found.append(
            Check(
                "silence",
                CheckState.WARN,
                f"it has been sending for {(now - since) // MINUTE} minutes and no status came",
                "Compare the webhook URL, the app secret and the field messages in Meta's app dashboard.",
            )
        )
    return found
