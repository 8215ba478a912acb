"""What an administrator sets for a whole account."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from wacrmd.domain.marketing_route import MarketingRoute, ProductPolicy
from wacrmd.domain.retry import RetryRules
from wacrmd.domain.send_between import SendBetween
from wacrmd.fields import Doc


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """The settings of an account; each has a default, which is in force where nothing is set.

    A setting is a field here, a column of the table `account` with the same name, and a parameter of `account.set`
    (docs/architecture.md, Adding a setting of an account).
    """

    default_country: Annotated[
        str | None,
        Doc("ISO 3166 code; numbers without `+` or `00` are read as numbers of this country first"),
    ] = None
    marketing_route: Annotated[
        MarketingRoute,
        Doc(
            "where marketing templates are sent: `auto` is `/marketing_messages` if Meta says that the business account is"
            " onboarded there, else `/messages`"
        ),
    ] = MarketingRoute.AUTO
    product_policy: Annotated[
        ProductPolicy | None,
        Doc(
            "`product_policy` of messages to `/marketing_messages`; null: left out, which is `CLOUD_API_FALLBACK`"
        ),
    ] = None
    message_activity_sharing: Annotated[
        bool | None,
        Doc(
            "`message_activity_sharing` of messages to `/marketing_messages`; null: left out, the setting at Meta counts"
        ),
    ] = None

    send_between: Annotated[
        SendBetween | None, Doc("the hours of broadcasts that name none; null: at any time")
    ] = None
    retry_rules: Annotated[
        RetryRules | None,
        Doc(
            "when broadcasts that name no rules are sent again by themselves to those who failed; null: never"
        ),
    ] = None

    def changed(self, changes: Mapping[str, Any]) -> "AccountSettings":
        """These settings with some of them set, by name; None takes one away: its default is in force again."""
        defaults = AccountSettings()
        return replace(
            self,
            **{name: getattr(defaults, name) if value is None else value for name, value in changes.items()},
        )
