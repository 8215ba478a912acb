"""`user.…` and `dashboard`: who may use the pages for people, and a link that logs in."""

import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from wacrmd.domain.actor import Actor, Level
from wacrmd.domain.user import MAX_PASSWORD, MIN_PASSWORD, Role
from wacrmd.errors import ErrorCode
from wacrmd.operations.inputs import Name, NoParams, Params
from wacrmd.operations.operation import Admin, Operations
from wacrmd.services.access import login, users
from wacrmd.services.context import Context
from wacrmd.views.users import LoggedOutView, LoginLinkView, UserView

operations = Operations()

UserRole = Literal[Role.VIEWER, Role.SENDER, Role.OPERATOR]
"""A role that a user can have; ADMIN is for links."""

PASSWORD = f"{MIN_PASSWORD} to {MAX_PASSWORD} characters; without one the user comes by a reverse proxy"


def _user_name(text: str) -> str:
    """The name in one form. It stands in the log, in the audit and on pages, where it must look like a name."""
    name = unicodedata.normalize("NFC", text)
    if not name.isprintable() or not name[0].isalnum() or "/" in name:
        raise ValueError("expected a letter or a digit first, and no slashes or control characters")
    return name


class UserName(Params):
    """A user."""

    name: Name = Field(description="the user's name")


class NewUser(UserName):
    """A user to be added."""

    name: Annotated[Name, AfterValidator(_user_name)] = Field(
        description="the name with which the user logs in, or that a reverse proxy sends, such as an e-mail address"
    )
    role: UserRole = Field(description="what the user may do")
    accounts: tuple[Name, ...] = Field(
        (),
        max_length=100,
        description="the accounts that the user may see; none: all. A sender needs at least one",
    )
    password: SecretStr | None = Field(None, description=PASSWORD)


class UserChange(UserName):
    """What to change of a user."""

    role: UserRole | None = Field(None, description="what the user may do")
    accounts: tuple[Name, ...] | None = Field(
        None, max_length=100, description="the accounts that the user may see; []: all"
    )
    password: SecretStr | None = Field(None, description="another password")


@operations.operation(
    "user.add",
    admin=Admin(Level.ADMIN, audited=True),
    errors=(ErrorCode.CONFLICT, ErrorCode.NOT_FOUND),
    example={"name": "ann", "role": "sender", "accounts": ["shop"], "password": "correct horse"},
)
async def add(ctx: Context, _actor: Actor, params: NewUser) -> UserView:
    """Add a user of the dashboard."""
    return await users.add(
        ctx,
        name=params.name,
        role=params.role,
        account_names=params.accounts,
        password=params.password.get_secret_value() if params.password else None,
    )


@operations.operation("user.list", admin=Admin(Level.READ))
async def list_users(ctx: Context, _actor: Actor, _params: NoParams) -> list[UserView]:
    """List the users of the dashboard."""
    return await users.list_users(ctx)


@operations.operation(
    "user.set",
    admin=Admin(Level.ADMIN, audited=True),
    errors=(ErrorCode.NOT_FOUND,),
    example={"name": "ann", "role": "operator"},
)
async def change(ctx: Context, _actor: Actor, params: UserChange) -> UserView:
    """Change a user's role, accounts or password; that ends the user's sessions."""
    return await users.change(
        ctx,
        params.name,
        role=params.role,
        account_names=params.accounts,
        password=params.password.get_secret_value() if params.password else None,
    )


@operations.operation(
    "user.remove",
    admin=Admin(Level.ADMIN, audited=True),
    errors=(ErrorCode.NOT_FOUND,),
    example={"name": "ann"},
)
async def remove(ctx: Context, _actor: Actor, params: UserName) -> UserView:
    """Delete a user, who is logged out everywhere."""
    return await users.remove(ctx, params.name)


@operations.operation(
    "user.logout",
    admin=Admin(Level.ADMIN, audited=True),
    errors=(ErrorCode.NOT_FOUND,),
    example={"name": "ann"},
)
async def log_out(ctx: Context, _actor: Actor, params: UserName) -> LoggedOutView:
    """End all sessions of a user, or those that a user of the machine began with links."""
    return await users.log_out(ctx, params.name)


@operations.operation("dashboard", admin=Admin(Level.READ), errors=(ErrorCode.CONFLICT,))
async def dashboard(ctx: Context, actor: Actor, _params: NoParams) -> LoginLinkView:
    """Make a link that logs one browser in to the dashboard, once, within two minutes.

    What may be done there is what the caller may do on the admin socket.
    """
    return await login.make_link(ctx, actor)
