"""The users of the dashboard: list, add, change, remove, log out."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from wacrmd.dashboard.forms import Form, mistakes, read_form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.accounts import account_names
from wacrmd.dashboard.pages.slices import sliced
from wacrmd.domain.user import Role
from wacrmd.errors import Refusal, counted, not_found
from wacrmd.views.users import UserView

ROLES: Mapping[str, str] = {
    Role.VIEWER: "viewer: sees everything of the accounts",
    Role.SENDER: "sender: also creates and runs broadcasts of the accounts",
    Role.OPERATOR: "operator: also pauses numbers, changes opt-outs, sends events again",
}
_FIELDS = ("name", "role", "accounts", "password")


async def index(visit: Visit) -> Response:
    """All users."""
    shown, pages = sliced(visit, await visit.perform("user.list"))
    return visit.page("users.html", users=shown, pages=pages)


async def new(visit: Visit) -> Response:
    """The form for another user."""
    visit.require("user.add")
    return await _form(visit, None, Form([("role", Role.VIEWER)]))


async def _form(
    visit: Visit, user: UserView | None, form: Form, errors: Mapping[str, str] | None = None
) -> Response:
    return visit.page(
        "user_form.html",
        status=200 if errors is None else 422,
        user=user,
        form=form,
        errors=errors or {},
        roles=ROLES,
        accounts=await account_names(visit),
    )


async def add(visit: Visit) -> Response:
    """Add a user."""
    form = await read_form(visit.request)
    try:
        made = await visit.perform(
            "user.add",
            name=form.text("name"),
            role=form.text("role"),
            accounts=form.every("accounts"),
            password=form.get("password") or None,
        )
    except Refusal as refusal:
        return await _form(visit, None, form, mistakes(refusal, _FIELDS))
    return visit.done("/users", f"Added: {made.name}.")


async def settings(visit: Visit) -> Response:
    """The form for what can be changed about a user."""
    visit.require("user.set")
    user = await _user(visit)
    given = [("role", user.role.value), *(("accounts", name) for name in user.accounts)]
    return await _form(visit, user, Form(given))


async def change(visit: Visit) -> Response:
    """Change a user, who is logged out by it."""
    visit.require("user.set")
    form = await read_form(visit.request)
    user = await _user(visit)
    role, accounts = form.text("role"), form.every("accounts")
    changes: dict[str, Any] = {
        "role": None if role == user.role else role,
        "accounts": None if sorted(accounts) == sorted(user.accounts) else accounts,
        "password": form.get("password") or None,
    }
    if not any(value is not None for value in changes.values()):
        return visit.done("/users", "Nothing was changed.")
    try:
        await visit.perform("user.set", name=user.name, **changes)
    except Refusal as refusal:
        return await _form(visit, user, form, mistakes(refusal, _FIELDS))
    return visit.done("/users", f"Changed: {user.name} must log in again.")


async def ask_remove(visit: Visit) -> Response:
    """Ask before a user is removed."""
    visit.require("user.remove")
    user = await _user(visit)
    return visit.confirm(
        f"Remove {user.name}?",
        "The user is logged out everywhere and cannot log in again. What the user did stays in the audit log.",
        action=f"/users/{visit.request.path_params['name']}/remove",
        button="Remove the user",
        back="/users",
    )


async def remove(visit: Visit) -> Response:
    """Remove a user."""
    gone = await visit.perform("user.remove", name=visit.request.path_params["name"])
    return visit.done("/users", f"Removed: {gone.name}.")


async def log_out(visit: Visit) -> Response:
    """End all sessions of a user."""
    name = visit.request.path_params["name"]
    ended = await visit.perform("user.logout", name=name)
    return visit.done("/users", f"Logged out: {name}, in {counted(ended.sessions, 'browser')}.")


async def _user(visit: Visit) -> UserView:
    wanted = visit.request.path_params["name"]
    found: list[UserView] = await visit.perform("user.list")
    user = next((each for each in found if each.name == wanted), None)
    if user is None:
        raise not_found("User")
    return user


PAGES: tuple[Row, ...] = (
    ("GET", "/users", index),
    ("GET", "/users/new", new),
    ("POST", "/users/new", add),
    ("GET", "/users/{name}/settings", settings),
    ("POST", "/users/{name}/settings", change),
    ("GET", "/users/{name}/remove", ask_remove),
    ("POST", "/users/{name}/remove", remove),
    ("POST", "/users/{name}/logout", log_out),
)
