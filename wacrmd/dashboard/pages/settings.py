"""What is set for all broadcasts of an account: hours, sending again, the way of marketing messages, the country."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from wacrmd.dashboard import plan_form, rule_form
from wacrmd.dashboard.forms import Form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.form_page import FormPage
from wacrmd.dashboard.pages.slices import sliced
from wacrmd.domain.country_names import NAMES
from wacrmd.domain.marketing_route import MarketingRoute, ProductPolicy
from wacrmd.domain.sending_plan import SendingPlan
from wacrmd.domain.time_zones import zone_names
from wacrmd.errors import Refusal
from wacrmd.views.access import AccountView

NONE = "none"
"""The word with which `account.set` takes a setting away."""
ROUTES: Mapping[str, str] = {
    MarketingRoute.AUTO: "by itself: over the Marketing Messages API where Meta has enabled it",
    MarketingRoute.MESSAGES: "always as other messages",
    MarketingRoute.MARKETING_MESSAGES: "always over the Marketing Messages API",
}
POLICIES: Mapping[str, str] = {
    ProductPolicy.CLOUD_API_FALLBACK: "send it as other messages then",
    ProductPolicy.STRICT: "do not send it then",
}
SWITCH: Mapping[bool | None, str] = {True: "on", False: "off", None: ""}
_WORDS = {
    "country": "country",
    "marketing_route": "way of marketing messages",
    "product_policy": "what Meta does otherwise",
    "message_activity_sharing": "what Meta may use",
    "send_between": "hours",
    "retry_rules": "again by itself",
}


async def index(visit: Visit) -> Response:
    """The settings of all accounts."""
    shown, pages = sliced(visit, await visit.perform("account.list"))
    return visit.page("settings.html", accounts=shown, pages=pages, routes=ROUTES, policies=POLICIES)


async def _account(visit: Visit) -> AccountView:
    found: AccountView = await visit.find("account.list", "Account", "id")
    return found


def _plan(account: AccountView) -> SendingPlan:
    return SendingPlan(send_between=account.send_between, retry_rules=account.retry_rules)


def _first(account: AccountView) -> Form:
    pairs = {
        "country": account.default_country or "",
        "marketing_route": account.marketing_route.value,
        "product_policy": account.product_policy or "",
        "message_activity_sharing": SWITCH[account.message_activity_sharing],
    }
    return Form([*plan_form.filled(_plan(account)).pairs, *pairs.items()])


async def _change(visit: Visit, form: Form, account: AccountView) -> Response:
    """Set what is different, so that the audit log says it."""
    before, plan = _first(account), _plan(account)
    changes: dict[str, Any] = {
        name: form.text(name) or NONE
        for name in ("country", "marketing_route", "product_policy", "message_activity_sharing")
        if name in form and form[name].strip() != before[name]
    }
    same = plan_form.usual(plan_form.filled(plan), plan)
    given = plan_form.usual(form, plan)
    changes |= {
        name: NONE if value is None else value for name, value in given.items() if value != same[name]
    }
    if not changes:
        return visit.done("/settings", "Nothing was changed.")
    try:
        await visit.perform("account.set", name=account.name, **changes)
    except Refusal as refusal:
        raise rule_form.beside(refusal, form) from None
    return visit.done("/settings", f"Changed: {', '.join(_WORDS[name] for name in changes)}.")


_SETTINGS = FormPage(
    path="/settings/{id}",
    operation="account.set",
    template="settings_form.html",
    fields=(
        "country",
        "marketing_route",
        "product_policy",
        "message_activity_sharing",
        *plan_form.FIELDS_OF_USUAL,
    ),
    about=_account,
    first=_first,
    values={
        "routes": ROUTES,
        "policies": POLICIES,
        "zones": lambda: sorted(zone_names()),
        "countries": sorted(NAMES.items(), key=lambda each: each[1]),
    },
    send=_change,
)

PAGES: tuple[Row, ...] = (("GET", "/settings", index), *_SETTINGS.rows)
