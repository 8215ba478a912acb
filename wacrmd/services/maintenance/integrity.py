"""Integrity: the full check of the database for damage (`check-db`)."""

from pathlib import Path

import anyio
import anyio.to_thread

from wacrmd.errors import DatabaseUnusableError, ErrorCode, Refusal
from wacrmd.services.context import Context
from wacrmd.store import integrity
from wacrmd.views.maintenance import IntegrityView


async def check_db(ctx: Context) -> IntegrityView:
    """Check the whole database while the daemon works; raises Refusal for a file that cannot be read."""
    try:
        return await anyio.to_thread.run_sync(check_file, ctx.db.path)
    except DatabaseUnusableError as error:
        raise Refusal(ErrorCode.UNAVAILABLE, str(error)) from error


def check_file(path: Path) -> IntegrityView:
    """Check a database file, which may be in use; raises DatabaseUnusableError for one that is not wacrmd's."""
    report = integrity.check(path)
    return IntegrityView(
        file=str(report.path),
        ok=not report.problems,
        schema=report.schema,
        bytes=report.size_bytes,
        problems=report.problems,
    )
