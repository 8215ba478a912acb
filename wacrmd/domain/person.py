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


@dataclass(frozen=True, slots=True)
class Holding:
    """That a person has an address now. `scope` is the business account that named a user id.

    `former_since`: the person has another one since then; nobody else is known to have this one.
    """

    address: str
    person_id: int
    since: Millis
    scope: str | None
    former_since: Millis | None = None

    @property
    def is_former(self) -> bool:
        """Whether the person has another one by now."""
        return self.former_since is not None


@dataclass(frozen=True, slots=True)
class Lost:
    """A phone that a person had until somebody else got it."""

    address: str
    until: Millis


@dataclass(frozen=True, slots=True)
class Joining:
    """What names mean for the people who are known: `person_id` is the one who is named, None a new one.

    `merged` are the same person as well. `added` are new addresses of the person, `taken` are phones that others had.
    `lost` are phones that the person had when this was said, and somebody else has now.
    """

    person_id: int | None
    merged: tuple[int, ...] = ()
    added: tuple[str, ...] = ()
    taken: tuple[Holding, ...] = ()
    lost: tuple[Lost, ...] = ()


def join(named: Names, holdings: Iterable[Holding], *, scope: str | None, at: Millis) -> Joining:
    """Decide who is named at the time `at`, from all holdings of everybody who has one of the addresses.

    Two people are one if one payload names them together. But a phone whose holder is known by another user id
    has got a new holder: Meta says so by a system message where it is the same person, which each caller passes on once.
    Otherwise older news than what is known changes no holder.
    """
    by_address, by_person = dict[str, Holding](), dict[int, list[Holding]]()
    for holding in holdings:
        by_person.setdefault(holding.person_id, []).append(holding)
        if holding.address in named.all:
            by_address[holding.address] = holding
    # User ids come first: whoever has one of them is the person. Then parent ids, then phones; the oldest of each. Of
    # somebody who has another number now, the old number says who that is.
    found = sorted(
        by_address.values(),
        key=lambda each: (
            _STRENGTH[kind_of(each.address)],
            bool(named.previous) and each.address not in named.previous,
            each.person_id,
        ),
    )
    # Who had the old number before the change is the one who has the new user id. Later holders of it are not.
    changed = {
        each.person_id
        for each in found
        if (each.address in named.previous and each.since <= at + GRACE)
        or (each.is_former and _is_phone(each) and at + GRACE <= _known_since(by_person[each.person_id]))
    }
    strangers = {
        person_id
        for person_id, theirs in by_person.items()
        if person_id not in changed and _is_another(named, theirs, scope)
    }
    same = list(dict.fromkeys(each.person_id for each in found if each.person_id not in strangers))
    by_user_id = {each.person_id for each in found if not _is_phone(each)}
    others = {
        each
        for each in same[1:]
        if each not in by_user_id | changed and _are_two(by_person[same[0]], by_person[each])
    }
    taken = tuple(
        each
        for each in by_address.values()
        if each.person_id in strangers | others
        and each.address not in named.previous
        and (
            named.previous
            or (each.person_id in strangers and at + GRACE > _known_since(by_person[each.person_id]))
        )
    )
    lost = tuple(
        Lost(each.address, _known_since(by_person[each.person_id]))
        for each in by_address.values()
        if each.person_id in strangers and not named.previous and each not in taken
    )
    merged = tuple(each for each in same[1:] if each not in others)
    added = sorted(named.all - by_address.keys())
    return Joining(same[0] if same else None, merged, tuple(added), taken, lost)


_STRENGTH = {AddressKind.USER_ID: 0, AddressKind.PARENT_USER_ID: 1, AddressKind.PHONE: 2}


def _are_two(one: list[Holding], other: list[Holding]) -> bool:
    """Whether two people are known by different user ids of one business account, or different parent ids."""
    ids = [
        {(kind_of(each.address), each.scope) for each in theirs if not _is_phone(each) and not each.is_former}
        for theirs in (one, other)
    ]
    return bool(ids[0] & ids[1])


def may_be_one(one: Iterable[Holding], other: Iterable[Holding]) -> bool:
    """Whether what is known of two people allows that they are one: no two addresses of one kind.

    User ids of two business accounts are of two kinds here.
    """
    others = list(other)
    return not any(_are_of_one_kind(each, theirs) for each in one for theirs in others)


def _are_of_one_kind(one: Holding, other: Holding) -> bool:
    kind = kind_of(one.address)
    is_same_scope = (
        kind is not AddressKind.USER_ID or None in (one.scope, other.scope) or one.scope == other.scope
    )
    return kind is kind_of(other.address) and is_same_scope


def _is_phone(holding: Holding) -> bool:
    return kind_of(holding.address) is AddressKind.PHONE


def _is_another(named: Names, theirs: list[Holding], scope: str | None) -> bool:
    """Whether the holder of a phone is somebody else than who is named: known by another user id, and by no common one."""
    user_ids = {each for each in named.all if kind_of(each) is not AddressKind.PHONE}
    if not user_ids or any(each.address in user_ids for each in theirs):
        return False
    kinds = {kind_of(each) for each in user_ids}
    # One person has a user id for each of several business portfolios, and one parent id for all of them. Where one of
    # the portfolios is not known, they are taken for one: then nobody is joined to a stranger.
    return any(
        kind in kinds
        and not each.is_former
        and (kind is AddressKind.PARENT_USER_ID or scope is None or each.scope in (scope, None))
        for each in theirs
        if (kind := kind_of(each.address)) is not AddressKind.PHONE
    )


def _known_since(theirs: list[Holding]) -> Millis:
    """Since when a person is known by a user id."""
    return max((each.since for each in theirs if not _is_phone(each)), default=0)
