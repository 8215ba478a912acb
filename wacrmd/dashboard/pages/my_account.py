"""Who the visitor is: name, role, accounts, browsers, the own password, and logging out everywhere."""

from starlette.responses import Response

from wacrmd.dashboard import cookies
from wacrmd.dashboard.forms import Form, errors_by_field, read_form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.accounts import account_names
from wacrmd.dashboard.pages.users import ROLES
from wacrmd.dashboard.visitor import browser_of, client_address
from wacrmd.errors import ErrorCode, Refusal, conflict
from wacrmd.services.access import login

_FIELDS = ("current", "password")
_ADMIN = "administrator: may do everything; only by a link of the command line"
NONE = "You have none here: you came by a link of the command line, or by a reverse proxy."


async def show(visit: Visit) -> Response:
    """What wacrmd knows of the visitor."""
    session = visit.visitor.session
    return visit.page(
        "my_account.html",
        session=session,
        role=ROLES.get(visit.visitor.role, _ADMIN),
        accounts=await account_names(visit) if session.account_ids else None,
        browsers=await login.browsers_of(visit.ctx, session),
    )


async def log_out_everywhere(visit: Visit) -> Response:
    """End all sessions of the visitor, also this one."""
    await login.log_out_everywhere(visit.ctx, visit.visitor.session, client_address(visit.ctx, visit.request))
    response = visit.redirect("/login")
    cookies.clear(response, cookies.SESSION)
    return response


async def ask_password(visit: Visit) -> Response:
    """The form for another password."""
    if not visit.visitor.has_password:
        return visit.message("Your password", NONE, status=200, back="/account", label="My account")
    return visit.page("password.html", form=Form(), errors={}, changed=visit.param("changed"))


async def change_password(visit: Visit) -> Response:
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


PAGES: tuple[Row, ...] = (
    ("GET", "/account", show),
    ("POST", "/account/logout", log_out_everywhere),
    ("GET", "/password", ask_password),
    ("POST", "/password", change_password),
)
