"""The recipients of a broadcast: a page of them, one with its history, and the export of all."""

from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import fields
from functools import partial
from operator import attrgetter
from typing import Any, get_type_hints

from anyio.lowlevel import checkpoint

from wacrmd.clock import Millis, iso
from wacrmd.domain.address import looked_up
from wacrmd.domain.billing import Conversation, Pricing
from wacrmd.domain.broadcast import Broadcast
from wacrmd.domain.csv_export import EXCEL_HEAD, csv_lines, escape_formula, excel_text
from wacrmd.domain.export_format import ExportFormat
from wacrmd.domain.page import Page, PageRequest, Position
from wacrmd.domain.phone_text import Unreadable
from wacrmd.domain.recipient import NO_CODE, Recipient, RecipientStatus
from wacrmd.errors import bad_request, not_found
from wacrmd.fields import is_time, name_in_json
from wacrmd.services.access.accounts import settings
from wacrmd.services.context import Context
from wacrmd.store import recipient_history, recipients
from wacrmd.store.database import Tx
from wacrmd.views.json import to_json
from wacrmd.views.recipients import MetaErrorView, RecipientDetails, RecipientView, shown_status

EXPORT_ROWS = 500
"""Rows that an export reads and writes at a time: 150 KiB, a few milliseconds of a reader's thread."""

Cell = Callable[[Any], object]
"""Makes a cell of a value."""


def _time_cell(at: Millis | None) -> str | None:
    return None if at is None else iso(at)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape_formula(value) if isinstance(value, str) else value


_FIRST = ("id", "to", "status", "wamid", "error")
"""The fields that an export begins with; the others follow in the order of the view."""

_OBJECTS = {"error": MetaErrorView, "pricing": Pricing, "conversation": Conversation}
"""The fields that are objects."""

_TEXTS = (_cell, str)
"""The writers of texts as they are; Excel would make numbers of some."""

_CELLS: dict[str, Cell] = {
    "to": str,  # never a formula: `+` and digits, or a user id
    "status": shown_status,
}


def _columns() -> Iterator[tuple[str, str, Cell]]:
    """For each column its name, the attribute of a recipient, and what makes the cell; an object has a column a part."""
    hints = get_type_hints(RecipientView, include_extras=True)
    order = {name: place for place, name in enumerate(_FIRST)}
    for each in sorted(fields(RecipientView), key=lambda field: order.get(field.name, len(order))):
        if each.name in _OBJECTS:
            parts = get_type_hints(_OBJECTS[each.name], include_extras=True)
            for part, hint in parts.items():
                yield f"{each.name}_{part}", f"{each.name}_{part}", _time_cell if is_time(hint) else _cell
        else:
            cell = _time_cell if is_time(hints[each.name]) else _CELLS.get(each.name, _cell)
            yield name_in_json(each), each.name, cell


COLUMNS, _ATTRIBUTES, _WRITERS = zip(*_columns(), strict=True)
"""The columns of the CSV export: every field of a recipient that callers see."""

_values = attrgetter(*_ATTRIBUTES)


async def page(
    ctx: Context,
    broadcast: Broadcast,
    status: RecipientStatus | None,
    request: PageRequest,
    *,
    code: int | None = None,
) -> Page[RecipientView]:
    """A page of a broadcast's recipients, newest first; with `code` those that failed with it, or with `NO_CODE`.

    Raises Refusal for a code with another status than `failed`.
    """
    status = _status_of(status, code)
    wanted = partial(recipients.page, status=status)
    if code is not None:
        wanted = partial(recipients.failed_with, code=code)
    before = request.after.id if request.after else None
    found = await ctx.db.read(partial(wanted, broadcast_id=broadcast.id, before=before, limit=request.rows))
    return Page.of(found, request, RecipientView.of, lambda row: Position(broadcast.created_at, row.id))


def _status_of(status: RecipientStatus | None, code: int | None) -> RecipientStatus | None:
    if code is not None and status not in (None, RecipientStatus.FAILED):
        raise bad_request("code: it goes with those that failed only")
    return status if code is None else RecipientStatus.FAILED


async def show(ctx: Context, broadcast: Broadcast, recipient_id: int) -> RecipientDetails:
    """One recipient with its history; raises Refusal if it is not of this broadcast."""

    def work(tx: Tx) -> RecipientDetails:
        recipient = recipients.get(tx, broadcast.id, recipient_id)
        if recipient is None:
            raise not_found("Recipient")
        return RecipientDetails.with_history(recipient, recipient_history.of_recipient(tx, recipient_id))

    return await ctx.db.read(work)


async def show_address(ctx: Context, broadcast: Broadcast, to: str) -> RecipientDetails:
    """The recipient with this phone number or user id, with its history; raises Refusal if there is none."""
    address = looked_up(to, (await settings(ctx, broadcast.account_id)).default_country)
    if isinstance(address, Unreadable):
        raise bad_request(f"to: {to!r} {address.detail}")
    found = await ctx.db.read(partial(recipients.to_address, broadcast_id=broadcast.id, address=address))
    if found is None:
        raise not_found(f"Recipient {to!r} of this broadcast")
    return await show(ctx, broadcast, found)


async def export(
    ctx: Context,
    broadcast: Broadcast,
    form: ExportFormat,
    status: RecipientStatus | None = None,
    *,
    code: int | None = None,
    excel: bool = False,
) -> AsyncGenerator[bytes, None]:
    """All recipients in the order of the request, in pieces of `EXPORT_ROWS`, so that memory use is bounded.

    `code` is that of `page`. Each piece is read when it is needed, so later pieces show later changes. `excel` is for
    CSV alone.
    """
    write = _json_lines if form is ExportFormat.JSONL else excel_rows if excel else csv_rows
    status = _status_of(status, code)
    if form is ExportFormat.CSV:
        yield ((EXCEL_HEAD if excel else "") + csv_lines([COLUMNS])).encode()
    after: int | None = 0
    while after is not None:
        piece, after = await ctx.db.read(
            partial(_piece, broadcast_id=broadcast.id, status=status, code=code, after=after, write=write)
        )
        await (
            checkpoint()
        )  # a read is shielded from cancellation: here the export of a client that has left ends
        if piece:
            yield piece


def _piece(
    tx: Tx,
    *,
    broadcast_id: int,
    status: RecipientStatus | None,
    code: int | None,
    after: int,
    write: Callable[[list[Recipient]], bytes],
) -> tuple[bytes, int | None]:
    """The next piece of an export, and the id after which the piece after it begins; None at the end."""
    found = recipients.following(tx, broadcast_id, status=status, after=after, limit=EXPORT_ROWS)
    chosen = [each for each in found if code is None or (each.error_code or NO_CODE) == code]
    return write(chosen), found[-1].id if len(found) == EXPORT_ROWS else None


def _json_lines(found: list[Recipient]) -> bytes:
    return b"".join(to_json(RecipientView.of(recipient)) + b"\n" for recipient in found)


def csv_rows(found: list[Recipient]) -> bytes:
    """The lines of these recipients in a CSV export."""
    return csv_lines(
        [cell(value) for cell, value in zip(_WRITERS, _values(recipient), strict=True)] for recipient in found
    ).encode()


def excel_rows(found: list[Recipient]) -> bytes:
    """The lines of these recipients in a CSV export for Excel."""
    return csv_lines(
        [
            excel_text(value) if cell in _TEXTS and isinstance(value, str) else cell(value)
            for cell, value in zip(_WRITERS, _values(recipient), strict=True)
        ]
        for recipient in found
    ).encode()
