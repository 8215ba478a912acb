"""Who a person is: the addresses by which Meta and callers name one, and when two names are one person; pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from wacrmd.clock import SECOND, Millis
from wacrmd.domain.address import is_user_id
from wacrmd.domain.phone_plan import one_form

GRACE: Millis = 1 * SECOND
"""Meta writes most times in whole seconds, rounded down."""
_WA_ID = re.compile(r"\+?([0-9]{5,20})", re.ASCII)
"""Meta's ids of people are digits; a group's id is not."""


class AddressKind(StrEnum):
    """What an address is. User ids are stronger than phones: a phone may get another holder."""

    PHONE = "phone"
    USER_ID = "user_id"
    PARENT_USER_ID = "parent_user_id"


def identity(address: str) -> str:
    """The form in which an address is compared: `+` and digits of a phone or `wa_id`, or a user id as it is.

    Unlike the form that is sent to, it need not be valid: numbering plans change, Meta's ids stay.
    """
    match = _WA_ID.fullmatch(address)
    if match is None:
        return address
    return one_form(f"+{match[1]}")


def kind_of(address: str) -> AddressKind:
    """What an address in the form of `identity` is."""
    if address.startswith("+"):
        return AddressKind.PHONE
    return AddressKind.PARENT_USER_ID if ".ENT." in address else AddressKind.USER_ID


@dataclass(frozen=True, slots=True)
class Names:
    """All addresses by which one payload names one person, each in the form of `identity`.

    `previous` are those which the person had before, as a system message of Meta says.
    """

    addresses: frozenset[str]
    previous: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.addresses or self.previous)

    @property
    def all(self) -> frozenset[str]:
        """Today's and the previous ones."""
        return self.addresses | self.previous


def names(
    *phones: str | None, user_ids: Iterable[str | None] = (), previous: Iterable[str | None] = ()
) -> Names:
    """The names in a payload: `phones` are phones, `wa_id`s, or whatever was sent to. What is no address is left out.

    `user_ids` are taken as they are: Meta may change their form.
    """
    return Names(
        frozenset(_identities(phones)) | frozenset(each for each in user_ids if each),
        frozenset(_identities(previous)),
    )


def _identities(addresses: Iterable[str | None]) -> Iterable[str]:
    for address in addresses:
        if address and (_WA_ID.fullmatch(address) or is_user_id(address)):
            yield identity(address)
