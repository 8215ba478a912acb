"""Files for the headers of messages: which types and sizes Meta takes, and what a file is by its content; pure.

Source: docs/meta.md, Media.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from wacrmd.clock import DAY, HOUR, Millis
from wacrmd.domain import old_office
from wacrmd.fields import Doc

META_KEEPS: Millis = 30 * DAY
"""Meta's id of an uploaded file can be used for so long."""
RENEW_BEFORE: Millis = 1 * DAY
"""So long before its end a file that is needed is uploaded again."""
UNUSABLE_BEFORE: Millis = 1 * HOUR
"""So long before its end an id is not used any more: a message may be on its way for a while."""
SCHEDULED_AHEAD: Millis = HOUR // 4
"""So long before a scheduled broadcast starts its files are uploaded."""

_MIB = 1 << 20
_OFFICE = "application/vnd.openxmlformats-officedocument"


class MediaKind(StrEnum):
    """The kind of header for which a file is."""

    IMAGE = "image"
    VIDEO = "video"
    DOCUMENT = "document"


def with_article(kind: MediaKind) -> str:
    """The kind for a sentence: `an image`."""
    return f"an {kind}" if kind is MediaKind.IMAGE else f"a {kind}"


LARGEST = {MediaKind.IMAGE: 5 * _MIB, MediaKind.VIDEO: 16 * _MIB, MediaKind.DOCUMENT: 100 * _MIB}
"""How many bytes a file may have."""

MIME_TYPES: dict[str, MediaKind] = {
    "image/jpeg": MediaKind.IMAGE,
    "image/png": MediaKind.IMAGE,
    "video/mp4": MediaKind.VIDEO,
    "video/3gpp": MediaKind.VIDEO,
    "application/pdf": MediaKind.DOCUMENT,
    "text/plain": MediaKind.DOCUMENT,
    "application/msword": MediaKind.DOCUMENT,
    "application/vnd.ms-excel": MediaKind.DOCUMENT,
    "application/vnd.ms-powerpoint": MediaKind.DOCUMENT,
    f"{_OFFICE}.wordprocessingml.document": MediaKind.DOCUMENT,
    f"{_OFFICE}.spreadsheetml.sheet": MediaKind.DOCUMENT,
    f"{_OFFICE}.presentationml.presentation": MediaKind.DOCUMENT,
}
"""The types that Meta takes for a header."""

EXPECTED = "a JPEG or PNG image, an MP4 or 3GP video, or a PDF, text, Word, Excel or PowerPoint document"

_OTHER_NAMES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "video/3gp": "video/3gpp",
    "audio/3gpp": "video/3gpp",  # so Python and Apache call each file .3gp
    "application/x-pdf": "application/pdf",
}
_SAYS_NOTHING = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/zip"})
"""Declared types that leave open what the file is."""

_NEW_OFFICE = (
    (b"word/", "wordprocessingml.document"),
    (b"xl/", "spreadsheetml.sheet"),
    (b"ppt/", "presentationml.presentation"),
)
_OLD_OFFICE = {
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
}
_PDF_WITHIN = 1024
"""Readers of PDF look for its beginning so far."""
_NOT_VIDEOS = {
    b"M4A ": "a sound file",
    b"M4B ": "a sound file",
    b"qt  ": "a QuickTime video: save it as MP4",
    b"heic": "a HEIC image: save it as JPEG",
    b"heix": "a HEIC image: save it as JPEG",
    b"mif1": "a HEIC image: save it as JPEG",
    b"avif": "an AVIF image: save it as JPEG",
}
"""What has the form of an MP4, by its brand."""
_OTHERS = (
    (b"GIF8", "a GIF image: save it as PNG, or as MP4"),
    (b"BM", "a BMP image: save it as PNG"),
    (b"II*\x00", "a TIFF image: save it as JPEG"),
    (b"MM\x00*", "a TIFF image: save it as JPEG"),
    (b"\x1aE\xdf\xa3", "a WebM or Matroska video: save it as MP4"),
    (b"OggS", "an Ogg file"),
    (b"ID3", "a sound file"),
    (b"\x1f\x8b", "a compressed file"),
)

MAX_NAME = 200
MAX_EXTENSION = 10
_NO_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What controls a terminal or turns a text around."""

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""The form of wacrmd's own ids of files; Meta's have digits only."""


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What a message, and its check, needs of a file."""

    id: int
    uuid: str
    file_name: str
    mime_type: str
    refusal: str | None = None
    """Why Meta does not take it from the number that is to send it."""

    @property
    def kind(self) -> MediaKind:
        """The kind of header for which it is."""
        return MIME_TYPES[self.mime_type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A file that is stored; `edition` is that of its pieces, None if they are not there (any more)."""

    id: int
    uuid: str
    account_id: str
    file_name: str
    mime_type: str
    size: int
    sha256: bytes
    made_by: str
    created_at: Millis
    used_at: Millis
    edition: int | None

    @property
    def kind(self) -> MediaKind:
        """The kind of header for which it is."""
        return MIME_TYPES[self.mime_type]


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaUpload:
    """What became of a file at Meta, for one number."""

    media_id: int
    number_id: str
    meta_id: str | None
    uploaded_at: Millis | None
    expires_at: Millis | None
    attempts: int
    next_attempt_at: Millis
    is_refused: bool
    error: str | None


