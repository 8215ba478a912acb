"""The people of a broadcast as callers see them: pages, one with its history, and the whole as a stream."""

from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

import orjson
from anyio.lowlevel import checkpoint

from wacrmd.clock import iso
from wacrmd.domain.address import normalize_address
from wacrmd.domain.broadcast import Broadcast
from wacrmd.domain.csv_file import csv_lines, escape_formula
from wacrmd.domain.export_format import ExportFormat
from wacrmd.domain.history import HistoryEntry
from wacrmd.domain.recipient import Recipient, RecipientStatus
from wacrmd.errors import not_found
from wacrmd.services.context import Context
from wacrmd.services.views import time
from wacrmd.store import recipient_history, recipients
from wacrmd.store.database import Tx

EXPORT_ROWS = 500
"""Rows that are read and written at a time: some 150 KiB, a few milliseconds of a reader's thread."""

COLUMNS = (
    "id",
    "to",
    "status",
    "whatsapp_message_id",
    "error_code",
    "error_title",
    "error_details",
    "attempts",
    "sent_at",
    "delivered_at",
    "read_at",
    "replied_at",
    "failed_at",
)
"""The columns of the CSV export."""


def recipient_view(recipient: Recipient) -> dict[str, Any]:
    """A recipient as callers see it (docs/api.md, Recipients); one whose attempt is in flight is `pending` to callers."""
    error = None
    if recipient.error_code is not None or recipient.error_title is not None:
        error = {
            "code": recipient.error_code,
            "title": recipient.error_title,
            "details": recipient.error_details,
        }
    return {
        "id": recipient.id,
        "to": recipient.to,
        "status": _shown(recipient.status),
        "whatsapp_message_id": recipient.wamid,
        "error": error,
        "attempts": recipient.attempts,
        "sent_at": time(recipient.sent_at),
        "delivered_at": time(recipient.delivered_at),
        "read_at": time(recipient.read_at),
        "replied_at": time(recipient.replied_at),
        "failed_at": time(recipient.failed_at),
    }


def _shown(status: RecipientStatus) -> RecipientStatus:
    return RecipientStatus.PENDING if status is RecipientStatus.SENDING else status


async def list_recipients(
    ctx: Context, broadcast: Broadcast, *, status: RecipientStatus | None, before: int | None, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """A page of a broadcast's recipients, newest first, and the id under which the next page begins."""
    found = await ctx.db.read(
        partial(recipients.page, broadcast_id=broadcast.id, status=status, before=before, limit=limit + 1)
    )
    more, found = len(found) > limit, found[:limit]
    return [recipient_view(recipient) for recipient in found], found[-1].id if more else None


async def show_recipient(ctx: Context, broadcast: Broadcast, recipient_id: int) -> dict[str, Any]:
    """One recipient with its history. Refuses one that is not of this broadcast as not found."""

    def work(tx: Tx) -> dict[str, Any]:
        recipient = recipients.get(tx, broadcast.id, recipient_id)
        if recipient is None:
            raise not_found("Recipient")
        events = [_event(entry) for entry in recipient_history.of_recipient(tx, recipient_id)]
        waits = recipient.status is RecipientStatus.PENDING and recipient.attempts > 0
        return {
            **recipient_view(recipient),
            "next_attempt_at": time(recipient.next_attempt_at) if waits else None,
            "history": events,
        }

    return await ctx.db.read(work)


async def find_recipient(ctx: Context, broadcast: Broadcast, to: str) -> dict[str, Any]:
    """The recipient of a broadcast with this number or user id, with its history. Refuses an unknown one."""
    address = normalize_address(to)
    found = None
    if address is not None:
        found = await ctx.db.read(partial(recipients.to_address, broadcast_id=broadcast.id, address=address))
    if found is None:
        raise not_found(f"Recipient {to!r} of this broadcast")
    return await show_recipient(ctx, broadcast, found)


def _event(entry: HistoryEntry) -> dict[str, Any]:
    """One line of a history: an attempt with its outcome, or a status that Meta told."""
    error = entry.error
    return {
        "event": entry.event,
        "at": iso(entry.at),
        "attempt": entry.attempt,
        "started_at": time(entry.started_at),
        "outcome": entry.outcome,
        "note": entry.note,
        "error": {"code": error.code, "title": error.title, "details": error.details} if error else None,
    }


async def export(
    ctx: Context, broadcast: Broadcast, form: ExportFormat, status: RecipientStatus | None = None
) -> AsyncGenerator[bytes, None]:
    """All recipients in the order of the request, a few hundred at a time: memory does not grow with them.

    Each piece is read when the one before it has been taken, so what changes meanwhile shows in later pieces.
    """
    write = _csv_rows if form is ExportFormat.CSV else _json_lines
    if form is ExportFormat.CSV:
        yield ",".join(COLUMNS).encode() + b"\r\n"
    after: int | None = 0
    while after is not None:
        piece, after = await ctx.db.read(
            partial(_piece, broadcast_id=broadcast.id, status=status, after=after, write=write)
        )
        await checkpoint()  # a read is shielded: without this a stream whose reader has gone would go on
        if piece:
            yield piece


def _piece(
    tx: Tx,
    *,
    broadcast_id: int,
    status: RecipientStatus | None,
    after: int,
    write: Callable[[list[Recipient]], bytes],
) -> tuple[bytes, int | None]:
    """The next piece of an export, written on the reader's thread, and after which id the one after it begins."""
    found = recipients.following(tx, broadcast_id, status=status, after=after, limit=EXPORT_ROWS)
    return write(found), found[-1].id if len(found) == EXPORT_ROWS else None


def _json_lines(found: list[Recipient]) -> bytes:
    return b"".join(
        orjson.dumps(recipient_view(recipient), option=orjson.OPT_APPEND_NEWLINE) for recipient in found
    )


def _csv_rows(found: list[Recipient]) -> bytes:
    return csv_lines(_cells(recipient) for recipient in found).encode()


def _cells(recipient: Recipient) -> tuple[object, ...]:
    return (
        recipient.id,
        recipient.to,  # checked when it was accepted: `+` and digits, or a user id
        _shown(recipient.status),
        escape_formula(recipient.wamid or ""),
        recipient.error_code,
        escape_formula(recipient.error_title or ""),
        escape_formula(recipient.error_details or ""),
        recipient.attempts,
        time(recipient.sent_at),
        time(recipient.delivered_at),
        time(recipient.read_at),
        time(recipient.replied_at),
        time(recipient.failed_at),
    )
