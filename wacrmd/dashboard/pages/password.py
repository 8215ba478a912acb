"""A user's own password."""

from starlette.responses import Response

from wacrmd.dashboard import cookies
from wacrmd.dashboard.forms import Form, errors_by_field, read_form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.visitor import browser_of
from wacrmd.errors import ErrorCode, Refusal, conflict
from wacrmd.services.access import login

_FIELDS = ("current", "password")


NONE = "You have none here: you came by a link of the command line, or by a reverse proxy."


async def show(visit: Visit) -> Response:
    """The form."""
    if not visit.visitor.has_password:
        return visit.message("Your password", NONE, status=200)
    return visit.page("password.html", form=Form(), errors={}, changed=visit.param("changed"))


async def change(visit: Visit) -> Response:
    """Change it, which logs the user out in all other browsers."""
    if not visit.visitor.has_password:
        raise conflict(NONE)
    form = await read_form(visit.request)
    browser = browser_of(visit.ctx, visit.request)
    try:
        begun = await login.change_password(
            visit.ctx, visit.visitor.session, form.get("current", ""), form.get("password", ""), browser
        )
    except Refusal as refusal:
        wrong = {"current": "This is not your present password"}
        errors = wrong if refusal.code is ErrorCode.UNAUTHORIZED else errors_by_field(refusal, _FIELDS)
        return visit.page("password.html", status=400, form=Form(), errors=errors, changed=None)
    response = visit.redirect("/password?changed=1")  # what `done` keeps is for the session that has ended
    for name, value in ((cookies.SESSION, begun.session), (cookies.KNOWN, begun.known)):
        if value is not None:
            cookies.set_cookie(visit.request, visit.ctx.config, response, name, value)
    return response


PAGES: tuple[Row, ...] = (("GET", "/password", show), ("POST", "/password", change))
