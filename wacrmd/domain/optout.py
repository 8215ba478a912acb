"""An opt-out: a person who gets no broadcasts of an account."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from wacrmd.fields import Doc, Phone, Time, json_name

MAX_DETAIL = 500
"""Characters of a remark: people read them in a list."""


class OptOutSource(StrEnum):
    """How somebody came on the list (docs/optouts.md)."""

    KEYWORD = "keyword"
    BUTTON = "button"
    PREFERENCE = "preference"
    META_131050 = "meta_131050"
    API = "api"
    OPERATOR = "operator"
    IMPORT = "import"


@dataclass(frozen=True, kw_only=True)
class OptOutFacts:
    """What is stored of an opt-out and shown to callers: the person by phone, business-scoped user id, or both."""

    __slots__ = ()  # what inherits it has slots of its own

    id: Annotated[int, Doc("its id")]
    phone: Annotated[Phone | None, Doc("phone number in E.164 form")]
    user_id: Annotated[str | None, Doc("business-scoped user id")]
    source: Annotated[str, Doc("the source, see optouts.md")]
    detail: Annotated[str | None, Doc("the word of the person, or a remark")]
    at: Annotated[Time, Doc("when the person opted out")] = field(metadata=json_name("created_at"))
    broadcast: Annotated[str | None, Doc("id of the broadcast that it answered, where that is known")] = (
        field(metadata=json_name("broadcast_id"))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut(OptOutFacts):
    """An opt-out as stored; `account` is the name of the account."""

    account: str


def cut_detail(text: str) -> str:
    """A remark of somebody else's list, as long as one may be: nobody stays off the list because of a long remark."""
    return text if len(text) <= MAX_DETAIL else f"{text[: MAX_DETAIL - 1]}…"
