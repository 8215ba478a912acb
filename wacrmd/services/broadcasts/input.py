"""A broadcast as a caller asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from wacrmd.clock import Millis
from wacrmd.domain.template import TemplateContent


@dataclass(frozen=True, slots=True)
class RecipientInput:
    """One recipient as the caller gave it; `to` may still be anything."""

    to: object
    content: TemplateContent = field(default_factory=TemplateContent)


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastInput:
    """A broadcast as a caller asks for it, with its fields checked for their types."""

    template_name: str
    template_language: str
    recipients: Sequence[RecipientInput]
    name: str | None = None
    number: str | None = None
    """Id or phone number id of the number that sends; None: the account's default one."""
    scheduled_at: Millis | None = None
    content: TemplateContent = field(default_factory=TemplateContent)
