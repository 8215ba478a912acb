"""Opt-out keywords in the forms that people write."""

import pytest

from wacrmd.domain.keywords import keyword_of_payload, matching_keyword, normalized


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("STOP", "STOP"),
        ("stop", "STOP"),
        ("  Stop.\n", "STOP"),
        ("*STOP*", "STOP"),
        ("stop 🙏🙏", "STOP"),
        ("\u201cStop\u201d", "STOP"),
        ("opt   out", "OPT OUT"),
        ("Arrêt", "ARRET"),
        ("\uff33\uff34\uff2f\uff30", "STOP"),
        ("STRASSE", "Straße"),
        ("отписаться", "ОТПИСАТЬСЯ"),
        ("👎", "👎"),
        ("stop it", None),
        ("don't stop", None),
        ("s t o p", None),
        ("", None),
        ("🙏", None),
    ],
)
def test_a_keyword_is_found_if_the_message_consists_of_it(said: str, word: str | None) -> None:
    words = ("STOP", "OPT OUT", "ARRET", "Straße", "ОТПИСАТЬСЯ", "👎")
    assert matching_keyword([None, said], words) == word


def test_without_keywords_nothing_matches() -> None:
    assert matching_keyword(["STOP", "", None], ()) is None


def test_a_payload_may_carry_data_behind_a_colon() -> None:
    assert keyword_of_payload("STOP:bc_17") == "STOP"
    assert keyword_of_payload("STOP") == "STOP"
    assert keyword_of_payload(None) is None
    assert normalized(" ¡Baja! ") == "baja"
