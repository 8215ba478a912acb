"""The account's numbers over HTTP: what sends, how fast, and why not."""

from starlette.responses import Response

from wacrmd.api.answers import NumberOut
from wacrmd.api.endpoint import Call, Endpoint, answer
from wacrmd.domain.account import Scope
from wacrmd.services.numbers import manage


async def index(call: Call) -> Response:
    """All numbers of the account: there are few, so there is one page."""
    found = await manage.list_numbers(call.ctx, call.account_id)
    shown = [{name: number[name] for name in NumberOut.model_fields} for number in reversed(found)]
    return answer(shown, meta={"next_cursor": None})


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/v1/numbers",
        "List the account's numbers",
        index,
        NumberOut,
        scopes=(Scope.NUMBERS_READ,),
        paged=True,
        description=(
            "`state` says whether a number sends and `hold` why not; `quality` and `limit_tier` are Meta's words as of"
            " `checked_at`. All numbers are on one page, newest first."
        ),
    ),
)
