"""The check at the start of the daemon: whether what it needs to send is undamaged, within a limit of time."""

import sqlite3
from collections.abc import Callable, Iterator
from functools import partial

from wacrmd.store.check_run import CheckEndedError, CheckRun
from wacrmd.store.damage import Damage, examine, examine_table, tables

SMALL_FILE_BYTES = 8 << 20
"""A file up to this size is checked whole, which takes some 20 ms."""

_SMALL = (
    "setting",
    "account",
    "number",
    "app_secret",
    "api_key",
    "webhook_endpoint",
    "template",
    "pricing",
    "task",
)
"""Tables that everything needs, and that stay small."""

_UNFINISHED = (
    "SELECT b.id, b.status IS i.status AND length(b.name) + length(b.template_name) + length(b.number_id)"
    " + ifnull(length(b.content), 0) > 0 FROM (SELECT id, status FROM broadcast INDEXED BY broadcast_status"
    " WHERE status IN ('scheduled', 'sending', 'paused')) i LEFT JOIN broadcast b ON b.id = i.id"
)
_RECIPIENTS = (
    "SELECT total(r.id IS NULL OR r.broadcast_id IS NOT i.broadcast_id OR r.status IS NOT i.status),"
    " total(i.status = 'pending'), total(length(r.\"to\")), total(length(r.params)), total(length(r.content)), max(o.at)"
    " FROM (SELECT id, broadcast_id, status FROM recipient INDEXED BY recipient_count WHERE broadcast_id = ?) i"
    " LEFT JOIN recipient r ON r.id = i.id LEFT JOIN optout o ON o.person_id = r.person_id"
)
"""The recipients of a broadcast by the index of their statuses, each with its row and its opt-out."""
_PENDING = (
    "SELECT count(*) FROM recipient INDEXED BY recipient_due WHERE broadcast_id = ? AND status = 'pending'"
)
_IN_FLIGHT = "SELECT count(*) FROM recipient INDEXED BY recipient_in_flight WHERE status = 'sending'"


def check_open(run: CheckRun) -> Damage | None:
    """The damage in what unfinished broadcasts need; None if the time was too short to see all of it.

    A small file is checked whole. Of a large one are looked at the small tables, then unfinished broadcasts, their
    recipients and the opt-outs of these. Other broken pages are found when they are read, or by the daily check.
    """
    found = Damage()
    try:
        if run.path.stat().st_size <= SMALL_FILE_BYTES:
            return examine(run)
        for check in _checks(run):
            check(found)
            if found:
                break
    except CheckEndedError:
        return None
    return found


def _checks(run: CheckRun) -> Iterator[Callable[[Damage], None]]:
    present = set(tables(run))  # Huey's are made by the first start
    for table in filter(present.__contains__, _SMALL):
        yield partial(examine_table, run, table)
    try:
        unfinished = run.rows(_UNFINISHED)
    except sqlite3.DatabaseError:
        unfinished = [(None, 0)]
    if not all(is_whole for _, is_whole in unfinished):
        yield partial(examine_table, run, "broadcast")
    for broadcast_id, _ in unfinished:
        yield partial(_examine_recipients, run, broadcast_id)
    yield partial(examine_table, run, "broadcast")


def _examine_recipients(run: CheckRun, broadcast_id: int, found: Damage) -> None:
    """Check whether the recipients of a broadcast can be read, and the indexes that lead to them say the same."""
    try:
        ((wrong, pending, *_),) = run.rows(_RECIPIENTS, broadcast_id)
        ((due,),) = run.rows(_PENDING, broadcast_id)
        run.rows(_IN_FLIGHT)
    except sqlite3.DatabaseError:
        wrong, pending, due = 1, 0, 0
    if wrong or pending != due:
        for table in ("recipient", "optout"):
            examine_table(run, table, found)
