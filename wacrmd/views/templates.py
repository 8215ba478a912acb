"""Templates as callers see them, and what reading them from Meta did."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from wacrmd.domain.marketing_route import Route
from wacrmd.domain.opt_out_buttons import template_warnings
from wacrmd.domain.template import Template
from wacrmd.fields import Doc, shared


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateView(Template):
    """A template in one language, with Meta's own values."""

    warnings: Annotated[
        list[str], Doc("quick replies that look like an opt-out but would not be taken as one; mostly empty")
    ]
    route: Annotated[Route, Doc("where its messages go, and why")]

    @classmethod
    def of(cls, template: Template, stop_keywords: Sequence[str], route: Route) -> "TemplateView":
        """The view of a template."""
        return TemplateView(
            **shared(Template, template), warnings=template_warnings(template, stop_keywords), route=route
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessSync:
    """What the sync of one business account did; with an `error` what was known stays."""

    business_account_id: Annotated[str, Doc("Meta's id of the business account")]
    templates: Annotated[int, Doc("how many Meta has")] = 0
    added: Annotated[int, Doc("how many were not known before")] = 0
    updated: Annotated[int, Doc("how many have changed")] = 0
    removed: Annotated[int, Doc("how many Meta has no longer")] = 0
    error: Annotated[str | None, Doc("why Meta refused it")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSync:
    """What a sync of all business accounts did."""

    templates: Annotated[int, Doc("how many Meta has")]
    added: Annotated[int, Doc("how many were not known before")]
    updated: Annotated[int, Doc("how many have changed")]
    removed: Annotated[int, Doc("how many Meta has no longer")]
    failed: Annotated[int, Doc("how many business accounts Meta refused")]
    business_accounts: Annotated[list[BusinessSync], Doc("the same for each business account")]
