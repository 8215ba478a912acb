"""Integrity: the full check of the database for damage (`check-db`)."""

import anyio
import anyio.to_thread

from wacrmd.errors import DatabaseUnusableError, ErrorCode, Refusal
from wacrmd.services.context import Context
from wacrmd.store import integrity
from wacrmd.store.integrity import IntegrityReport
from wacrmd.views.maintenance import IntegrityView


async def check_db(ctx: Context) -> IntegrityView:
    """Check the whole database while the daemon works; raises Refusal for a file that cannot be read."""
    try:
        report = await anyio.to_thread.run_sync(integrity.check, ctx.db.path)
    except DatabaseUnusableError as error:
        raise Refusal(ErrorCode.UNAVAILABLE, str(error)) from error
    return report_view(report)


def report_view(report: IntegrityReport) -> IntegrityView:
    """The report as operators see it."""
    return IntegrityView(
        file=str(report.path),
        ok=not report.problems,
        schema=report.schema,
        bytes=report.size_bytes,
        problems=report.problems,
    )
