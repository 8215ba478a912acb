"""The doctor's checks of the dashboard: whether people can log in, and from where they seem to come."""

from wacrmd.config import Bind
from wacrmd.services.context import Context
from wacrmd.services.maintenance.dashboard_address import address_checks
from wacrmd.store import users
from wacrmd.views.checks import Check, CheckState

MAX_NAMES = 3
"""How many users a finding names."""


async def dashboard(ctx: Context) -> list[Check]:
    """Whether its address fits, a reverse proxy is known, and each user has a way in."""
    if ctx.dashboard_address is None:
        return [Check("listener", CheckState.OK, "turned off: [dashboard] bind is empty")]
    address = address_checks(
        ctx.config.dashboard, Bind.parse(ctx.dashboard_address), ctx.refused_host, ctx.refused_origin
    )
    return [*address, *_proxy(ctx), *await _users(ctx)]


def _proxy(ctx: Context) -> list[Check]:
    if ctx.unknown_proxy is None:
        return []
    detail = (
        f"requests from {ctx.unknown_proxy} have X-Forwarded-For, and it is none of [dashboard] trusted_proxies:"
        " everybody behind it has this address"
    )
    advice = (
        "If it is your reverse proxy, add it to trusted_proxies and set public_url:"
        " else wrong passwords of one person make all others wait."
    )
    return [Check("reverse proxy", CheckState.WARN, detail, advice)]


async def _users(ctx: Context) -> list[Check]:
    found = await ctx.db.read(users.all_of)
    stuck = (
        [each.name for each in found if each.password is None] if not ctx.config.dashboard.user_header else []
    )
    if stuck:
        more = f" and {len(stuck) - MAX_NAMES} more" if len(stuck) > MAX_NAMES else ""
        detail = f"{', '.join(stuck[:MAX_NAMES])}{more}: without a password, and [dashboard] user_header is not set"
        advice = "They cannot log in: wacrmd user set NAME --password-file FILE"
        return [Check("users", CheckState.WARN, detail, advice)]
    return [Check("users", CheckState.OK, f"{len(found)}; wacrmd dashboard makes a link for yourself")]
