"""Reading the form of an upload as it comes, without keeping the file."""

from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from wacrmd.simulator.media import Incoming


@dataclass(slots=True)
class UploadForm:
    """The fields of a form; `mime_type` is that of the file's part, or else the field `type`."""

    product: str | None = None
    mime_type: str = ""
    file_name: str = ""
    file: Incoming | None = None


async def read_upload(request: web.Request) -> UploadForm:
    """The form that a request brings; one that is none is empty."""
    form = UploadForm()
    if not request.content_type.startswith("multipart/"):
        return form
    declared = ""
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        if part.name == "file":
            form.file, form.file_name = Incoming.begun(), part.filename or ""
            form.mime_type = part.headers.get("Content-Type", "")
            while piece := await part.read_chunk(64 * 1024):
                form.file.add(piece)
        elif part.name == "messaging_product":
            form.product = await part.text()
        elif part.name == "type":
            declared = await part.text()
    form.mime_type = form.mime_type or declared
    return form
