"""`price.…`: what messages cost."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from wacrmd.domain.actor import Actor, Level
from wacrmd.domain.price import SpentBy
from wacrmd.domain.price_file import MAX_FILE_BYTES
from wacrmd.errors import ErrorCode
from wacrmd.operations.broadcasts import READ
from wacrmd.operations.inputs import File, NoParams, OptionalAccount, Params
from wacrmd.operations.operation import Admin, Http, Operations
from wacrmd.services.access.accounts import account_named
from wacrmd.services.context import Context
from wacrmd.services.prices import manage
from wacrmd.services.prices.spent import Period, spent
from wacrmd.views.prices import ImportedPrices, PriceListView, RemovedPrices, SpentView

operations = Operations()

Day = Annotated[str, StringConstraints(min_length=1, max_length=20)]


def _currency(code: str) -> str:
    if not (code.isascii() and code.isalpha() and len(code) == 3):  # noqa: PLR2004 - as in ISO 4217
        raise ValueError(f"expected the code of a currency, such as EUR, found {code[:20]!r}")
    return code.upper()


Currency = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_currency)]


class NewPrices(OptionalAccount):
    """A price list."""

    csv: File = Field(max_length=MAX_FILE_BYTES, description="the file: country, category, price, currency")
    valid_from: Day | None = Field(
        None,
        description="the day (UTC) from which on it holds, or `always`; default: the first list always, others from today",
    )
    currency: Currency | None = Field(None, description="currency of the prices that name none")


class OnePriceList(OptionalAccount):
    """A price list, by the day from which on it holds."""

    valid_from: Day = Field(description="that day, or `always`")


class SpentQuery(Params):
    """What was spent: of what, and when."""

    by: SpentBy = Field(SpentBy.MONTH, description="what each sum is of")
    first: Day | None = Field(
        None, alias="from", description="the first day, UTC; default: the last twelve months"
    )
    last: Day | None = Field(None, alias="to", description="the last day, UTC; default: today")
    limit: int = Field(100, ge=1, le=1000, description="at most this many sums of an account")


class OperatorSpentQuery(SpentQuery, OptionalAccount):
    """What was spent: of what, and when."""


async def _account(ctx: Context, name: str | None) -> tuple[str, str] | None:
    """Id and name of the account that is named."""
    if name is None:
        return None
    found = await account_named(ctx, name)
    return found.id, found.name


@operations.operation(
    "price.import",
    admin=Admin(Level.ADMIN, audited=True),
    errors=(ErrorCode.BAD_REQUEST, ErrorCode.NOT_FOUND),
    example={"csv": "country,category,price,currency\nDE,marketing,0.1131,EUR\n", "valid_from": "2026-12-01"},
)
async def import_prices(ctx: Context, _actor: Actor, params: NewPrices) -> ImportedPrices:
    """Import a price list from a CSV file.

    A list counts as a whole, and replaces the one that begins on the same day. Anything wrong in it is told with its line,
    and nothing is taken. With an account it is the one of that account alone.
    """
    return await manage.import_list(
        ctx,
        await _account(ctx, params.account),
        params.csv,
        valid_from=params.valid_from,
        currency=params.currency,
    )


@operations.operation("price.list", admin=Admin(Level.READ, per_account=True, params=OptionalAccount))
async def list_prices(ctx: Context, actor: Actor, _params: NoParams) -> list[PriceListView]:
    """List the price lists with their prices."""
    return await manage.list_lists(ctx, actor.account_id)


@operations.operation(
    "price.remove",
    admin=Admin(Level.ADMIN, audited=True),
    errors=(ErrorCode.BAD_REQUEST, ErrorCode.NOT_FOUND),
    example={"valid_from": "2026-12-01"},
)
async def remove_prices(ctx: Context, _actor: Actor, params: OnePriceList) -> RemovedPrices:
    """Remove a price list: the one before it holds then."""
    return await manage.remove_list(ctx, await _account(ctx, params.account), params.valid_from)


@operations.operation(
    "price.spent",
    http=Http("GET", "/api/v1/spent", scopes=READ),
    admin=Admin(Level.READ, per_account=True, params=OperatorSpentQuery),
    errors=(ErrorCode.BAD_REQUEST,),
    example={"by": "country", "from": "2026-11-01", "to": "2026-11-30"},
)
async def show_spent(ctx: Context, actor: Actor, params: SpentQuery) -> list[SpentView]:
    """Show what was spent, by month, country or broadcast.

    The messages are those for which Meta's statuses name a category, by the day on which they were sent, in UTC. Each counts
    with the price that held on that day. By month and by country, single messages and deleted broadcasts are in it too.
    """
    period = Period.of(params.first, params.last, ctx.clock.now())
    return await spent(ctx, actor.account_id, params.by, period, params.limit)
