"""First a few people: who they are, and whether the others may follow."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.support.table import rows
from wacrmd.domain.canary import Canary, CanaryFigures, problem, waiting_detail
from wacrmd.domain.canary_sample import choose
from wacrmd.domain.percent import percent

_PREFIXES = {"DE": "+4915112", "GB": "+4479112", "BR": "+5511912", "MX": "+5215512", "JP": "+8190123"}


def people(**countries: int) -> list[tuple[int, str]]:
    """So many people of each country, one country after the other, each with an id."""
    addresses = [
        f"{_PREFIXES[country]}{index:05}" for country, count in countries.items() for index in range(count)
    ]
    return list(enumerate(addresses, 1))


def countries(everybody: list[tuple[int, str]], chosen: list[int]) -> dict[str, int]:
    names = {prefix: country for country, prefix in _PREFIXES.items()}
    return Counter(names[dict(everybody)[each][:8]] for each in chosen)


@rows(
    ("counts", "count", "wanted"),
    [
        ({"DE": 900, "GB": 90, "BR": 10}, 50, {"DE": 45, "GB": 4, "BR": 1}),
        ({"DE": 9_998, "GB": 1, "BR": 1}, 50, {"DE": 48, "GB": 1, "BR": 1}),
        ({"DE": 30, "GB": 20, "BR": 10}, 2, {"DE": 1, "GB": 1}),
        ({"DE": 3, "GB": 2}, 50, {"DE": 3, "GB": 2}),
        ({"DE": 1}, 1, {"DE": 1}),
    ],
)
def test_each_country_has_its_share(counts: dict[str, int], count: int, wanted: dict[str, int]) -> None:
    everybody = people(**counts)
    assert countries(everybody, choose(everybody, count)) == wanted


def test_they_are_not_the_first_lines() -> None:
    chosen = choose(people(DE=1000), 10)
    assert chosen == [51, 151, 251, 351, 451, 551, 651, 751, 851, 951]


@given(
    counts=st.dictionaries(st.sampled_from(sorted(_PREFIXES)), st.integers(1, 60), min_size=1),
    count=st.integers(1, 80),
)
def test_there_are_as_many_as_wanted_or_all_each_once_and_of_every_country_that_has_room(
    counts: dict[str, int], count: int
) -> None:
    everybody = people(**counts)
    chosen = choose(everybody, count)
    assert len(chosen) == len(set(chosen)) == min(count, len(everybody))
    assert len(countries(everybody, chosen)) == min(count, len(counts))


_CANARY = Canary(50)


@rows(
    ("delivered", "failed", "passes"),
    [(50, 0, True), (40, 0, True), (39, 0, False), (45, 5, True), (44, 6, False), (0, 0, False)],
)
def test_the_others_follow_if_enough_have_it_and_few_failed(
    delivered: int, failed: int, passes: bool
) -> None:
    assert (problem(_CANARY, CanaryFigures(50, delivered, failed, 0)) is None) is passes


def test_the_problem_says_the_figures_and_what_was_expected() -> None:
    assert problem(_CANARY, CanaryFigures(50, 20, 12, 0)) == (
        "Of the first 50 people 20 (40 %) have it, to 12 (24 %) it failed; at least 80 % and at most 10 % were expected."
        " See why, then resume it for the others, or cancel it"
    )
    assert problem(_CANARY, CanaryFigures(0, 0, 0, 0)) == (
        "Nobody of the first people could be sent to: all have opted out"
    )
    assert waiting_detail(_CANARY, CanaryFigures(50, 20, 1, 0), 1_795_000_000_000).startswith(
        "So far of the first 50 people 20 (40 %) have it, to 1 (2 %) it failed; at 2026-11-18T11:06:40.000Z the others"
    )


@given(count=st.integers(1, 1000), data=st.data())
def test_a_share_that_is_reached_exactly_is_enough_and_not_too_much(count: int, data: st.DataObject) -> None:
    """Multiplied, 0.07 * 100 is more than 7, and 0.29 * 100 less than 29."""
    part = data.draw(st.integers(0, count))
    figures = CanaryFigures(people=count, delivered=part, failed=0, left=0)
    assert problem(Canary(count, min_delivered=part / count), figures) is None
    figures = CanaryFigures(people=count, delivered=0, failed=part, left=0)
    assert problem(Canary(count, min_delivered=0, max_failed=part / count), figures) is None


@rows(
    ("part", "wanted"),
    [
        (0.8, "80"),
        (0.29, "29"),
        (0.125, "12.5"),
        (999 / 1000, "99.9"),
        (0.99999, "100"),
        (2 / 3, "66.67"),
        (0, "0"),
    ],
)
def test_percents_are_rounded_late(part: float, wanted: str) -> None:
    assert percent(part) == wanted


def test_figures_of_nobody_have_a_share_too() -> None:
    assert CanaryFigures(0, 0, 0, 0).sentence == "of the first 0 people 0 (0 %) have it, to 0 (0 %) it failed"


def test_one_person_is_no_people() -> None:
    figures = CanaryFigures(people=1, delivered=1, failed=0, left=0)
    assert figures.sentence == "of 1 person 1 (100 %) has it, to 0 (0 %) it failed"
    assert str(Canary(count=1)).startswith("1 person first; the others")
