"""Business accounts, and calls to Meta with the token of any of their numbers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from wacrmd.domain.number import Number
from wacrmd.meta.client import MetaCallError
from wacrmd.services.context import Context
from wacrmd.store import numbers
from wacrmd.vault import VaultError, access_token_context

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Business:
    """A business account and its numbers; the token of any of them can read what it has."""

    waba_id: str
    numbers: list[Number] = field(default_factory=list)


async def businesses(ctx: Context, account_id: str | None) -> list[Business]:
    """The business accounts of the numbers of one account or of all, each once."""
    found: dict[str, Business] = {}
    for number in await ctx.db.read(partial(numbers.all_of, account_id=account_id)):
        found.setdefault(number.waba_id, Business(number.waba_id)).numbers.append(number)
    return list(found.values())


async def ask(ctx: Context, business: Business, call: Callable[[str], Awaitable[T]]) -> T:
    """What `call` returns with the first token that works; raises the error of the last one if none does."""
    failure: MetaCallError | VaultError | None = None
    tried: set[str] = set()
    for number in business.numbers:
        try:
            token = ctx.vault.decrypt(number.access_token, access_token_context(number.id))
            if token not in tried:
                tried.add(token)
                return await call(token)
        except (MetaCallError, VaultError) as error:
            failure = error
    raise failure or MetaCallError(f"no number of business account {business.waba_id} has a token")
