"""A form with a file: it goes to a temporary file while it comes, and never whole into memory."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

from anyio import CapacityLimiter
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from wacrmd.errors import ErrorCode, Refusal, bad_request, sized
from wacrmd.http.body import declared_length
from wacrmd.http.content_coding import is_gzip
from wacrmd.http.request_tracker import PASSED_ON

MULTIPART = "multipart/form-data"
MAX_FIELDS = 100
MAX_FIELD_BYTES = 64 << 10
MAX_AT_ONCE = 4
"""Uploads at one time: each may take its limit on the disk."""
OF_ONE = 2
"""Of one visitor: slow ones must not hold up all others."""

PLACE_S = 20.0
"""For so long an upload waits until others have ended; then it is told so, because one of them may take half an hour."""
IDLE_S = 30.0
"""A browser that sends nothing for so long has gone."""
LONGEST_S = 30 * 60.0
SLOWEST = 16 << 10
"""Bytes a second, on average after `IDLE_S`: one that trickles keeps a place that others wait for."""


_ESCAPED = (("%22", '"'), ("%0D", " "), ("%0A", " "))
"""What browsers write for a quote and for the end of a line in a name, and what is shown for it; nothing else is escaped."""


@dataclass(frozen=True, slots=True)
class Upload:
    """The fields of a form and its file; `file` is None where the person chose none."""

    fields: Mapping[str, str]
    file: UploadFile | None
    counts: Mapping[str, int]
    """How often each field stood in the form."""
    field: str | None = None
    """The name of the file's field."""

    def chosen(self) -> UploadFile:
        """The file; raises Refusal where the person chose none."""
        if self.file is None:
            raise bad_request("file: choose a file")
        return self.file

    @property
    def name(self) -> str:
        """What the file is called on the person's machine, without its folders."""
        name = (self.file.filename if self.file is not None else None) or ""
        for written, meant in _ESCAPED:
            name = name.replace(written, meant)
        return name.replace("\\", "/").rpartition("/")[2] or "file"

    @property
    def declared_type(self) -> str:
        """The type that the sender gives to the file; empty: none."""
        return (self.file.content_type or "") if self.file is not None else ""


FORM_BYTES = 1 << 20
"""Around a file the form may have so much."""
OF_PEOPLE = "leave out columns that are not needed, or split it"
"""What to do about a list of people that is too large."""


class _Parser(MultiPartParser):
    """Knows whether the end of the form has come: without it a part that was cut off is just missing."""

    is_complete = False

    def on_end(self) -> None:
        self.is_complete = True

    def close(self) -> None:
        """Close all files, also one of which only a part has come, which is not in the form."""
        for file in self._files_to_close_on_error:
            file.close()


class Uploads:
    """Takes the uploads of all visitors, a few at a time."""

    def __init__(self) -> None:
        self._room = CapacityLimiter(MAX_AT_ONCE)
        self._visitors: Counter[str] = Counter()

    @asynccontextmanager
    async def read(
        self,
        request: Request,
        visitor: str,
        *,
        limit: int,
        field_limit: int = MAX_FIELD_BYTES,
        advice: str = OF_PEOPLE,
    ) -> AsyncIterator[Upload]:
        """The form, whose file is deleted at the end; it has `limit` bytes at most, and a field `field_limit`.

        `advice` says what to do about a file that is too large.
        Raises Refusal while too many others are on their way; for a form that is too large (before it is read, if its length
        is declared), comes too slowly, is cut off, compressed, or none; and starlette's ClientDisconnect if the browser has
        gone.
        """
        _check_kind(request.headers.get("content-type", ""))
        if is_gzip(request.scope):
            raise Refusal(
                ErrorCode.UNSUPPORTED_MEDIA_TYPE,
                "Content-Encoding: expected none for a form with a file, found gzip: send it as it is",
                headers={"Accept-Encoding": "identity"},
            )
        declared = declared_length(request.scope)
        if declared is not None and declared > limit + FORM_BYTES:
            raise _too_large(limit, advice)
        request.scope.setdefault("state", {})[PASSED_ON] = True
        async with self._one_of(visitor), self._place():
            parser = _Parser(
                request.headers,
                _pieces(request, limit, advice),
                max_files=1,
                max_fields=MAX_FIELDS,
                max_part_size=field_limit,
            )
            try:
                async with asyncio.timeout(LONGEST_S):
                    form = await parser.parse()
            except MultiPartException as error:
                raise bad_request(f"The form cannot be read: {error.message}") from None
            except TimeoutError:
                raise bad_request("The file did not arrive in time: try again") from None
            try:
                if not parser.is_complete:
                    raise bad_request("The form is cut off: the boundary that ends it is missing")
                files = [(name, each) for name, each in form.multi_items() if isinstance(each, UploadFile)]
                fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
                field, chosen = next(
                    ((name, each) for name, each in files if each.filename or each.size), (None, None)
                )
                if chosen is not None and (chosen.size or 0) > limit:
                    raise _too_large(limit, advice)
                counts = Counter(name for name, _ in form.multi_items())
                yield Upload(fields, chosen, counts, field)
            finally:
                await form.close()
                parser.close()

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """One of the places; raises Refusal if none is free in time."""
        try:
            async with asyncio.timeout(PLACE_S):
                await self._room.acquire()
        except TimeoutError:
            raise Refusal(
                ErrorCode.UNAVAILABLE,
                "Files of others are on their way: send yours again in a moment",
                retry_after_s=20,
            ) from None
        try:
            yield
        finally:
            self._room.release()

    @asynccontextmanager
    async def _one_of(self, visitor: str) -> AsyncIterator[None]:
        if self._visitors[visitor] >= OF_ONE:
            raise Refusal(
                ErrorCode.RATE_LIMITED,
                f"You are sending {OF_ONE} files already: wait for them",
                retry_after_s=5,
            )
        self._visitors[visitor] += 1
        try:
            yield
        finally:
            self._visitors[visitor] -= 1
            if not self._visitors[visitor]:
                del self._visitors[visitor]


def _check_kind(content_type: str) -> None:
    """Refuse what is no form, and one in another character set: browsers send UTF-8.

    Starlette decodes with any codec of Python's that is named, on the event loop; 400 kB of Punycode take it 20 s.
    """
    kind, parameters = parse_options_header(content_type)
    if kind.decode() != MULTIPART:
        raise bad_request(f"Expected a form with a file ({MULTIPART}), found {kind[:60].decode()!r}")
    charset = parameters.get(b"charset", b"utf-8")
    if charset.lower() != b"utf-8":
        raise bad_request(f"Expected a form in UTF-8, found {charset[:60].decode('latin-1')!r}")


def descriptor_of(file: Any) -> int:
    """The descriptor of an uploaded file (a SpooledTemporaryFile), of which a small one is still in memory; blocks."""
    file.rollover()
    descriptor: int = file.fileno()
    return descriptor


async def _pieces(request: Request, limit: int, advice: str) -> AsyncGenerator[bytes, None]:
    """The body as it comes."""
    size, more, began = 0, True, monotonic()
    while more:
        async with asyncio.timeout(IDLE_S):
            message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit + FORM_BYTES:
            raise _too_large(limit, advice)
        if more and monotonic() - began > IDLE_S + size / SLOWEST:
            raise bad_request(f"The file comes too slowly: expected {sized(SLOWEST)} a second at least")
        yield piece
        more = message.get("more_body", False)


def _too_large(limit: int, advice: str) -> Refusal:
    return Refusal(
        ErrorCode.PAYLOAD_TOO_LARGE,
        f"The file has more than {sized(limit)}: {advice}",
    )
