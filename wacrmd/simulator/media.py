"""Files that were uploaded for headers: what Meta takes, which ids it gives, who may use one, and for how long."""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wacrmd.simulator.graph_errors import GraphError

LIFETIME_MS = 30 * 86_400_000
"""An id can be used for so long (docs/meta.md, Media)."""

_MB = 1024 * 1024
_OFFICE = "application/vnd.openxmlformats-officedocument"
TYPES: dict[str, int] = {
    **dict.fromkeys(("audio/aac", "audio/amr", "audio/mp4", "audio/mpeg", "audio/ogg"), 16 * _MB),
    **dict.fromkeys(("image/jpeg", "image/png"), 5 * _MB),
    "image/webp": 500 * 1024,
    **dict.fromkeys(("video/mp4", "video/3gp", "video/3gpp"), 16 * _MB),
    **dict.fromkeys(
        (
            "text/plain",
            "application/pdf",
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            f"{_OFFICE}.wordprocessingml.document",
            f"{_OFFICE}.spreadsheetml.sheet",
            f"{_OFFICE}.presentationml.presentation",
        ),
        100 * _MB,
    ),
}
"""The types of files that Meta takes, and how many bytes each may have (docs/meta.md, Media)."""

FILES = ("image", "video", "document")
TOO_DEEP = 8


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that was taken; `at_ms` is the time of the simulated Meta."""

    id: str
    at_ms: int
    phone_number_id: str
    mime_type: str
    file_name: str
    bytes: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """The file in `GET /_simulator/media`."""
        return asdict(self)


@dataclass(slots=True)
class Incoming:
    """A file while it comes: it is not kept, only its size and its hash."""

    size: int
    digest: Any

    @classmethod
    def begun(cls) -> "Incoming":
        """One of which nothing has come yet."""
        return cls(0, hashlib.sha256())

    def add(self, part: bytes) -> None:
        """The next bytes."""
        self.size += len(part)
        self.digest.update(part)


class Media:
    """The files that were uploaded since the start, in order."""

    def __init__(self) -> None:
        self.files: dict[str, UploadedFile] = {}
        # Ids differ from run to run: one database may be used with many simulated Metas.
        self._next = 10**14 + secrets.randbelow(9 * 10**14)

    def take(
        self, phone_number_id: str, mime_type: str, file_name: str, incoming: Incoming, at_ms: int
    ) -> UploadedFile:
        """Keep a file, and give it an id."""
        self._next += 1
        file = UploadedFile(
            str(self._next),
            at_ms,
            phone_number_id,
            mime_type,
            file_name,
            incoming.size,
            incoming.digest.hexdigest(),
        )
        self.files[file.id] = file
        return file

    def refusal_of(
        self, ids: Iterable[str], phone_number_id: str, now_ms: int, *, check_unknown: bool
    ) -> GraphError | None:
        """Meta's refusal of a message of this number that names these files, or None.

        Ids that were not given here are taken, unless `check_unknown`: they may be of another run.
        """
        for each in ids:
            file = self.files.get(each)
            if file is None:
                if not check_unknown:
                    continue
                why = "is not known"
            elif file.phone_number_id != phone_number_id:
                why = "was uploaded by another number"
            elif now_ms - file.at_ms > LIFETIME_MS:
                why = "has expired"
            else:
                continue
            return GraphError(131053, f"The media id {each} {why}")
        return None


def upload_refusal(product: str | None, declared: str, incoming: Incoming | None) -> GraphError | None:
    """Meta's refusal of an upload, or None."""
    if product != "whatsapp":
        return GraphError(100, "Param messaging_product must be one of {whatsapp}")
    if incoming is None or not incoming.size:
        return GraphError(100, "The parameter file is required.")
    if declared not in TYPES:
        known = ", ".join(TYPES)
        return GraphError(
            100, f"Param file must be a file with one of the following types: {known}. Received '{declared}'"
        )
    if incoming.size > TYPES[declared]:
        return GraphError(
            131053, f"The file has {incoming.size} bytes, {declared} may have {TYPES[declared]}"
        )
    return None


def ids_in(given: Any, depth: int = TOO_DEEP) -> tuple[str, ...]:
    """The ids of files that the component objects of a send name, those in the cards of a carousel too."""
    if isinstance(given, list):
        return tuple(found for each in given for found in ids_in(each, depth))
    if not isinstance(given, Mapping) or not depth:
        return ()
    own = tuple(
        str(value["id"])
        for kind in FILES
        if isinstance(value := given.get(kind), Mapping) and value.get("id") is not None
    )
    inner = (given.get(part) for part in ("components", "parameters", "cards"))
    return own + tuple(found for each in inner for found in ids_in(each, depth - 1))
