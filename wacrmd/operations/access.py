"""`account.…`, `key.…` and `me`: the tenants, the keys of their apps, and the key in use."""

from typing import Annotated

from pydantic import AfterValidator, Field

from wacrmd.domain.account import Scope
from wacrmd.domain.actor import Actor, Level
from wacrmd.domain.network import read_network
from wacrmd.errors import ErrorCode
from wacrmd.fields import JsonObject
from wacrmd.operations.inputs import (
    CountryOrNone,
    MarketingRouteOrNone,
    Name,
    NoParams,
    OptionalAccount,
    Params,
    ProductPolicyOrNone,
    RequiredAccount,
    SwitchOrNone,
)
from wacrmd.operations.operation import Admin, Http, Operations
from wacrmd.operations.plan_inputs import HoursOrNone
from wacrmd.operations.retry_inputs import RulesOrNone, to_rules
from wacrmd.services.access import accounts, keys
from wacrmd.services.context import Context
from wacrmd.views.access import (
    AccountRef,
    AccountView,
    KeyScopes,
    KeyView,
    MeView,
    NewKeyView,
    RotatedKeyView,
)

operations = Operations()


MAX_NETWORKS = 50

NetworkInput = Annotated[str, AfterValidator(read_network)]
"""An address or a network as callers write it."""

COUNTRY = "ISO 3166 code: numbers without `+` or `00` are read as numbers of this country first"


class AccountName(Params):
    """An account by its name."""

    name: Name = Field(description="the account's name")


class SettingsOfAccount(AccountName):
    """An account and what to set; the word `none` takes a setting away, one that is not named stays as it is."""

    country: CountryOrNone = Field(None, description=f"{COUNTRY}; `none`: of no country")
    marketing_route: MarketingRouteOrNone = Field(
        None,
        description="where marketing templates are sent; `auto`, the default: to `/marketing_messages` if Meta says that the"
        " business account is onboarded there, else to `/messages`",
    )
    product_policy: ProductPolicyOrNone = Field(
        None,
        description="`product_policy` of messages to `/marketing_messages`; `none`: it is left out, and Meta takes"
        " `CLOUD_API_FALLBACK`",
    )
    message_activity_sharing: SwitchOrNone = Field(
        None,
        description="`message_activity_sharing` of messages to `/marketing_messages`; `none`: it is left out, and the"
        " setting at Meta counts",
    )
    send_between: HoursOrNone = Field(
        None, description="the hours of broadcasts that name none; `none`: at any time"
    )
    retry_rules: RulesOrNone = Field(
        None,
        description="when broadcasts that name no rules are sent again by themselves to those who failed; `none`: never",
    )

    def changes(self) -> JsonObject:
        """The settings that are given, by their names in `AccountSettings`; None takes one away."""
        given = {
            _SETTINGS.get(name, name): getattr(self, name)
            for name in self.model_fields_set
            if name not in AccountName.model_fields
        }
        if self.send_between is not None:
            given["send_between"] = self.send_between.to_hours()
        if self.retry_rules is not None:
            given["retry_rules"] = to_rules(self.retry_rules)
        return given


_SETTINGS = {"country": "default_country"}
"""Settings that a caller names otherwise."""


class Rename(AccountName):
    """An account and its new name."""

    new: Name = Field(description="the new name")


class NewKey(RequiredAccount):
    """A key to be made."""

    account: Name = Field(description="the account that it acts on")
    name: Name = Field(description="the app that uses it")
    scopes: tuple[Scope, ...] = Field((), description="what it may do; none: only GET /api/v1/me")
    allowed_from: tuple[NetworkInput, ...] | None = Field(
        None,
        min_length=1,  # an empty list is a mistake that would open the key to all
        max_length=MAX_NETWORKS,
        description="the addresses and networks from which it is accepted; without them from everywhere",
    )
    expires_in_days: int | None = Field(
        None, ge=1, le=36_500, description="the key expires after this many days"
    )


class KeyId(Params):
    """A key."""

    id: str = Field(min_length=1, max_length=64, description="its id or an unambiguous beginning of it")


class KeyRotation(KeyId):
    """A key to be replaced."""

    overlap_hours: float = Field(
        24, ge=0, le=8_760, description="for how long the old key is accepted beside the new one"
    )
    expires_in_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="the new key expires after this many days; by default it lives as long as the old one",
    )


@operations.operation(
    "account.add",
    admin=Admin(Level.ADMIN, audited=True),
    errors=(ErrorCode.CONFLICT,),
    example={"name": "shop", "country": "DE"},
)
async def add_account(ctx: Context, _actor: Actor, params: SettingsOfAccount) -> AccountRef:
    """Make an account: it owns numbers, keys and broadcasts."""
    return await accounts.add(ctx, params.name, params.changes())


