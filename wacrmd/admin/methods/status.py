"""`status`: is it healthy, what is it doing, what does not move and why."""

from typing import Any

from wacrmd.admin.identity import Caller, Level
from wacrmd.admin.registry import Method, NoParams
from wacrmd.services.context import Context
from wacrmd.services.maintenance import status as services


async def status(ctx: Context, _params: NoParams, _caller: Caller) -> dict[str, Any]:
    """The daemon's state."""
    return await services.status(ctx)


METHODS: tuple[Method[Context], ...] = (
    Method(
        name="status",
        level=Level.READ,
        summary="Tell whether it is healthy, what it does, and what does not move and why",
        handler=status,
    ),
)
