"""When two names of people are one person's, and whose an address was at a time; pure. Why: docs/adr/0016-people.md."""

from collections.abc import Iterable
from dataclasses import dataclass

from wacrmd.clock import SECOND, Millis
from wacrmd.domain.person import AddressKind, Names, kind_of


@dataclass(frozen=True, slots=True)
class Holding:
    """That a person has an address, or had it `until` somebody else got it.

    `scope` is the business account that named a user id. `since` is the earliest time at which it was seen. `former_since`:
    the person has another one since then; who else has this one now is not known.
    """

    address: str
    person_id: int
    since: Millis
    scope: str | None
    former_since: Millis | None = None
    until: Millis | None = None


@dataclass(frozen=True, slots=True)
class Former:
    """An address that a person has no more since then."""

    address: str
    since: Millis


@dataclass(frozen=True, slots=True)
class Lost:
    """A phone that a person had until somebody else got it."""

    address: str
    until: Millis
    former_since: Millis | None = None


@dataclass(frozen=True, slots=True)
class Joining:
    """What names mean for the people who are known: `person_id` is the one who is named, None a new one.

    `merged` are the same person as well. `added` are new addresses of the person, `taken` are phones that others had.
    `lost` are phones that the person had when this was said, and somebody else has now. `former` are addresses that the
    person has no more, `again` are former ones that they have again.
    """

    person_id: int | None
    merged: tuple[int, ...] = ()
    added: tuple[str, ...] = ()
    taken: tuple[Holding, ...] = ()
    lost: tuple[Lost, ...] = ()
    former: tuple[Former, ...] = ()
    again: tuple[str, ...] = ()


def join(named: Names, holdings: Iterable[Holding], *, scope: str | None, at: Millis) -> Joining:
    """Decide who is named at the time `at`, from all holdings of everybody who has or had one of the addresses.

    The rules, so made that the order in which payloads come changes nothing:

    1. Two people are one if one payload names them together. User ids decide; a phone is weaker.
    2. Who had a phone at a time is who was seen with it last before that, else first after it.
    3. A phone whose holder has another user id has a new holder from then on. Older news than what is known of the holder
       moves nothing.
    4. A system message says that a person has another phone from `at` on (`named.previous`). It is about who had the old
       one then, not about later holders. The user ids from before change with the number: they lead to the person, but say
       nothing against another one that is seen with the new phone. A user id that was not seen before `at` and has the
       new phone is theirs, and one that was seen before is somebody else's.
    5. What belongs to a number that the person has given up says nothing about the time after, and the other way round.
    """
    return _Case(named, list(holdings), scope, at).join()


_STRENGTH = {AddressKind.USER_ID: 0, AddressKind.PARENT_USER_ID: 1, AddressKind.PHONE: 2}


