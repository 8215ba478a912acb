"""Who is one person: identities of addresses, and what names in payloads mean for the people who are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.domain.person import AddressKind, identity, kind_of, names
from wacrmd.domain.person_joining import Former, Holding, Joining, Lost, join

W = "102290129340398"
JANE, JIM = "+14155550101", "+14155550102"
T = 1_795_000_000_000


def has(
    person_id: int, *addresses: str, since: int = T, scope: str | None = W, former: bool = False
) -> list[Holding]:
    return [
        Holding(
            each,
            person_id,
            since,
            scope if kind_of(each) is AddressKind.USER_ID else None,
            since if former else None,
        )
        for each in addresses
    ]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("+14155550101", "+14155550101"),
        ("14155550101", "+14155550101"),
        ("+5215512345678", "+525512345678"),
        ("+525512345678", "+525512345678"),
        ("+541155551299", "+5491155551299"),
        ("+5491155551299", "+5491155551299"),
        ("+543511234567", "+5493511234567"),
        ("551187654321", "+5511987654321"),
        ("+5511987654321", "+5511987654321"),
        ("+551132654321", "+551132654321"),
        ("22997123456", "+2290197123456"),
        ("+2290197123456", "+2290197123456"),
        ("22507123456", "+2250707123456"),
        ("22505123456", "+2250505123456"),
        ("22541123456", "+2250141123456"),
        ("22577123456", "+2250777123456"),
        ("+2250707123456", "+2250707123456"),
        ("22521123456", "+22521123456"),
        ("22521234567", "+2252721234567"),
        ("22520812345", "+2252120812345"),
        ("22536012345", "+2252536012345"),
        ("US.13491208655302741918", "US.13491208655302741918"),
    ],
)
def test_forms_of_one_number_have_one_identity(address: str, expected: str) -> None:
    assert identity(address) == expected
    assert identity(expected) == expected


def test_names_leave_out_what_names_nobody() -> None:
    assert names("+1 415", "erased:7", None, user_ids=[None, ""]).addresses == frozenset()
    assert not names(None)
    assert names(JANE, "US.1", user_ids=["a new form of ids"]).addresses == {
        JANE,
        "US.1",
        "a new form of ids",
    }


def test_nobody_known_is_a_new_person() -> None:
    assert join(names(JANE, user_ids=["US.1"]), [], scope=W, at=T) == Joining(None, added=(JANE, "US.1"))


def test_another_address_of_a_known_person_is_added() -> None:
    assert join(names(JANE, user_ids=["US.1"]), has(1, JANE), scope=W, at=T) == Joining(1, added=("US.1",))
    assert join(names(JANE, user_ids=["US.1"]), has(1, "US.1"), scope=W, at=T) == Joining(1, added=(JANE,))


def test_two_people_that_one_payload_names_are_one_and_the_user_id_decides_who_stays() -> None:
    known = has(1, JANE) + has(2, "US.1")
    assert join(names(JANE, user_ids=["US.1"]), known, scope=W, at=T) == Joining(2, merged=(1,))


def test_a_phone_with_another_user_id_has_another_holder() -> None:
    known = has(1, JANE, "US.1")
    joining = join(names(JANE, user_ids=["US.2"]), known, scope=W, at=T + 1)
    assert joining == Joining(None, added=("US.2",), taken=(known[0],))
    known += has(2, "US.2")
    assert join(names(JANE, user_ids=["US.2"]), known, scope=W, at=T + 1) == Joining(2, taken=(known[0],))


def test_older_news_than_what_is_known_changes_no_holder() -> None:
    known = has(1, JANE, "US.2", since=T)
    joining = join(names(JANE, user_ids=["US.1"]), known, scope=W, at=T - 1000)
    assert joining == Joining(None, added=("US.1",), lost=(Lost(JANE, until=T),))


def test_a_user_id_in_another_portfolio_is_no_other_person() -> None:
    known = has(1, JANE, "US.1", scope="another")
    assert join(names(JANE, user_ids=["US.2"]), known, scope=W, at=T) == Joining(1, added=("US.2",))


def test_a_user_id_of_which_no_business_account_is_known_is_another_person_too() -> None:
    """An operator's file named it together with the phone."""
    known = has(1, JANE, "US.1", scope=None)
    joining = join(names(JANE, user_ids=["US.2"]), known, scope=W, at=T + 1)
    assert joining == Joining(None, added=("US.2",), taken=(known[0],))
    known = has(1, JANE, "US.1")
    assert join(names(JANE, user_ids=["US.2"]), known, scope=None, at=T + 1).taken == (known[0],)


def test_a_common_parent_id_makes_one_person_of_two_user_ids() -> None:
    known = has(1, JANE, "US.1", "US.ENT.1")
    joining = join(names(JANE, user_ids=["US.2", "US.ENT.1"]), known, scope=W, at=T)
    assert joining == Joining(1, added=("US.2",))
    joining = join(names(JANE, user_ids=["US.ENT.2"]), known, scope="another", at=T)
    assert joining == Joining(None, added=("US.ENT.2",), taken=(known[0],))


def test_a_person_who_changed_the_user_id_stays_the_same_one() -> None:
    known = has(1, JANE, "US.1")
    changed = names(None, user_ids=["US.2"], previous=["US.1"])
    assert join(changed, known, scope=W, at=T) == Joining(1, added=("US.2",), former=(Former("US.1", T),))
    known = has(1, "US.1", former=True) + has(1, JANE, "US.2")
    assert join(names(JANE, user_ids=["US.2"]), known, scope=W, at=T) == Joining(1)
    assert join(names(JANE, user_ids=["US.1"]), known, scope=W, at=T) == Joining(1)
    assert join(names(JANE, user_ids=["US.3"]), known, scope=W, at=T).person_id is None
    known = has(1, "US.1", former=True) + has(1, JANE)
    assert join(names(JANE, user_ids=["US.2"]), known, scope=W, at=T) == Joining(1, added=("US.2",))


