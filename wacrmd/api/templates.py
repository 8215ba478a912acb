"""Templates over HTTP: as last synced from Meta, and synced anew."""

from typing import Annotated, Any

from pydantic import BaseModel, Field
from starlette.responses import Response

from wacrmd.api.endpoint import Call, Endpoint, answer
from wacrmd.api.paging import PageQuery, decode_cursor, encode_cursor
from wacrmd.domain.account import Scope
from wacrmd.errors import ErrorCode
from wacrmd.services.templates import sync

READ = (Scope.TEMPLATES_READ,)


class TemplateOut(BaseModel):
    """A template in one language, in Meta's words; `components` as Meta gives them."""

    id: str
    name: str
    language: str
    status: str
    category: str | None
    parameter_format: str
    components: list[dict[str, Any]]
    quality: str | None
    reason: str | None
    business_account_id: str
    synced_at: str


class BusinessSyncOut(BaseModel):
    """What the sync of one business account did; with an `error` what was known stays."""

    business_account_id: str
    templates: int
    added: int
    updated: int
    removed: int
    error: str | None


class SyncOut(BaseModel):
    """Answer of POST /api/v1/templates/sync."""

    templates: int
    added: int
    updated: int
    removed: int
    failed: int
    business_accounts: list[BusinessSyncOut]


class TemplatesQuery(PageQuery):
    """Which templates."""

    name: Annotated[str | None, Field(max_length=512, description="only the one of this name")] = None
    status: Annotated[str | None, Field(max_length=50, description="only those with Meta's status")] = None


async def index(call: Call) -> Response:
    """A page of the account's templates."""
    query: TemplatesQuery = call.query
    found, position = await sync.page_templates(
        call.ctx,
        call.account_id,
        name=query.name,
        status=query.status.upper() if query.status else None,
        after=decode_cursor(query.cursor),
        limit=query.limit,
    )
    return answer(found, meta={"next_cursor": encode_cursor(position)})


async def sync_templates(call: Call) -> Response:
    """Read the account's templates from Meta."""
    return answer(await sync.sync(call.ctx, call.account_id))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/v1/templates",
        "List the account's templates as last synced",
        index,
        TemplateOut,
        scopes=READ,
        query=TemplatesQuery,
        paged=True,
        errors=(ErrorCode.BAD_REQUEST,),
    ),
    Endpoint(
        "POST",
        "/api/v1/templates/sync",
        "Read the account's templates from Meta now",
        sync_templates,
        SyncOut,
        scopes=READ,
        errors=(ErrorCode.WHATSAPP_NOT_CONFIGURED, ErrorCode.UNAVAILABLE),
        description=(
            "Each business account of the account's numbers once. One that Meta refuses has an `error`, and what was"
            " known of it stays."
        ),
    ),
)
