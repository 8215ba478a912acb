"""The accounts among which a page lets choose."""

from wacrmd.dashboard.frame import Visit


async def account_names(visit: Visit) -> list[str]:
    """The names of the accounts that the visitor sees."""
    return [each.name for each in await visit.perform("account.list")]
