"""Integrity: looks for damage of the database at the start, once a day, and when asked (`check-db`)."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

from wacrmd.clock import DAY, MINUTE, SECOND, Millis
from wacrmd.errors import DatabaseUnusableError, ErrorCode, Refusal
from wacrmd.log import get_logger
from wacrmd.services.context import Context
from wacrmd.store import integrity
from wacrmd.store.check_run import CheckEndedError, CheckRun
from wacrmd.store.damage import Damage
from wacrmd.store.database import Database
from wacrmd.store.integrity import IntegrityReport, LastCheck
from wacrmd.store.log_check import check_complete
from wacrmd.store.open_check import check_open
from wacrmd.store.outage import Cause
from wacrmd.views.maintenance import IntegrityView

START_CHECK_S = 0.3
"""How long the look at what is open may hold up a start; what is left then is looked at in the background."""
EVERY: Millis = DAY
"""How long after a full check the next one is made, at a quiet moment."""
AT_THE_LATEST: Millis = 2 * DAY
"""How long after it a quiet moment is waited for."""
NOT_BEFORE: Millis = 10 * MINUTE
"""How long after a start no moment is quiet: there is enough to do."""

T = TypeVar("T")

log = get_logger(__name__)


async def look_at_open(database: Database, within_s: float | None = START_CHECK_S) -> bool:
    """Look for damage in what unfinished broadcasts need; whether there was time for all of it.

    What is found holds everything: `Database.damaged`.
    """
    try:
        damage = await _in_thread(database, check_open, within_s)
    except DatabaseUnusableError as error:
        database.damaged(str(error))
        return True
    if damage:
        _found(database, damage)
    return damage is not None


async def check(ctx: Context) -> IntegrityReport:
    """Check the whole file and keep the result. Damage holds everything. Raises DatabaseUnusableError, StorageError."""
    ctx.db.check_file()
    began = time.monotonic()
    report = await _in_thread(ctx.db, integrity.check_whole)
    if report.damage:
        _found(ctx.db, report.damage)
    elif report.problems:
        log.error("database_problems_found", problems=report.problems)
    duration_ms = round((time.monotonic() - began) * SECOND)
    result = LastCheck(ctx.clock.now(), duration_ms, report.problems)
    await ctx.db.record(partial(integrity.set_last_check, check=result))
    return report


async def look_again(ctx: Context) -> None:
    """Check the whole file now; what is broken holds everything. Raises StorageError if the result cannot be stored."""
    try:
        await check(ctx)
    except DatabaseUnusableError as error:
        ctx.db.damaged(str(error))


async def check_db(ctx: Context) -> IntegrityView:
    """Check the whole database while the daemon works; raises Refusal for a file that cannot be read."""
    try:
        return view_of(await check(ctx))
    except DatabaseUnusableError as error:
        raise Refusal(ErrorCode.UNAVAILABLE, str(error)) from error


def check_file(path: Path) -> IntegrityView:
    """Check a database file, which may be in use.

    Raises DatabaseUnusableError for one that is not wacrmd's, or has lost its newest writes.
    """
    check_complete(path)
    return view_of(integrity.check(path))


def view_of(report: IntegrityReport) -> IntegrityView:
    """The result of a check as callers see it."""
    return IntegrityView(
        file=str(report.path),
        ok=not report.problems,
        schema=report.schema,
        bytes=report.size_bytes,
        problems=report.problems,
        advice=report.damage.advice if report.damage else None,
    )


class IntegrityWatch:
    """Looks for damage while the daemon runs; a periodic job.

    `is_complete`: whether the start had time to look at all that is open.
    """

    def __init__(self, ctx: Context, *, is_complete: bool) -> None:
        self._ctx = ctx
        self._is_complete = is_complete
        self._is_named = False
        self._has_checked = False
        self._started_at = ctx.clock.monotonic()

    async def run(self) -> None:
        """Do what is due. Raises StorageError if the result cannot be stored; it is made again then."""
        database = self._ctx.db
        if Cause.NO_FILE in database.outages:
            return
        if database.is_damaged:
            if not self._is_named:
                self._is_named = True
                await self._check()
        elif not self._is_complete:
            self._is_complete = await look_at_open(database, None)
        elif await self._is_due():
            await self._check()

    async def _check(self) -> None:
        self._has_checked = True
        await look_again(self._ctx)

    async def _is_due(self) -> bool:
        ctx = self._ctx
        last, now = await ctx.db.read(integrity.last_check), ctx.clock.now()
        if last is not None and last.problems and not self._has_checked:
            return True  # it may have been repaired
        if last is not None and last.at > now:
            last = None  # the clock was wrong then, or is now
        running = ctx.clock.monotonic() - self._started_at
        age = now - last.at if last else running
        is_quiet = not ctx.throughput.in_flight and running >= NOT_BEFORE
        return age >= AT_THE_LATEST or (is_quiet and (last is None or age >= EVERY))


def _found(database: Database, damage: Damage) -> None:
    database.damaged(damage.advice)
    log.error("database_problems_found", problems=damage.problems)


async def _in_thread(
    database: Database, examine: Callable[[CheckRun], T], within_s: float | None = None
) -> T:
    """Examine the file on a connection of its own; a cancellation ends that at once. Raises DatabaseUnusableError."""
    runs: list[CheckRun] = []
    found: list[T | DatabaseUnusableError] = []

    def work() -> None:
        try:
            with suppress(CheckEndedError), CheckRun(database.path, within_s) as run:
                runs.append(run)
                found.append(examine(run))
        except sqlite3.Error as error:
            found.append(integrity.unusable(database.path, error))
        except DatabaseUnusableError as error:
            found.append(error)

    async def end_when_cancelled() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            for run in runs:
                run.end()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(end_when_cancelled)
        await anyio.to_thread.run_sync(work)
        tasks.cancel_scope.cancel()
    if not found:
        await anyio.lowlevel.checkpoint()  # it was ended by a cancellation, which is raised here
    if isinstance(found[0], DatabaseUnusableError):
        raise found[0]
    return found[0]
