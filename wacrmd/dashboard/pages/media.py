"""The files for the headers of messages: list, upload, remove."""

from collections.abc import Mapping

import anyio.to_thread
from starlette.responses import Response

from wacrmd.dashboard.forms import STATUSES, allow_again, mistakes
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.accounts import account_names
from wacrmd.dashboard.render import isolated, short_name
from wacrmd.domain.media import LARGEST, MIME_TYPES, name_of
from wacrmd.errors import ERRORS, ErrorCode, Refusal, bad_request
from wacrmd.http.uploads import descriptor_of
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
_FIELDS = ("file", "account", "from")


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


async def ask_upload(visit: Visit) -> Response:
    """The form for a file."""
    await visit.require("media.upload")
    return await _upload(visit, {}, {}, 200)


async def upload(visit: Visit) -> Response:
    """Take a file, which is uploaded to Meta afterwards."""
    await visit.require("media.upload")
    fields: Mapping[str, str] = {}
    limit = visit.ctx.config.limits.max_media_bytes
    try:
        async with visit.uploads.read(
            visit.request, visit.visitor.key, limit=limit, advice="save it smaller"
        ) as given:
            fields = given.fields
            if given.file is None:
                raise bad_request("file: choose a file")
            made: MediaView = await visit.perform_with_file(
                "media.upload",
                await anyio.to_thread.run_sync(descriptor_of, given.file.file),
                account=fields.get("account", "").strip() or None,
                name=name_of(given.name),
                **{"from": fields.get("from", "").strip() or None},
            )
    except Refusal as refusal:
        if refusal.code is ErrorCode.PAYLOAD_TOO_LARGE:
            return await _upload(
                visit, fields, {"file": refusal.message.removeprefix("file: ")}, ERRORS[refusal.code].status
            )
        errors = mistakes(refusal, _FIELDS)
        return allow_again(await _upload(visit, fields, errors, STATUSES[refusal.code]), refusal)
    return visit.done("/media", f"Stored: {isolated(made.file_name)}. It is uploaded to WhatsApp now.")


async def _upload(
    visit: Visit, fields: Mapping[str, str], errors: Mapping[str, str], status: int
) -> Response:
    numbers = [each for each in await _numbers(visit) if each.removed_at is None]
    return visit.page(
        "media_new.html",
        status=status,
        form=fields,
        errors=errors,
        accounts=await account_names(visit),
        numbers=numbers,
        types=",".join(MIME_TYPES),
        largest=LARGEST,
        limit=visit.ctx.config.limits.max_media_bytes,
    )


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


PAGES: tuple[Row, ...] = (
    ("GET", "/media", index),
    ("GET", "/media/new", ask_upload),
    ("POST", "/media/new", upload),
    ("GET", "/media/{id}/remove", ask_remove),
    ("POST", "/media/{id}/remove", remove),
)