def test_a_person_who_changed_the_number_is_known_by_both() -> None:
    changed = names(JIM, previous=[JANE])
    former = (Former(JANE, T),)
    assert join(changed, has(1, JANE), scope=W, at=T) == Joining(1, added=(JIM,), former=former)
    assert join(changed, has(1, JANE) + has(2, JIM), scope=W, at=T) == Joining(1, merged=(2,), former=former)


def test_a_changed_number_that_somebody_else_has_since_stays_with_them() -> None:
    other = has(2, JIM, "US.2", since=T + 5000)
    moved = join(names(JIM, user_ids=["US.1"], previous=[JANE]), has(1, JANE, "US.1") + other, scope=W, at=T)
    assert moved == Joining(1, lost=(Lost(JIM, T + 5000),), former=(Former(JANE, T),))


def test_a_user_id_that_is_seen_with_the_new_number_after_the_change_is_the_same_person() -> None:
    later = has(2, JIM, "US.2", since=T + 5000)
    moved = join(names(JIM, previous=[JANE]), has(1, JANE, "US.1") + later, scope=W, at=T)
    assert moved == Joining(1, merged=(2,), former=(Former(JANE, T), Former("US.1", T)))
    known = has(1, JANE, "US.1", former=True) + has(1, JIM)
    assert join(names(JIM, user_ids=["US.2"]), known, scope=W, at=T) == Joining(1, added=("US.2",))
    before = has(2, "US.2", since=T - 5000)
    assert join(names(JIM, user_ids=["US.2"]), known + before, scope=W, at=T).person_id == 2


def test_a_changed_number_with_a_new_user_id_is_the_same_person() -> None:
    """Meta gives people another user id with another number, and need not name the old one."""
    changed = names(JIM, user_ids=["US.2"], previous=[JANE])
    jane = has(1, JANE, "US.1")
    former = (Former(JANE, T), Former("US.1", T))
    assert join(changed, jane, scope=W, at=T) == Joining(1, added=(JIM, "US.2"), former=former)
    assert join(changed, has(2, JIM, "US.2") + jane, scope=W, at=T) == Joining(
        2, merged=(1,), former=former
    ), "known before"
    since = has(1, JANE, "US.1", since=T + 5000)
    assert join(changed, since, scope=W, at=T) == Joining(
        None, added=(JIM, "US.2"), lost=(Lost(JANE, T + 5000, T),)
    ), "the old number's next"
    now = has(1, JIM, "US.2") + has(1, JANE, former=True)
    before = names(JANE, user_ids=["US.1"])
    assert join(before, now, scope=W, at=T - 1000) == Joining(
        1, added=("US.1",), former=(Former("US.1", T),)
    ), "from before, and late"
    assert join(before, now, scope=W, at=T + 1) == Joining(None, added=("US.1",), taken=(now[2],))


def test_a_number_that_somebody_else_had_before_the_change_is_taken_over() -> None:
    """The system message names no user ids, but both are known by one."""
    other = has(1, JIM, "US.9")
    changed = names(JIM, previous=[JANE])
    joining = join(changed, other + has(2, JANE, "US.1"), scope=W, at=T + 1000)
    former = (Former(JANE, T + 1000), Former("US.1", T + 1000))
    assert joining == Joining(2, taken=(other[0],), former=former)


def test_two_people_with_user_ids_are_not_joined_by_their_numbers_alone() -> None:
    known = has(1, JANE, "US.1") + has(2, JIM, "US.2")
    assert join(names(JANE, JIM), known, scope=W, at=T + 1) == Joining(1)
    assert join(names(JANE, JIM), has(1, JANE, "US.1") + has(2, JIM), scope=W, at=T) == Joining(
        1, merged=(2,)
    )


ADDRESSES = st.sampled_from([JANE, JIM, "+14155550103", "US.1", "US.2", "US.3", "US.ENT.1", "US.ENT.2"])


@given(st.lists(st.tuples(st.frozensets(ADDRESSES, min_size=1, max_size=3), st.integers(0, 50)), max_size=30))
def test_after_any_payloads_each_address_has_one_holder_and_no_one_is_lost(
    payloads: list[tuple[frozenset[str], int]],
) -> None:
    held: dict[str, Holding] = {}
    people = 0
    for addresses, at in payloads:
        named = names(*addresses, user_ids=[each for each in addresses if not each.startswith("+")])
        concerned = {held[each].person_id for each in addresses if each in held}
        known = [each for each in held.values() if each.person_id in concerned]
        joining = join(named, known, scope=W, at=at)
        if joining.person_id is None:
            people += 1
        person_id = joining.person_id or people
        assert not set(joining.added) & held.keys()
        assert person_id not in joining.merged
        for address, holding in held.items():
            if holding.person_id in joining.merged or holding in joining.taken:
                held[address] = Holding(
                    address, person_id, holding.since, holding.scope, holding.former_since
                )
        for address in joining.added:
            held[address] = Holding(
                address, person_id, at, W if kind_of(address) is AddressKind.USER_ID else None
            )
        user_ids = {each for each in addresses if kind_of(each) is AddressKind.USER_ID}
        assert {held[each].person_id for each in user_ids} <= {person_id}
