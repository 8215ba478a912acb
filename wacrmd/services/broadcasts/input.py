"""What a caller gives to create a broadcast."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from wacrmd.clock import Millis
from wacrmd.domain.sending_plan import AS_FAST_AS_POSSIBLE, SendingPlan
from wacrmd.domain.template import TemplateContent
from wacrmd.errors import counted


@dataclass(frozen=True, slots=True)
class RecipientInput:
    """One recipient; `to` is whatever the caller gave, a string or not."""

    to: object
    content: TemplateContent = field(default_factory=TemplateContent)


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastInput:
    """A broadcast or a draft to create; the types of the fields are checked, their values are not."""

    template_name: str
    template_language: str
    recipients: Sequence[RecipientInput] = ()
    """None for a draft: it gets them later."""
    name: str | None = None
    number: str | None = None
    """Id or phone number id of the number to send from; None: the account's default number."""
    abbreviates: bool = False
    """Whether the beginning of the number's id is enough, as for operators."""
    scheduled_at: Millis | None = None
    content: TemplateContent = field(default_factory=TemplateContent)
    plan: SendingPlan = AS_FAST_AS_POSSIBLE
    is_at_once: bool = False
    """Somebody waits for it: the hours of the account do not hold for it."""


def too_many_recipients(most: int, count: int) -> str:
    """What is wrong with a list of so many recipients."""
    return f"expected at most {counted(most, 'recipient')}, found {count}: split the list, or raise [limits] max_recipients"
