"""A business phone number that sends."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from wacrmd.clock import Millis
from wacrmd.domain.account_notice import AccountNotice
from wacrmd.domain.hold import Hold
from wacrmd.fields import Doc, Time, Uuid


class NumberState(StrEnum):
    """Whether a number sends; its `hold` says why it is paused."""

    ACTIVE = "active"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class NumberIds:
    """The ids of a number, of its account, and Meta's of the number and its business account.

    Messages are known by Meta's id of their number within the account: a number that is removed and added again has
    another id of ours.
    """

    id: str
    account_id: str
    phone_number_id: str
    waba_id: str


def number_name(phone_number_id: str, display_phone: str | None, label: str | None) -> str:
    """A number in a sentence: its phone and label, and Meta's id, with which commands name it: `+1555…, Main (id 1065…)`."""
    names = [name for name in (display_phone, label) if name]
    return f"{', '.join(names)} (id {phone_number_id})" if names else phone_number_id


@dataclass(frozen=True, kw_only=True)
class NumberFacts:
    """What is stored of a number and shown to callers."""

    __slots__ = ()  # what inherits it has slots of its own

    id: Annotated[Uuid, Doc("its id")]
    phone_number_id: Annotated[str, Doc("Meta's id of the number")]
    waba_id: Annotated[str, Doc("Meta's id of its WhatsApp business account")]
    label: Annotated[str | None, Doc("a name for people")]
    display_phone: Annotated[str | None, Doc("the number itself, in E.164 form")]
    verified_name: Annotated[str | None, Doc("the name that people see, in Meta's words")]
    is_default: Annotated[bool, Doc("whether it sends where a broadcast names no number")]
    state: Annotated[NumberState, Doc("whether it sends")]
    quality: Annotated[str | None, Doc("quality rating, in Meta's words")]
    limit_tier: Annotated[str | None, Doc("messaging limit, in Meta's words")]
    daily_limit: Annotated[
        int | None,
        Doc("people in 24 hours, if it is configured; the lower of this and Meta's limit counts"),
    ] = None
    portfolio: Annotated[
        str | None,
        Doc("name of the business portfolio whose limit it shares; null: that of its account"),
    ] = None
    notices: Annotated[
        list[AccountNotice], Doc("what Meta has told about it or its business account, such as a restriction")
    ] = field(default_factory=list)
    checked_at: Annotated[Time | None, Doc("when Meta was asked about it last")]
    created_at: Annotated[Time, Doc("when it was configured")]

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        return number_name(self.phone_number_id, self.display_phone, self.label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(NumberFacts):
    """A business phone number that sends, as stored; its token and secrets stay encrypted in the database."""

    account_id: str
    account: str
    messages_per_second: float | None
    hold: Hold | None
    removed_at: Millis | None
    access_token: bytes = field(repr=False)

    @property
    def ids(self) -> NumberIds:
        """Its ids alone."""
        return NumberIds(self.id, self.account_id, self.phone_number_id, self.waba_id)

    @property
    def is_removed(self) -> bool:
        """Whether it is no longer configured; broadcasts still name it, but it has no token any more."""
        return self.removed_at is not None

    def rate(self, default: float) -> float:
        """Messages per second that it may send; `default` is `[sender] messages_per_second`."""
        return self.messages_per_second or default
