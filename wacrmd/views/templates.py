"""What reading the templates from Meta did."""

from dataclasses import dataclass
from typing import Annotated

from wacrmd.fields import Doc


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
