"""Checks the URL of a webhook when it is configured."""

import anyio

from wacrmd.domain.actor import Actor, ActorKind
from wacrmd.errors import bad_request
from wacrmd.http.address_policy import AddressPolicy, detail, parse_url, refusal
from wacrmd.services.context import Context

LOOKUP_S = 5.0


async def check_url(ctx: Context, actor: Actor, text: str) -> None:
    """Raise Refusal for a URL that is malformed or whose host has an address that is not allowed.

    Only an operator is told the address. A host that cannot be looked up now passes, because each delivery checks
    the address that it connects to.
    """
    try:
        url = parse_url(text)
    except ValueError as error:
        raise bad_request(f"url: {error}") from error
    host = url.raw_host or ""
    address_policy = AddressPolicy(ctx.config.outbound_webhooks.allow_private)
    try:
        with anyio.fail_after(LOOKUP_S):
            found = await ctx.webhook_lookups.resolve(host, url.port or 0)
    except (OSError, TimeoutError, UnicodeError):
        return
    for _, address in found:
        if not address_policy.allows(host, address):
            is_operator = actor.kind is ActorKind.OPERATOR
            raise bad_request(f"url: {detail(host, address) if is_operator else refusal(host)}")
