"""The files for the headers of messages: list, upload, remove."""

from collections.abc import Mapping
from typing import Any

import anyio.to_thread
from starlette.responses import Response

from wacrmd.dashboard.forms import Form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.accounts import account_names
from wacrmd.dashboard.pages.upload_page import UploadPage
from wacrmd.dashboard.render import isolated, short_name
from wacrmd.domain.media import LARGEST, MIME_TYPES, name_of
from wacrmd.errors import Refusal
from wacrmd.http.uploads import Upload, descriptor_of
from wacrmd.views.media import MediaDetails, MediaView
from wacrmd.views.numbers import AccountNumber

FORMS: Mapping[str, str] = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "video/mp4": "MP4",
    "video/3gpp": "3GP",
    "application/pdf": "PDF",
    "text/plain": "text",
    "application/msword": "Word",
    "application/vnd.ms-excel": "Excel",
    "application/vnd.ms-powerpoint": "PowerPoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint",
}
"""What people call a type."""


async def index(visit: Visit) -> Response:
    """The files, newest first: what each is, where Meta has it and until when, and what needs it."""
    account = visit.param("account")
    found = await visit.perform("media.list", account=account, cursor=visit.param("cursor"))
    return visit.page(
        "media.html",
        media=found.items,
        pages=visit.pages(found),
        account=account,
        accounts=await account_names(visit),
        numbers={each.id: short_name(each) for each in await _numbers(visit)},
        forms=FORMS,
    )


async def _upload(visit: Visit, form: Form, upload: Upload) -> Response:
    """Take a file, which is uploaded to Meta afterwards."""
    made: MediaView = await visit.perform_with_file(
        "media.upload",
        await anyio.to_thread.run_sync(descriptor_of, upload.chosen().file),
        account=form.text("account"),
        name=name_of(upload.name),
        **{"from": form.text("from")},
    )
    return visit.done("/media", f"Stored: {isolated(made.file_name)}. It is uploaded to WhatsApp now.")


async def _upload_values(visit: Visit, _refusal: Refusal | None) -> Mapping[str, Any]:
    return {
        "numbers": [each for each in await _numbers(visit) if each.removed_at is None],
        "types": ",".join(MIME_TYPES),
        "largest": LARGEST,
        "limit": _limit(visit),
    }


def _limit(visit: Visit) -> int:
    return visit.ctx.config.limits.max_media_bytes


async def _numbers(visit: Visit) -> list[AccountNumber]:
    found: list[AccountNumber] = await visit.perform("number.list")
    return found


async def ask_remove(visit: Visit) -> Response:
    """Ask before a file is deleted."""
    await visit.require("media.remove")
    found: MediaDetails = await visit.perform("media.show", id=visit.request.path_params["id"])
    return visit.confirm(
        f"Delete {isolated(found.file_name)}?",
        "No broadcast and no draft can use it any more. Messages that were sent keep it.",
        button="Delete the file",
        back="/media",
    )


async def remove(visit: Visit) -> Response:
    """Delete a file that nothing needs."""
    gone: MediaDetails = await visit.perform("media.remove", id=visit.request.path_params["id"])
    return visit.done("/media", f"Deleted: {isolated(gone.file_name)}.")


_NEW = UploadPage(
    path="/media/new",
    operation="media.upload",
    template="media_new.html",
    fields=("file", "account", "from"),
    limit=_limit,
    advice="save it smaller",
    send=_upload,
    values=_upload_values,
)

PAGES: tuple[Row, ...] = (
    ("GET", "/media", index),
    *_NEW.rows,
    ("GET", "/media/{id}/remove", ask_remove),
    ("POST", "/media/{id}/remove", remove),
)