class _Case:
    """One payload and what is known of whom it names."""

    def __init__(self, named: Names, holdings: list[Holding], scope: str | None, at: Millis) -> None:
        self.named, self.scope, self.at = named, scope, at
        self.current = {each.address: each for each in holdings if each.until is None}
        self.of_person = dict[int, list[Holding]]()
        for each in holdings:
            self.of_person.setdefault(each.person_id, [])
            if each.until is None:
                self.of_person[each.person_id].append(each)
        self.held = {address: found for address in named.all if (found := _holding_at(address, holdings, at))}

    def join(self) -> Joining:
        named, previous = self.named, self.named.previous
        later = {each.person_id for each in self.held.values() if self._came_later(each)}
        movers = {self.held[each].person_id for each in previous & self.held.keys()} - later
        strangers = {
            each.person_id
            for each in self.held.values()
            if _is_phone(each) and each.person_id not in movers and self._is_another(each)
        }
        # User ids come first: whoever has one of them is the person. Then parent ids, then phones; the oldest of each. Of
        # somebody who has another number now, the old number says who that is.
        found = sorted(
            (each for each in self.held.values() if each.person_id not in later | strangers),
            key=lambda each: (
                _STRENGTH[kind_of(each.address)],
                bool(previous) and each.address not in previous,
                each.person_id,
            ),
        )
        same = list(dict.fromkeys(each.person_id for each in found))
        by_user_id = {each.person_id for each in found if not _is_phone(each)}
        others = {
            each
            for each in same[1:]
            if not previous
            and each not in by_user_id
            and _are_two(self.of_person[same[0]], self.of_person[each])
        }
        people = [each for each in same if each not in others]
        elsewhere = [
            each
            for each in self.held.values()
            if each.person_id in strangers | later and self._holder_of(each.address) not in people
        ]
        taken = [each for each in elsewhere if each.address not in previous and self._is_over(each)]
        added = tuple(sorted(named.all - self.current.keys()))
        return Joining(
            people[0] if people else None,
            tuple(people[1:]),
            added,
            tuple(taken),
            tuple(self._lost(each) for each in elsewhere if each not in taken),
            tuple(self._former(people, movers, added)),
            tuple(self._again(people)),
        )

    def _came_later(self, holding: Holding) -> bool:
        """Whether this is a later holder of a number that the person has given up."""
        theirs = [each for each in self.of_person[holding.person_id] if not _is_phone(each)]
        return (
            holding.address in self.named.previous
            and _is_phone(holding)
            and _is_after(holding.since, self.at)
            and bool(theirs)
            and all(_is_after(each.since, self.at) and each.address not in self.named.all for each in theirs)
        )

    def _is_another(self, holding: Holding) -> bool:
        """Whether the holder of a phone is somebody else than who is named: known by other user ids only."""
        theirs = [each for each in self.of_person[holding.person_id] if not _is_phone(each)]
        user_ids = {each for each in self.named.addresses if kind_of(each) is not AddressKind.PHONE}
        if any(each.address in self.named.all for each in theirs):
            return False
        if self.named.previous and any(_is_after(self.at, each.since) for each in theirs):
            return True
        if not user_ids:
            return False
        if holding.former_since is not None and not _is_after(holding.former_since, self.at):
            return True
        return (
            any(self._contradicts(each, holding) for each in theirs)
            or self._is_known_before(holding)
            or self._is_moved_to(holding)
        )

    def _contradicts(self, user_id: Holding, phone: Holding) -> bool:
        """Whether the holder of a phone had this user id when another one was named with the phone."""
        kind = kind_of(user_id.address)
        # One person has a user id for each of several business portfolios, and one parent id for all of them. Where one of
        # the portfolios is not known, they are taken for one: then nobody is joined to a stranger.
        return (
            any(kind_of(each) is kind for each in self.named.addresses)
            and (user_id.former_since is None or _is_after(user_id.former_since, self.at))
            and (phone.former_since is None or _is_after(phone.former_since, user_id.since))
            and (
                kind is AddressKind.PARENT_USER_ID
                or self.scope is None
                or user_id.scope in (self.scope, None)
            )
        )

    def _is_known_before(self, phone: Holding) -> bool:
        """Whether a named user id was seen before the holder of the phone changed to it from another number."""
        moved = [
            each.former_since
            for each in self.of_person[phone.person_id]
            if _is_phone(each) and each.former_since is not None and not _is_after(each.former_since, self.at)
        ]
        return bool(moved) and any(
            _is_after(max(moved), each.since)
            for each in self.held.values()
            if not _is_phone(each) and each.person_id != phone.person_id
        )

    def _is_moved_to(self, phone: Holding) -> bool:
        """Whether the holder of a phone had another one at this time, and changed to it later."""
        return any(
            each.former_since is not None
            and each.address != phone.address
            and _is_phone(each)
            and _is_after(each.former_since, self.at)
            and not _is_after(each.former_since, phone.since)
            for each in self.of_person[phone.person_id]
        )

    def _is_over(self, holding: Holding) -> bool:
        """Whether a phone is not its holder's any more: this is newer than what is known of them."""
        if holding.until is not None:
            return False
        if holding.former_since is not None and not _is_after(holding.former_since, self.at):
            return True
        return not _is_after(self._known_since(holding), self.at)

    def _known_since(self, phone: Holding) -> Millis:
        """Since when somebody is known by a user id and has this phone."""
        theirs = (each for each in self.of_person[phone.person_id] if not _is_phone(each))
        return max([phone.since, *(each.since for each in theirs)])

    def _lost(self, holding: Holding) -> Lost:
        if holding.until is not None:
            return Lost(holding.address, holding.until)
        if holding.address in self.named.previous:
            return Lost(holding.address, holding.since, self.at)
        return Lost(holding.address, self._known_since(holding))

    def _holder_of(self, address: str) -> int | None:
        return self.current[address].person_id if address in self.current else None

    def _given_up(self, people: list[int]) -> list[Millis]:
        """When the person gave up a phone that is named at a time before that."""
        return [
            each.former_since
            for each in self.held.values()
            if each.address in self.named.addresses
            and each.person_id in people
            and _is_phone(each)
            and each.former_since is not None
            and _is_after(each.former_since, self.at)
        ]

    def _former(self, people: list[int], movers: set[int], added: Iterable[str]) -> Iterable[Former]:
        """The addresses that the person has no more, as this says."""
        named, at = self.named, self.at
        left = min(self._given_up(people), default=None)
        for address in added:
            if address in named.previous - named.addresses:
                yield Former(address, at)
            elif left is not None and kind_of(address) is not AddressKind.PHONE:
                yield Former(address, left)
        for person_id in people:
            for each in self.of_person[person_id]:
                if each.former_since is not None:
                    continue
                if left is not None and each.address in named.addresses and not _is_phone(each):
                    yield Former(each.address, left)
                elif self._is_given_up(each, movers) and (
                    each.address not in named.all or not _is_after(each.since, at)
                ):
                    yield Former(each.address, at)

    def _is_given_up(self, holding: Holding, movers: set[int]) -> bool:
        """Whether the person has another address than this one now: with another phone comes another user id."""
        if holding.address in self.named.addresses:
            return False
        has_moved = all(
            any(kind_of(each) is AddressKind.PHONE for each in named)
            for named in (self.named.previous, self.named.addresses)
        )
        return holding.address in self.named.previous or (
            has_moved and holding.person_id in movers and not _is_phone(holding)
        )

    def _again(self, people: list[int]) -> Iterable[str]:
        """The former addresses that the person has again, as this says."""
        for each in self.held.values():
            if (
                self.named.previous
                and each.address in self.named.addresses
                and each.person_id in people
                and each.former_since is not None
                and _is_after(self.at, each.former_since)
            ):
                yield each.address


def _holding_at(address: str, holdings: list[Holding], at: Millis) -> Holding | None:
    """Who had an address at a time: who was seen with it last before that, else first after it."""
    known = sorted((each for each in holdings if each.address == address), key=lambda each: each.since)
    before = [each for each in known if not _is_after(each.since, at)]
    return before[-1] if before else known[0] if known else None


def _is_after(one: Millis, other: Millis) -> bool:
    """Whether one time is after another; Meta writes whole seconds, and our clock does not."""
    return one // SECOND > other // SECOND


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


def _are_two(one: list[Holding], other: list[Holding]) -> bool:
    """Whether two people are known by different user ids of one business account, or different parent ids."""
    ids = [
        {
            (kind_of(each.address), each.scope)
            for each in theirs
            if not _is_phone(each) and each.former_since is None
        }
        for theirs in (one, other)
    ]
    return bool(ids[0] & ids[1])