@dataclass(frozen=True, slots=True)
class Sample:
    """The beginning and the end of a file, some 64 KiB each, and what its owner says it is."""

    head: Annotated[bytes, Doc("the first bytes")]
    tail: Annotated[bytes, Doc("the last bytes")]
    file_name: str
    declared: str = ""
    directory: Annotated[bytes, Doc("of an old Office file its directory (`old_office.directory_at`)")] = b""

    @property
    def extension(self) -> str:
        """What stands behind the last dot of its name, in small letters."""
        return self.file_name.rpartition(".")[2].lower() if "." in self.file_name else ""


def mime_type_of(sample: Sample) -> str:
    """The type of a file by its content; raises ValueError, in words for its owner, for what Meta does not take.

    A declared type that is another one is refused: one of both is a mistake.
    """
    found = _by_content(sample)
    declared = sample.declared.partition(";")[0].strip().lower()
    declared = _OTHER_NAMES.get(declared, declared)
    if declared in _SAYS_NOTHING or declared == found:
        return found
    raise ValueError(
        f"it is declared as {declared[:100]}, and its content is {found}: leave the type out, or correct it"
    )


def _by_content(sample: Sample) -> str:
    head = sample.head
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand in _NOT_VIDEOS:
            raise _unusable(_NOT_VIDEOS[brand])
        return "video/3gpp" if brand.startswith((b"3gp", b"3gr", b"3gs")) else "video/mp4"
    if b"%PDF-" in head[:_PDF_WITHIN]:
        return "application/pdf"
    if head.startswith(b"PK\x03\x04"):
        for folder, form in _NEW_OFFICE:
            if folder in head or folder in sample.tail:
                return f"{_OFFICE}.{form}"
        raise _unusable("a ZIP file")
    if head.startswith(old_office.BEGIN):
        kind = old_office.kind_of(sample.directory) or sample.extension
        if kind not in _OLD_OFFICE:
            raise ValueError("it is an old Office file: its name must end in .doc, .xls or .ppt")
        return _OLD_OFFICE[kind]
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        raise _unusable("a WebP image: save it as JPEG")
    for begin, what in _OTHERS:
        if head.startswith(begin):
            raise _unusable(what)
    if sample.extension == "txt" or sample.declared.startswith("text/plain"):
        if _is_text(head, may_go_on=head != sample.tail):
            return "text/plain"
        raise _unusable("a text that is not in UTF-8: save it so")
    raise ValueError(f"expected {EXPECTED} (a text has a name in .txt), found something else")


def _unusable(what: str) -> ValueError:
    return ValueError(f"expected {EXPECTED}, found {what}")


def _is_text(head: bytes, *, may_go_on: bool) -> bool:
    """Whether it is UTF-8 without control characters that no text has; if it goes on, its last character may be cut off."""
    if not head or b"\x00" in head:
        return False
    for cut in range(4 if may_go_on else 1):
        try:
            head[: len(head) - cut].decode()
        except UnicodeDecodeError:
            continue
        return True
    return False


def name_of(given: str) -> str:
    """What a file is called: without what no name has, and short enough, with its extension."""
    name = _NO_NAME.sub("_", given).strip()
    stem, dot, extension = name.rpartition(".")
    if len(name) > MAX_NAME and stem and len(extension) <= MAX_EXTENSION:
        return stem[: MAX_NAME - len(extension) - 1] + dot + extension
    return name[:MAX_NAME].rstrip() if name.strip(".") else "file"


def size_problem(mime_type: str, size: int, largest: int) -> str | None:
    """Why a file of this size cannot be used; None if it can. `largest` is what the configuration allows any file."""
    if not size:
        return "it is empty"
    kind = MIME_TYPES[mime_type]
    most, whose = LARGEST[kind], f"Meta takes {kind}s of at most"
    if size <= most:
        most, whose = largest, "[limits] max_media_bytes allows"
    if size <= most:
        return None
    found, allowed = _mb(size), _mb(most)
    if found == allowed:  # so rounded it seems to fit
        found, allowed = f"{size} bytes", f"{most} bytes"
    return f"it has {found}, and {whose} {allowed}"


def _mb(size: int) -> str:
    """A size for people."""
    return f"{size / _MIB:.1f} MB" if size >= _MIB else f"{size} bytes"
