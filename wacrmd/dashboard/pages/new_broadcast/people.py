"""The second step: a file of people, what its columns mean, and what is wrong with it before anything is sent."""

from collections.abc import Mapping
from itertools import groupby, zip_longest
from operator import attrgetter
from tempfile import TemporaryFile
from typing import IO, Any

import anyio.to_thread
from starlette.responses import RedirectResponse, Response

from wacrmd.dashboard.downloads import csv_file
from wacrmd.dashboard.forms import Form, errors_by_field, read_form, whole_number
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.new_broadcast.steps import (
    Draft,
    address,
    draft_of,
    edited,
    lead_to,
    step_page,
    waits,
)
from wacrmd.dashboard.render import page
from wacrmd.domain.draft import DraftState, FileFormat, Which
from wacrmd.domain.phone import NO_COUNTRY
from wacrmd.errors import ERRORS, Refusal, bad_request
from wacrmd.http.uploads import descriptor_of
from wacrmd.services.drafts.uploads import MAX_FILE_BYTES
from wacrmd.views.drafts import DraftColumns

MAX_PASTE_BYTES = 16 << 20
PASTED = "pasted list"
SAMPLES = 3
"""Rows of a file that are shown to who says what its columns mean."""
SAME_FOR_ALL = "text"
"""What a person chooses for a placeholder that no column fills."""

_WORDS = {
    Which.LEFT_OUT: "left-out",
    Which.REJECTED: "rejected",
    Which.DUPLICATES: "duplicates",
    Which.OPTED_OUT: "opted-out",
    Which.GUESSED: "guessed-countries",
}


async def show(visit: Visit, draft: Draft) -> Response:
    """The file, its columns, and the result of the check."""
    return await _page(visit, draft)


async def take_file(visit: Visit, draft: Draft) -> Response:
    """Take a file or a pasted list, in place of the one before or in addition to it."""
    pasted, add = "", False
    try:
        async with visit.uploads.read(
            visit.request, visit.visitor.key, limit=MAX_FILE_BYTES, field_limit=MAX_PASTE_BYTES
        ) as upload:
            pasted = upload.fields.get("pasted", "").strip()
            add = draft.view.file is not None and upload.fields.get("add") == "1"
            if upload.file is not None:
                descriptor = await anyio.to_thread.run_sync(descriptor_of, upload.file.file)
                await _give(visit, draft, descriptor, upload.name, add=add)
            elif pasted:
                with TemporaryFile() as file:
                    await anyio.to_thread.run_sync(_write, file, pasted)
                    await _give(visit, draft, file.fileno(), PASTED, add=add)
            else:
                raise bad_request("file: choose a file, or paste a list")
    except Refusal as refusal:
        return await _page(visit, await draft_of(visit), refusal, pasted=pasted, add=add)
    return RedirectResponse(address(draft.view.uuid, "people"), status_code=303)


async def _give(visit: Visit, draft: Draft, descriptor: int, name: str, *, add: bool) -> None:
    await visit.perform_with_file(
        "draft.upload", descriptor, id=str(draft.view.uuid), name=name[:200], add=add or None
    )


def _write(file: IO[bytes], text: str) -> None:
    file.write(text.encode())
    file.flush()


async def check(visit: Visit, draft: Draft) -> Response:
    """Take over what the columns mean, and check the list."""
    form = await read_form(visit.request)
    try:
        if draft.view.file is not None and draft.view.file.format is FileFormat.CSV:
            await visit.perform("draft.change", id=str(draft.view.uuid), mapping=_mapping(form))
        await visit.perform("draft.check", id=str(draft.view.uuid))
    except Refusal as refusal:
        return await _page(visit, await draft_of(visit), refusal, form)
    return RedirectResponse(address(draft.view.uuid, "people") + "#check", status_code=303)


