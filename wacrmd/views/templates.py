"""What reading the templates from Meta did."""

from dataclasses import dataclass
from typing import Annotated

from wacrmd.fields import Doc


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessSync:
    """What the sync of one business account did; with an `error` what was known stays."""

    business_account_id: str
    templates: Annotated[int, Doc("how many Meta has")] = 0
    added: int = 0
    updated: int = 0
    removed: int = 0
    error: Annotated[str | None, Doc("why Meta refused it")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSync:
    """What a sync of all business accounts did."""

    templates: Annotated[int, Doc("how many Meta has")]
    added: int
    updated: int
    removed: int
    failed: Annotated[int, Doc("how many business accounts Meta refused")]
    business_accounts: list[BusinessSync]
