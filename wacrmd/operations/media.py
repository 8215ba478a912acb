"""`media.…`: files for the header of messages."""

import os
import stat
from typing import Annotated

from pydantic import Field, StringConstraints

from wacrmd.domain.account import Scope
from wacrmd.domain.actor import Actor, Level
from wacrmd.domain.media import MAX_NAME, MediaKind
from wacrmd.domain.page import Page, PageRequest
from wacrmd.errors import ErrorCode, bad_request
from wacrmd.operations.body import Body
from wacrmd.operations.inputs import DefaultAccount, Id, Limited, OpenFiles, OptionalAccount, Params
from wacrmd.operations.operation import Admin, FileForm, Http, HttpRequest, Operations
from wacrmd.services.context import Context
from wacrmd.services.media import read
from wacrmd.services.media.take import GivenFile, take
from wacrmd.views.media import MediaDetails, MediaView

operations = Operations()

COLLECTION = "/api/v1/media"
EXAMPLE = {"id": "4b6d"}

NumberName = Annotated[str, StringConstraints(max_length=64, to_lower=True)]
WHICH_NUMBER = "id or phone_number_id of the number that will send it; default that of the account"
WHICH_KIND = "the kind of header for which it is; a file of another kind is refused"


class MediaForm(Body):
    """What stands beside the file."""

    number: NumberName | None = Field(None, alias="from", description=WHICH_NUMBER)
    kind: MediaKind | None = Field(None, description=WHICH_KIND)


class UploadParams(OpenFiles, DefaultAccount):
    """A file for the header of messages; it is open, and comes beside the call."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)] = Field(
        description="its name: people see it if it is a document"
    )
    number: NumberName | None = Field(None, alias="from", description=WHICH_NUMBER)
    kind: MediaKind | None = Field(None, description=WHICH_KIND)


class MediaId(Params):
    """A file."""

    id: Id = Field(description="id of the file, or an unambiguous beginning of it")


class MediaFilter(Limited, OptionalAccount):
    """Which files, and how many."""


async def _upload_over_http(ctx: Context, actor: Actor, request: HttpRequest) -> MediaView:
    form: MediaForm = request.body
    file = request.file
    if file is None:
        raise bad_request("file: expected a file in the form")
    given = GivenFile(file.descriptor, file.name, file.declared_type)
    return await take(ctx, actor, given, form.number, form.kind)


@operations.operation(
    "media.upload",
    http=Http(
        "POST",
        COLLECTION,
        scopes=(Scope.BROADCASTS_SEND,),
        status=201,
        handler=_upload_over_http,
        form=FileForm(
            MediaForm,
            lambda ctx: ctx.config.limits.max_media_bytes,
            "save it smaller",
            "the file. Its type is found by its content; if the part has a `Content-Type`, that must be the same type",
        ),
    ),
    admin=Admin(Level.OPERATE, per_account=True, audited=True, params=UploadParams),
    errors=(
        ErrorCode.BAD_REQUEST,
        ErrorCode.WHATSAPP_NOT_CONFIGURED,
        ErrorCode.CONFLICT,
        ErrorCode.PAYLOAD_TOO_LARGE,
        ErrorCode.UNAVAILABLE,
    ),
    example={"account": "shop", "name": "spring.jpg"},
)
async def upload(ctx: Context, actor: Actor, params: UploadParams) -> MediaView:
    """Store a file for the header of messages, and upload it to Meta.

    Over HTTP it is a form (`multipart/form-data`). On the admin socket the open file comes beside the call (SCM_RIGHTS,
    unix(7)). The answer comes when the file is on disk; Meta gets it afterwards, once for each number that sends it, and
    again before Meta's own id of it ends. A file with the same content is the same file and keeps its id. An account uploads
    two files at a time: the next one gets 429, or 503 where those of others take all places.
    """
    if len(params.descriptors) != 1 or not stat.S_ISREG(os.fstat(params.descriptors[0]).st_mode):
        raise bad_request("file: expected one open file beside the call")
    return await take(ctx, actor, GivenFile(params.descriptors[0], params.name), params.number, params.kind)


@operations.operation(
    "media.list", admin=Admin(Level.READ, per_account=True, params=MediaFilter), example={"limit": 10}
)
async def list_media(
    ctx: Context, actor: Actor, params: MediaFilter, page: PageRequest
) -> Page[MediaDetails]:
    """List the files for the header of messages, newest first."""
    del params
    return await read.page(ctx, actor.account_id, page)


@operations.operation(
    "media.show", admin=Admin(Level.READ, per_account=True), errors=(ErrorCode.NOT_FOUND,), example=EXAMPLE
)
async def show(ctx: Context, actor: Actor, params: MediaId) -> MediaDetails:
    """Show a file, what became of it at Meta, and what needs it."""
    return await read.show(ctx, actor, params.id)


@operations.operation(
    "media.remove",
    admin=Admin(Level.OPERATE, per_account=True, audited=True),
    errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, ErrorCode.UNAVAILABLE),
    example=EXAMPLE,
)
async def remove(ctx: Context, actor: Actor, params: MediaId) -> MediaDetails:
    """Delete a file, unless a broadcast or a draft needs it. What Meta has of it ends by itself, after at most 30 days."""
    return await read.remove(ctx, actor, params.id)