def _mapping(form: Form) -> Mapping[str, Any]:
    """What a person chose: `fill.KEY` is a column's number or `text`, and then `text.KEY` is the text."""
    fills: dict[str, Any] = {}
    for name, chosen in form.items():
        kind, _, key = name.partition(".")
        if kind != "fill" or not chosen:
            continue
        if chosen == SAME_FOR_ALL:
            if text := form.get(f"text.{key}", "").strip():
                fills[key] = {"value": text}
        elif (column := whole_number(chosen)) is not None:
            fills[key] = {"column": column}
        else:
            raise bad_request(f"{name}: choose a column")
    given: dict[str, Any] = {"fills": fills}
    if (phone := form.text("phone")) is not None:
        if (column := whole_number(phone)) is None:
            raise bad_request("phone: choose the column with the phone numbers")
        given["phone"] = column
    if country := form.text("country"):
        given["country"] = country
    return given


async def progress(visit: Visit) -> Response:
    """How far the check is; when it has ended, the page is loaded again."""
    draft = await draft_of(visit)
    if draft.view.state is not DraftState.CHECKING:
        return Response(headers={"HX-Refresh": "true"})
    return page(
        "new/checking.html",
        draft=draft.view,
        here_draft=address(draft.view.uuid),
        waits=waits(visit, draft.view),
    )


async def download(visit: Visit, draft: Draft) -> Response:
    """The lines that get no message, as a CSV file with the reasons; it can be corrected and uploaded again."""
    which = visit.param("which") or Which.LEFT_OUT
    if which not in _WORDS:
        raise bad_request(f"which: expected {', '.join(_WORDS)}")
    lines = visit.stream("draft.left-out", id=str(draft.view.uuid), which=which, plain=True)
    return await csv_file(f"{_WORDS[Which(which)]}.csv", lines)


async def _page(
    visit: Visit,
    draft: Draft,
    refusal: Refusal | None = None,
    form: Form | None = None,
    *,
    pasted: str = "",
    add: bool = False,
) -> Response:
    columns: DraftColumns = await visit.perform("draft.columns", id=str(draft.view.uuid))
    fields = {"file", "phone", "country"} | {f"fill.{each.key}" for each in columns.placeholders or ()}
    return step_page(
        visit,
        draft,
        "people",
        status=200 if refusal is None else ERRORS[refusal.code].status,
        errors=errors_by_field(refusal, fields) if refusal is not None else _hints(draft),
        columns=columns,
        lacks_header=columns.header is not None and not (draft.content.header or draft.content.components),
        samples=_samples(columns),
        placeholders=[
            (text, list(group)) for text, group in groupby(columns.placeholders or (), key=attrgetter("text"))
        ],
        pasted=pasted,
        add=add,
        chosen=form if form is not None else _chosen(columns),
        most=visit.ctx.config.limits.max_upload_recipients,
    )


def _hints(draft: Draft) -> Mapping[str, str]:
    """What the check found that a field of the form mends."""
    found = draft.view.check.rejections if draft.view.check is not None else ()
    if draft.view.mapping.country is None and any(NO_COUNTRY in each.message for each in found):
        return {"country": "Numbers of this list have no country code: say here of which country they are"}
    return {}


def _samples(columns: DraftColumns) -> list[tuple[str, ...]]:
    """The first rows of the file."""
    by_column = [each.samples for each in columns.file.columns] if columns.file is not None else []
    return list(zip_longest(*by_column, fillvalue=""))[:SAMPLES]


def _chosen(columns: DraftColumns) -> Mapping[str, str]:
    """The mapping as the fields of the form have it."""
    mapping = columns.mapping
    chosen = {"phone": str(mapping.phone or ""), "country": mapping.country or ""}
    for key, fill in mapping.fills.items():
        chosen[f"fill.{key}"] = str(fill.column) if fill.column is not None else SAME_FOR_ALL
        chosen[f"text.{key}"] = fill.value or ""
    return chosen


PAGES: tuple[Row, ...] = (
    ("GET", "/broadcasts/new/{id}/people", edited(show)),
    ("POST", "/broadcasts/new/{id}/people", edited(check)),
    ("GET", "/broadcasts/new/{id}/people/file", lead_to("people")),
    ("POST", "/broadcasts/new/{id}/people/file", edited(take_file)),
    ("GET", "/broadcasts/new/{id}/people/progress", progress),
    ("GET", "/broadcasts/new/{id}/people/left-out.csv", edited(download)),
)
