"""The form with which a file is uploaded to Meta (docs/meta.md, Media); pure."""

import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

from wacrmd.http_client.message import LongBody

_ESCAPED = re.compile(r'[\x00-\x1f\x7f"\\]')
MAX_NAME = 200
LEAST_PATIENCE_S = 60.0
SLOWEST = 32 * 1024
"""Bytes a second: an upload that is slower for so long that its time is over is tried again."""


@dataclass(frozen=True, slots=True)
class FileToUpload:
    """A file as its parts come; they are `size` bytes together."""

    mime_type: str
    file_name: str
    size: int
    parts: AsyncIterable[bytes]

    @property
    def patience_s(self) -> float:
        """How long its upload may take, with the answer."""
        return LEAST_PATIENCE_S + self.size / SLOWEST


def upload_form(file: FileToUpload, boundary: str) -> LongBody:
    """The body of the request; `boundary` is a text of letters and digits that no file contains by chance."""
    mark = b"--" + boundary.encode()
    fields = b"".join(
        b'%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (mark, name, value)
        for name, value in ((b"messaging_product", b"whatsapp"), (b"type", file.mime_type.encode()))
    )
    name = _ESCAPED.sub("_", file.file_name)[:MAX_NAME].encode("utf-8", "replace")
    opening = fields + (
        b'%b\r\nContent-Disposition: form-data; name="file"; filename="%b"\r\nContent-Type: %b\r\n\r\n'
        % (mark, name, file.mime_type.encode())
    )
    closing = b"\r\n" + mark + b"--\r\n"

    async def parts() -> AsyncIterator[bytes]:
        yield opening
        async for part in file.parts:
            yield part
        yield closing

    return LongBody(len(opening) + file.size + len(closing), parts())
