"""Files for the headers of messages as callers see them."""

from dataclasses import dataclass, field
from typing import Annotated

from wacrmd.domain.media import MediaKind
from wacrmd.fields import Doc, Time, Uuid, json_name


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaView:
    """A file for the header of messages."""

    uuid: Annotated[Uuid, Doc('its id, for `{"image": {"id": …}}`; it stays the same')] = field(
        metadata=json_name("id")
    )
    kind: Annotated[MediaKind, Doc("the kind of header for which it is")]
    mime_type: Annotated[str, Doc("its type, by its content")]
    file_name: Annotated[str, Doc("its name; people see it if a document has no `filename` of its own")]
    bytes: Annotated[int, Doc("its size")]
    sha256: Annotated[str, Doc("SHA-256 of its content, in hexadecimal")]
    created_at: Annotated[Time, Doc("when it was uploaded first")]
    expires_at: Annotated[
        Time | None,
        Doc(
            "when it is deleted if no broadcast or draft uses it until then; null: never. Another upload puts it off"
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaUploadView:
    """A file at Meta, for one number."""

    number_id: Annotated[Uuid, Doc("id of the number that uploaded it")]
    phone_number_id: Annotated[str, Doc("Meta's id of that number")]
    meta_id: Annotated[str | None, Doc("Meta's id of the file; null: Meta does not have it")]
    expires_at: Annotated[
        Time | None, Doc("when that id ends; before, the file is uploaded again if it is needed")
    ]
    error: Annotated[str | None, Doc("why the last upload failed")]


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaDetails:
    """A file, with what became of it."""

    uuid: Annotated[Uuid, Doc("its id")] = field(metadata=json_name("id"))
    account: Annotated[str, Doc("name of the account")]
    kind: Annotated[MediaKind, Doc("the kind of header for which it is")]
    mime_type: Annotated[str, Doc("its type, by its content")]
    file_name: Annotated[str, Doc("its name")]
    bytes: Annotated[int, Doc("its size")]
    sha256: Annotated[str, Doc("SHA-256 of its content, in hexadecimal")]
    made_by: Annotated[str, Doc("who uploaded it")]
    created_at: Annotated[Time, Doc("when it was uploaded first")]
    expires_at: Annotated[Time | None, Doc("when it is deleted if nothing uses it until then; null: never")]
    used_by: Annotated[list[str], Doc("ids of broadcasts and drafts that need it; at most ten")]
    uploads: Annotated[list[MediaUploadView], Doc("what became of it at Meta, for each number")]
