"""Who a key is."""

from starlette.responses import Response

from wacrmd.api.answers import MeOut
from wacrmd.api.endpoint import Call, Endpoint, answer


async def me(call: Call) -> Response:
    """The account and the scopes of the key in use."""
    account = {"id": call.key.account_id, "name": call.key.account}
    return answer({"account": account, "key": {"id": call.key.id, "scopes": list(call.key.scopes)}})


ENDPOINTS = (Endpoint("GET", "/api/v1/me", "Show the account and the key in use", me, MeOut),)