@operations.operation(
    "account.set",
    admin=Admin(Level.ADMIN, audited=True),
    errors=(ErrorCode.BAD_REQUEST, ErrorCode.NOT_FOUND),
    example={"name": "shop", "country": "DE"},
)
async def set_account(ctx: Context, _actor: Actor, params: SettingsOfAccount) -> AccountView:
    """Change settings of an account; one that is not named stays, and `none` takes one away.

    Numbers that are stored stay as they are, whatever the new country.
    """
    return await accounts.change_settings(ctx, params.name, params.changes())


@operations.operation("account.list", admin=Admin(Level.READ, per_account=True))
async def list_accounts(ctx: Context, actor: Actor, _params: NoParams) -> list[AccountView]:
    """List the accounts."""
    return await accounts.list_accounts(ctx, actor)


@operations.operation(
    "account.show",
    admin=Admin(Level.READ, per_account=True),
    errors=(ErrorCode.NOT_FOUND,),
    example={"name": "shop"},
)
async def show_account(ctx: Context, actor: Actor, params: AccountName) -> AccountView:
    """Show an account with its settings."""
    return await accounts.show(ctx, actor, params.name)


@operations.operation(
    "account.rename",
    admin=Admin(Level.ADMIN, audited=True),
    errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
    example={"name": "shop", "new": "store"},
)
async def rename_account(ctx: Context, _actor: Actor, params: Rename) -> AccountView:
    """Give an account another name; its keys and numbers stay as they are."""
    return await accounts.rename(ctx, params.name, params.new)


@operations.operation(
    "account.remove",
    admin=Admin(Level.ADMIN, audited=True),
    errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
    example={"name": "shop"},
)
async def remove_account(ctx: Context, _actor: Actor, params: AccountName) -> AccountView:
    """Delete an account that has no numbers, active keys, users or broadcasts any more.

    Its opt-outs, its webhooks, and what is known of its people go with it. A refusal says what it still has.
    """
    return await accounts.remove(ctx, params.name)


@operations.operation(
    "key.create",
    admin=Admin(Level.ADMIN, per_account=True, audited=True),
    errors=(ErrorCode.NOT_FOUND,),
    example={"account": "shop", "name": "CRM", "scopes": ["broadcasts:send"]},
)
async def create_key(ctx: Context, actor: Actor, params: NewKey) -> NewKeyView:
    """Make an API key for a local app; it is shown this once."""
    return await keys.create(
        ctx,
        actor.account,
        name=params.name,
        scopes=params.scopes,
        allowed_from=params.allowed_from or (),
        expires_in_days=params.expires_in_days,
    )


@operations.operation(
    "key.list", admin=Admin(Level.READ, per_account=True, params=OptionalAccount), example={"account": "shop"}
)
async def list_keys(ctx: Context, actor: Actor, _params: NoParams) -> list[KeyView]:
    """List API keys."""
    return await keys.list_keys(ctx, actor.account_id)


@operations.operation(
    "key.rotate",
    admin=Admin(Level.ADMIN, per_account=True, audited=True),
    errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
    example={"id": "6f1c2d", "overlap_hours": 24},
)
async def rotate_key(ctx: Context, actor: Actor, params: KeyRotation) -> RotatedKeyView:
    """Replace an API key by one with the same name, scopes and addresses; it is shown this once.

    The old one is accepted until the overlap ends, and never longer than its own time. Until then both share one rate limit.
    """
    return await keys.rotate(
        ctx, actor, params.id, overlap_hours=params.overlap_hours, expires_in_days=params.expires_in_days
    )


@operations.operation(
    "key.revoke",
    admin=Admin(Level.ADMIN, per_account=True, audited=True),
    errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
    example={"id": "6f1c2d"},
)
async def revoke_key(ctx: Context, actor: Actor, params: KeyId) -> KeyView:
    """Revoke an API key: its next request is refused."""
    return await keys.revoke(ctx, actor, params.id)


@operations.operation("me", http=Http("GET", "/api/v1/me"))
async def me(_ctx: Context, actor: Actor, _params: NoParams) -> MeView:
    """Show the account and the key in use."""
    key = actor.key
    if key is None:
        raise ValueError("only an API key asks what it is")
    return MeView(
        account=AccountRef(id=key.account_id, name=key.account),
        key=KeyScopes(id=key.id, scopes=key.scopes),
    )
