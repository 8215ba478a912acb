"""`template.…`: the templates as Meta has them."""

from pydantic import Field

from wacrmd.domain.account import Scope
from wacrmd.domain.actor import Actor, Level
from wacrmd.domain.page import Page
from wacrmd.errors import ErrorCode
from wacrmd.operations.inputs import NoParams, OptionalAccount
from wacrmd.operations.operation import Admin, Http, HttpRequest, Operations
from wacrmd.operations.paging import PageQuery
from wacrmd.services.context import Context
from wacrmd.services.templates import sync as templates
from wacrmd.views.templates import TemplateSync, TemplateView

operations = Operations()

COLLECTION = "/api/v1/templates"
READ = (Scope.TEMPLATES_READ,)


AUTO_GENERATED = "those that Meta made for texts without a template, which are left out otherwise"


MAX_TEMPLATES = 10_000
"""Templates that an operator gets at once; Meta allows a business account 6,000."""


class ListParams(OptionalAccount):
    """Which templates."""

    name: str | None = Field(None, max_length=512, description="only those with this in their name")
    status: str | None = Field(None, max_length=50, description="only those with Meta's status")
    limit: int = Field(MAX_TEMPLATES, ge=1, le=MAX_TEMPLATES, description="at most this many, by name")
    skip: int = Field(0, ge=0, le=MAX_TEMPLATES, description="after this many")
    auto_generated: bool = Field(False, description=AUTO_GENERATED)


class TemplatesQuery(PageQuery):
    """Which templates."""

    name: str | None = Field(None, max_length=512, description="only those of this name")
    status: str | None = Field(None, max_length=50, description="only those with Meta's status")
    auto_generated: bool = Field(False, description=AUTO_GENERATED)


async def _page_over_http(ctx: Context, actor: Actor, request: HttpRequest) -> Page[TemplateView]:
    query: TemplatesQuery = request.query
    status = query.status.upper() if query.status else None
    return await templates.page(
        ctx,
        actor.account_id,
        query.page(),
        name=query.name,
        status=status,
        auto_generated=query.auto_generated,
    )


@operations.operation(
    "template.list",
    http=Http("GET", COLLECTION, scopes=READ, handler=_page_over_http, query=TemplatesQuery),
    admin=Admin(Level.READ, per_account=True, params=ListParams),
    errors=(ErrorCode.BAD_REQUEST,),
    example={"account": "shop"},
)
async def list_templates(ctx: Context, actor: Actor, params: ListParams) -> list[TemplateView]:
    """List the templates as last synced, or as changed by Meta's webhooks since."""
    return await templates.list_templates(
        ctx,
        actor.account_id,
        name=params.name,
        status=params.status,
        auto_generated=params.auto_generated,
        limit=params.limit,
        skip=params.skip,
    )


@operations.operation(
    "template.sync",
    http=Http("POST", f"{COLLECTION}/sync", scopes=READ),
    admin=Admin(Level.OPERATE, per_account=True, audited=True, params=OptionalAccount),
    errors=(ErrorCode.WHATSAPP_NOT_CONFIGURED, ErrorCode.UNAVAILABLE),
    example={"account": "shop"},
)
async def sync(ctx: Context, actor: Actor, _params: NoParams) -> TemplateSync:
    """Read the templates from Meta now.

    Of all business accounts. One that Meta refuses has an `error`, and its stored templates stay. The daemon also does this
    once an hour.
    """
    return await templates.sync(ctx, actor.account_id)
