"""What a person sees where there is no page to show an error on."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from wacrmd.dashboard.render import page
from wacrmd.errors import ERRORS, ErrorCode, Refusal

_TITLES = {ErrorCode.INTERNAL: "Something went wrong", ErrorCode.NOT_FOUND: "Not found"}


def title_of(refusal: Refusal) -> str:
    """A heading for what was refused."""
    return _TITLES.get(refusal.code, "Not possible")


def error_page(refusal: Refusal) -> Response:
    """The answer for a request that was refused before a page could be made."""
    response = page(
        "error.html",
        status=ERRORS[refusal.code].status,
        title=title_of(refusal),
        text=refusal.message,
        notice=None,
    )
    response.headers.update(refusal.headers)
    return response


async def no_page(_: Request, error: Exception) -> Response:
    """The answer for an address or a method that no page has."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    text = "There is no page here: the address is wrong, or what it was about is gone."
    response = page("error.html", status=status, title="Not found", text=text, notice=None)
    response.headers.update(getattr(error, "headers", None) or {})
    return response
