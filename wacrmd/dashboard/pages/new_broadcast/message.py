"""The third step: the message as each person gets it, what is the same for all, and a test to a number of one's own."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import anyio.to_thread
from starlette.responses import Response

from wacrmd.dashboard.forms import Form, errors_by_field, read_form, whole_number
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.new_broadcast.steps import Draft, address, edited, lead_to, step_page
from wacrmd.domain.bubble import bubble_of, example_of
from wacrmd.domain.draft import DraftState
from wacrmd.domain.media import ID, MIME_TYPES, name_of
from wacrmd.domain.template import TemplateContent
from wacrmd.errors import ERRORS, ErrorCode, Refusal, bad_request
from wacrmd.http.uploads import descriptor_of
from wacrmd.views.drafts import DraftColumns, DraftRow
from wacrmd.views.media import MediaDetails, MediaView

MEDIA = ("image", "video", "document")
PLACE = ("latitude", "longitude", "name", "address")


async def show(visit: Visit, draft: Draft) -> Response:
    """The message of one person, who can be stepped through."""
    return await _page(visit, draft)


async def set_header(visit: Visit, draft: Draft) -> Response:
    """Set the picture, video, document or place above the text."""
    form = await read_form(visit.request)
    columns: DraftColumns = await visit.perform("draft.columns", id=str(draft.view.uuid))
    if columns.header is None:
        raise bad_request("This template has no picture, video, document or place above its text")
    try:
        await visit.perform(
            "draft.change", id=str(draft.view.uuid), header={columns.header: _header(columns.header, form)}
        )
    except Refusal as refusal:
        return await _page(visit, draft, refusal, form)
    return visit.done(
        address(draft.view.uuid, "people"), "The message has changed: check the list once more."
    )


async def take_file(visit: Visit, draft: Draft) -> Response:
    """Take a picture, a video or a document from a file, and set it above the text."""
    columns: DraftColumns = await visit.perform("draft.columns", id=str(draft.view.uuid))
    kind = columns.header
    if kind not in MEDIA:
        raise bad_request("This template has no picture, video or document above its text")
    form: Form | None = None
    try:
        limit = visit.ctx.config.limits.max_media_bytes
        async with visit.uploads.read(
            visit.request, visit.visitor.key, limit=limit, advice="save it smaller"
        ) as upload:
            form = Form(upload.fields.items())
            made: MediaView = await visit.perform_with_file(
                "media.upload",
                await anyio.to_thread.run_sync(descriptor_of, upload.chosen().file),
                account=draft.view.account,
                name=name_of(upload.name),
                kind=kind,
                **{"from": draft.view.number_id},
            )
        await visit.perform(
            "draft.change", id=str(draft.view.uuid), header={kind: {"id": made.uuid, **_filename(kind, form)}}
        )
    except Refusal as refusal:
        return await _page(visit, draft, refusal, form)
    return visit.done(
        address(draft.view.uuid, "people"),
        f"The message has {made.file_name} above its text: check the list once more.",
    )


def _filename(kind: str, form: Form) -> Mapping[str, str]:
    """The name of a document as people see it, if one was typed."""
    filename = form.text("filename")
    return {"filename": filename} if kind == "document" and filename is not None else {}


def _header(kind: str, form: Form) -> Mapping[str, Any]:
    """The header as the API takes it."""
    if kind not in MEDIA:
        place: dict[str, Any] = {name: value for name in PLACE if (value := form.text(name)) is not None}
        for name in ("latitude", "longitude"):
            try:
                place[name] = float(place[name])
            except (KeyError, ValueError):
                raise bad_request(f"{name}: expected a number such as 52.52") from None
        return place
    link, media_id = form.text("link"), form.text("media_id")
    if (link is None) == (media_id is None):
        raise bad_request("link: give either a link, or the id of a file that Meta has")
    if media_id is not None and not (media_id.isascii() and media_id.isdecimal()):
        raise bad_request("media_id: this is no id of Meta's, which has only digits")
    media = {"link": link} if link is not None else {"id": media_id}
    return {**media, **_filename(kind, form)}


async def send_test(visit: Visit, draft: Draft) -> Response:
    """Send the message that is shown to a number of one's own."""
    form = await read_form(visit.request)
    row = _row(form.text("row"))
    try:
        to = form.text("to")
        if to is None:
            raise bad_request("to: give a number of your own, with its country, such as +49 151 23456789")
        sent = await visit.perform(
            "draft.test", id=str(draft.view.uuid), row=row - 1, to=to, key=form.text("once")
        )
    except Refusal as refusal:
        return await _page(visit, draft, refusal, form, row=row)
    back = address(draft.view.uuid, "message") + f"?row={row}"
    return visit.done(back, f"The test goes to {sent.to}. The list of broadcasts has it under its own name.")


