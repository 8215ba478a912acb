"""The users of the dashboard: list, add, change, remove, log out."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from wacrmd.dashboard.forms import Form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.form_page import FormPage
from wacrmd.dashboard.pages.slices import sliced
from wacrmd.dashboard.render import counted, isolated
from wacrmd.domain.user import Role
from wacrmd.views.users import UserView

ROLES: Mapping[str, str] = {
    Role.VIEWER: "viewer: sees everything of the accounts",
    Role.SENDER: "sender: also creates and runs broadcasts of the accounts",
    Role.OPERATOR: "operator: also pauses numbers, changes opt-outs, tells programs again what they missed",
}


async def index(visit: Visit) -> Response:
    """All users."""
    shown, pages = sliced(visit, await visit.perform("user.list"))
    return visit.page("users.html", users=shown, pages=pages)


async def _add(visit: Visit, form: Form, _user: None) -> Response:
    made = await visit.perform(
        "user.add",
        name=form.text("name"),
        role=form.text("role"),
        accounts=form.every("accounts"),
        password=form.get("password") or None,
    )
    return visit.done("/users", f"Added: {isolated(made.name)}.")


async def _change(visit: Visit, form: Form, user: UserView) -> Response:
    role, accounts = form.text("role"), form.every("accounts")
    changes: dict[str, Any] = {
        "role": None if role == user.role else role,
        "accounts": None if sorted(accounts) == sorted(user.accounts) else accounts,
        "password": form.get("password") or None,
    }
    if not any(value is not None for value in changes.values()):
        return visit.done("/users", "Nothing was changed.")
    await visit.perform("user.set", name=user.name, **changes)
    return visit.done("/users", f"Changed: {isolated(user.name)} must log in again.")


async def ask_remove(visit: Visit) -> Response:
    """Ask before a user is removed."""
    await visit.require("user.remove")
    user = await _user(visit)
    return visit.confirm(
        f"Remove {isolated(user.name)}?",
        "The user is logged out everywhere and cannot log in again. What the user did stays in the audit log.",
        button="Remove the user",
        back="/users",
    )


async def remove(visit: Visit) -> Response:
    """Remove a user."""
    gone = await visit.perform("user.remove", name=visit.request.path_params["name"])
    return visit.done("/users", f"Removed: {isolated(gone.name)}.")


async def log_out(visit: Visit) -> Response:
    """End all sessions of a user."""
    name = visit.request.path_params["name"]
    ended = await visit.perform("user.logout", name=name)
    return visit.done("/users", f"Logged out: {name}, in {counted(ended.sessions, 'browser')}.")


async def _user(visit: Visit) -> UserView:
    user: UserView = await visit.find("user.list", "User", "name")
    return user


_NEW = FormPage(
    path="/users/new",
    operation="user.add",
    template="user_form.html",
    fields=("name", "role", "accounts", "password"),
    first=lambda _: Form([("role", Role.VIEWER)]),
    values={"roles": ROLES},
    send=_add,
)
_SETTINGS = FormPage(
    path="/users/{name}/settings",
    operation="user.set",
    template="user_form.html",
    fields=("role", "accounts", "password"),
    about=_user,
    first=lambda user: Form([("role", user.role), *(("accounts", name) for name in user.accounts)]),
    values={"roles": ROLES},
    send=_change,
)

PAGES: tuple[Row, ...] = (
    ("GET", "/users", index),
    *_NEW.rows,
    *_SETTINGS.rows,
    ("GET", "/users/{name}/remove", ask_remove),
    ("POST", "/users/{name}/remove", remove),
    ("POST", "/users/{name}/logout", log_out),
)
