"""Suggestions for a misspelt name."""

import pytest

from wacrmd.suggest import MAX_WORD, did_you_mean, nearest

NAMES = ["account", "broadcast", "number"]


@pytest.mark.parametrize(
    ("word", "known"), [("acount", "account"), ("braodcast", "broadcast"), ("xyz", None), ("", None)]
)
def test_the_nearest_name_is_found_if_one_is_near(word: str, known: str | None) -> None:
    assert nearest(word, NAMES) == known


def test_a_caller_can_demand_more_similarity() -> None:
    assert nearest("nbr", NAMES) == "number"
    assert nearest("nbr", NAMES, min_similarity=0.75) is None


def test_a_suggestion_ends_a_sentence_in_the_form_that_is_asked_for() -> None:
    assert did_you_mean("acount", NAMES) == "; did you mean 'account'?"
    assert did_you_mean("acount", NAMES, "[{}]") == "; did you mean [account]?"
    assert did_you_mean("xyz", NAMES) == ""


def test_only_the_beginning_of_a_long_word_is_compared() -> None:
    assert nearest("n" * MAX_WORD + "umber" * 10_000, ["n" * MAX_WORD]) == "n" * MAX_WORD
