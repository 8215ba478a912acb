"""What the daemon does again and again, and how often."""

from functools import partial

from wacrmd.clock import MINUTE, SECOND
from wacrmd.dispatch.queue import DispatchQueue
from wacrmd.dispatch.scheduler import PeriodicJob, enqueue_due
from wacrmd.log import write_sums
from wacrmd.sender.sender import Sender
from wacrmd.services.audit import write_sums as write_audit_sums
from wacrmd.services.context import Context
from wacrmd.services.maintenance import data_subjects, retention
from wacrmd.services.maintenance.backups import DailyBackup
from wacrmd.services.maintenance.clock import ClockWatch, MetaTime
from wacrmd.services.maintenance.counts import keep_counts
from wacrmd.services.maintenance.integrity import IntegrityWatch
from wacrmd.services.maintenance.log_level import restore_log_level
from wacrmd.services.maintenance.restrictions import end_restrictions
from wacrmd.services.meta_events.ingest import store_notes
from wacrmd.services.statistics.sum_up import sum_up


def vital(ctx: Context, sender: Sender, queue: DispatchQueue, clock_watch: ClockWatch) -> list[PeriodicJob]:
    """Short jobs, without which nothing is sent: systemd restarts a daemon that does them no more."""

    async def replace_dead_workers() -> None:
        queue.replace_dead_workers()

    async def write_line_sums() -> None:
        write_sums()

    return [
        PeriodicJob("watch_clock", SECOND, clock_watch.run),
        PeriodicJob("ask_meta_for_time", SECOND, MetaTime(ctx).run),
        PeriodicJob("enqueue_due", SECOND, partial(enqueue_due, ctx)),
        PeriodicJob("check_lanes", SECOND, sender.check_lanes),
        PeriodicJob("expire_old_leases", 30 * SECOND, sender.expire_old_leases),
        PeriodicJob("replace_dead_workers", 30 * SECOND, replace_dead_workers),
        PeriodicJob("end_restrictions", 10 * SECOND, partial(end_restrictions, ctx)),
        PeriodicJob("restore_log_level", SECOND, partial(restore_log_level, ctx)),
        PeriodicJob("write_line_sums", SECOND, write_line_sums),
    ]


def maintenance(ctx: Context, integrity: IntegrityWatch) -> list[PeriodicJob]:
    """Jobs that may take minutes: they have a scheduler of their own."""
    return [
        PeriodicJob("check_database", 5 * SECOND, integrity.run),
        PeriodicJob("sum_up", 5 * SECOND, partial(sum_up, ctx)),
        PeriodicJob("prune", 10 * MINUTE, partial(retention.prune, ctx)),
        PeriodicJob("backup", MINUTE, DailyBackup(ctx).run),
        PeriodicJob("keep_counts", 5 * SECOND, partial(keep_counts, ctx)),
        PeriodicJob("store_notes", MINUTE, partial(store_notes, ctx)),
        PeriodicJob("store_key_uses", MINUTE, partial(ctx.key_uses.store, ctx.db)),
        PeriodicJob("sum_up_audit", MINUTE, partial(write_audit_sums, ctx)),
        PeriodicJob("empty_wal", 10 * SECOND, partial(data_subjects.empty_wal, ctx)),
    ]
