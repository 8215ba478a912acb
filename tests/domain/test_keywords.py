"""Stop and start words, however people write them."""

import pytest

from wacrmd.domain.keywords import matching, of_payload, plain


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
def test_a_word_is_all_that_was_said(said: str, word: str | None) -> None:
    words = ("STOP", "OPT OUT", "ARRET", "Straße", "ОТПИСАТЬСЯ", "👎")
    assert matching([None, said], words) == word


def test_no_words_match_nothing() -> None:
    assert matching(["STOP", "", None], ()) is None


def test_a_payload_may_carry_data_behind_a_colon() -> None:
    assert of_payload("STOP:bc_17") == "STOP"
    assert of_payload("STOP") == "STOP"
    assert of_payload(None) is None
    assert plain(" ¡Baja! ") == "baja"
