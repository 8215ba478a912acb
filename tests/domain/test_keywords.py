"""Opt-out keywords in the forms that people write."""

from tests.support.table import rows
from wacrmd.domain.keywords import MAX_LENGTH, matching_keyword, normalized, words_of

WORDS = (
    "STOP",
    "OPT OUT",
    "ARRET",
    "Straße",
    "ОТПИСАТЬСЯ",
    "👎",
    "DON'T MESSAGE ME",
    "ABONELİKTEN ÇIK",
    "WYPISZ MNIE",
    "बंद करो",
    "إيقاف",
    "لغو ۱۱",
    "میسج بند کریں",
    "退订",
)


@rows(
    ("said", "word"),
    [
        ("STOP", "STOP"),
        ("stop", "STOP"),
        ("  Stop.\n", "STOP"),
        ("STOP.", "STOP"),
        ("Stop!!!", "STOP"),
        ("*STOP*", "STOP"),
        ("_stop_", "STOP"),
        ("```STOP```", "STOP"),
        ("#stop", "STOP"),
        ("S.T.O.P.", "STOP"),
        ("s t o p", "STOP"),
        ("stop 🙏🙏", "STOP"),
        ("🛑 STOP 🛑", "STOP"),
        ("Stop ❤️", "STOP"),
        ("\u201cStop\u201d", "STOP"),
        ("stop stop", "STOP"),
        ("STOP! STOP! STOP!", "STOP"),
        ("opt   out", "OPT OUT"),
        ("opt-out", "OPT OUT"),
        ("Opt\u2011Out", "OPT OUT"),
        ("opt\u2013out", "OPT OUT"),
        ("OPTOUT", "OPT OUT"),
        ("opt_out", "OPT OUT"),
        ("opt\nout", "OPT OUT"),
        ("opt\u00a0out", "OPT OUT"),
        ("Opt out, opt out", "OPT OUT"),
        ("Arrêt", "ARRET"),
        ("Arre\u0302t", "ARRET"),
        ("don't message me", "DON'T MESSAGE ME"),
        ("Don\u2019t message me!", "DON'T MESSAGE ME"),
        ("dont message me", "DON'T MESSAGE ME"),
        ("don\u00b4t message me", "DON'T MESSAGE ME"),
        ("don\u02bct message me", "DON'T MESSAGE ME"),
        # other widths and styles of the same letters
        ("\uff33\uff34\uff2f\uff30", "STOP"),
        ("𝐒𝐓𝐎𝐏", "STOP"),
        ("ⓢⓣⓞⓟ", "STOP"),
        # what nobody sees: zero-width characters, marks of direction, soft hyphens, a BOM
        ("\ufeffSTOP\u200b", "STOP"),
        ("S\u200dT\u200cO\u2060P", "STOP"),
        ("\u2068STOP\u2069", "STOP"),
        ("\u200fSTOP\u200e", "STOP"),
        ("un\u00ad\u200bstop", None),
        ("st\u00adop", "STOP"),
        # letters of other alphabets and keyboards
        ("STRASSE", "Straße"),
        ("отписаться", "ОТПИСАТЬСЯ"),
        ("Abonelikten çık", "ABONELİKTEN ÇIK"),
        ("ABONELIKTEN CIK", "ABONELİKTEN ÇIK"),
        ("abonelikten cik", "ABONELİKTEN ÇIK"),
        ("wypisz mnie", "WYPISZ MNIE"),
        ("बंद करो।", "बंद करो"),
        ("बंद करो 🙏", "बंद करो"),
        ("बंद करा", None),
        ("बंद", None),
        ("ايقاف", "إيقاف"),
        ("إيقـــاف", "إيقاف"),
        ("إِيقَاف", "إيقاف"),
        ("\u200fإيقاف\u200f.", "إيقاف"),
        ("لغو11", "لغو ۱۱"),
        ("لغو ١١", "لغو ۱۱"),
        ("لغو\u200c۱۱", "لغو ۱۱"),
        ("ميسج بند كريں", "میسج بند کریں"),
        ("退订。", "退订"),
        # an emoji of its own
        ("👎", "👎"),
        (" 👎\ufe0f ", "👎"),
        ("👍", None),
        # more than the word
        ("stop it", None),
        ("don't stop", None),
        ("please don’t stop", None),
        ("stop me if you have heard this one", None),
        ("bus stop", None),
        ("nonstop", None),
        ("stopover", None),
        ("STOP 12345", None),
        ("I want to opt out of nothing", None),
        ("stop stop go", None),
        ("", None),
        (" ", None),
        ("\u200b", None),
        ("...", None),
        ("🙏", None),
    ],
)
def test_a_keyword_is_found_if_the_message_consists_of_it(said: str, word: str | None) -> None:
    assert matching_keyword([None, said], WORDS) == word


def test_without_keywords_nothing_matches() -> None:
    assert matching_keyword(["STOP", "", None], ()) is None


def test_of_equal_keywords_the_first_one_is_named() -> None:
    assert matching_keyword(["opt out"], ("Opt-Out", "OPTOUT")) == "Opt-Out"


def test_a_long_message_is_no_keyword() -> None:
    assert matching_keyword(["STOP" + " " * (MAX_LENGTH - 4)], WORDS) == "STOP"
    assert matching_keyword(["STOP" + " " * (MAX_LENGTH - 3)], WORDS) is None


def test_what_is_compared() -> None:
    assert normalized(" ¡Baja! ") == "baja"
    assert words_of("Don’t STOP-all, №1") == ["dont", "stop", "all", "no1"]
