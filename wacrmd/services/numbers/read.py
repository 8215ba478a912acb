"""Reading numbers: one by its id, and lists."""

from functools import partial

from wacrmd.domain.account_notice import holding
from wacrmd.domain.number import Number, NumberFacts
from wacrmd.fields import shared
from wacrmd.secrets import hash_verify_token
from wacrmd.services.context import Context
from wacrmd.services.lookup import exactly_one
from wacrmd.store import numbers
from wacrmd.views.numbers import AccountNumber


async def number_of(ctx: Context, reference: str, account_id: str | None = None) -> Number:
    """The number of one account or of any by its phone number id or the beginning of its id; refuses as `exactly_one`."""
    found = await ctx.db.read(partial(numbers.find, reference=reference, account_id=account_id))
    return exactly_one(found, "Number", reference)


def view_of(ctx: Context, number: Number) -> AccountNumber:
    """A number with its present throughput, and why it does not send, if so."""
    throughput = ctx.throughput.state(number.id)
    return AccountNumber(
        **shared(NumberFacts, number) | {"notices": holding(number.notices, ctx.clock.now())},
        account=number.account,
        removed_at=number.removed_at,
        hold=number.hold or (throughput.hold if throughput else None),
        messages_per_second=number.rate(ctx.config.sender.messages_per_second),
        rate_now=round(throughput.rate_now, 1) if throughput else None,
        in_flight=throughput.in_flight if throughput else 0,
    )


async def list_numbers(
    ctx: Context, account_id: str | None = None, *, removed: bool = False
) -> list[AccountNumber]:
    """The numbers of one account or of all, oldest first; `removed`: also those that were removed."""
    found = await ctx.db.read(partial(numbers.all_of, account_id=account_id, removed=removed))
    return [view_of(ctx, number) for number in found]


async def is_verify_token(ctx: Context, token: str) -> bool:
    """Whether this is the verify token of a configured number."""
    return await ctx.db.read(partial(numbers.verify_token_known, hashed=hash_verify_token(token)))