async def _page(
    visit: Visit,
    draft: Draft,
    refusal: Refusal | None = None,
    form: Form | None = None,
    row: int | None = None,
) -> Response:
    columns: DraftColumns = await visit.perform("draft.columns", id=str(draft.view.uuid))
    person, at = None, None
    if draft.view.state is DraftState.CHECKED and draft.view.check is not None and draft.view.check.accepted:
        wanted = _row(visit.param("row")) if row is None else row
        at = min(wanted, draft.view.check.accepted) - 1
        person = await _person(visit, draft, at)
    fields = {"to", "file", "link", "media_id", "filename", *PLACE}
    file = await _file(visit, draft, columns.header)
    return step_page(
        visit,
        draft,
        "message",
        status=200 if refusal is None else ERRORS[refusal.code].status,
        errors=errors_by_field(refusal, fields) if refusal is not None else {},
        columns=columns,
        person=person,
        at=at,
        shown=_bubble(draft, person, file),
        file=file,
        types=",".join(name for name, kind in MIME_TYPES.items() if kind == columns.header),
        form=form if form is not None else _typed(draft, columns),
        media=MEDIA,
        once=secrets.token_urlsafe(12),
    )


async def _person(visit: Visit, draft: Draft, at: int) -> DraftRow | None:
    """What this person gets; None for one whose data were erased since the check."""
    try:
        found: DraftRow = await visit.perform("draft.row", id=str(draft.view.uuid), row=at)
    except Refusal as refusal:
        if refusal.code is not ErrorCode.NOT_FOUND:
            raise
        return None
    return found


async def _file(visit: Visit, draft: Draft, kind: str | None) -> MediaDetails | None:
    """The file that is chosen for everybody, if it is one of wacrmd's."""
    given = ((draft.content.header or {}).get(kind or "") or {}).get("id")
    if not isinstance(given, str) or not ID.fullmatch(given):
        return None
    try:
        found: MediaDetails = await visit.perform("media.show", id=given)
    except Refusal as refusal:
        if refusal.code is not ErrorCode.NOT_FOUND:
            raise
        return None
    return found


def _bubble(draft: Draft, person: DraftRow | None, file: MediaDetails | None) -> Any:
    if draft.template is None:
        return None
    if person is not None:
        content = TemplateContent(
            params=person.params, header=person.header, buttons=person.buttons, components=person.components
        )
    else:
        content = (example_of(draft.template) or TemplateContent()).over(draft.content)
    given = (content.header or {}).get(file.kind) if file is not None else None
    if file is not None and isinstance(given, dict) and given.get("id") == file.uuid:
        content = replace(content, header={file.kind: {"name": file.file_name, **given}})
    return bubble_of(draft.template.components, content)


def _typed(draft: Draft, columns: DraftColumns) -> Mapping[str, str]:
    """The header of the draft as the fields of the form have it."""
    given = (draft.content.header or {}).get(columns.header or "") or {}
    if ID.fullmatch(str(given.get("id", ""))):
        given = {name: value for name, value in given.items() if name != "id"}  # it is shown as a file
    return {("media_id" if name == "id" else name): str(value) for name, value in given.items()}


def _row(text: str | None) -> int:
    """The number of a person, from 1."""
    if text is None:
        return 1
    if not (row := whole_number(text)):
        raise bad_request("row: expected the number of a person, from 1")
    return row


PAGES: tuple[Row, ...] = (
    ("GET", "/broadcasts/new/{id}/message", edited(show)),
    ("GET", "/broadcasts/new/{id}/message/header", lead_to("message")),
    ("POST", "/broadcasts/new/{id}/message/header", edited(set_header)),
    ("GET", "/broadcasts/new/{id}/message/file", lead_to("message")),
    ("POST", "/broadcasts/new/{id}/message/file", edited(take_file)),
    ("GET", "/broadcasts/new/{id}/message/test", lead_to("message")),
    ("POST", "/broadcasts/new/{id}/message/test", edited(send_test)),
)
