"""Opt-out keywords: whether a message consists of one of the configured words. Pure."""

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

MAX_LENGTH = 200
"""A longer message is never a keyword: the bound on the work for texts of up to 64 KB."""

_DROPPED = dict.fromkeys(
    (
        *map(ord, "'`\u00b4\u2018\u2019\u201b\u02b9\u02bb\u02bc\u2032\uff07"),  # apostrophes: don't is dont
        *range(0xFE00, 0xFE10),  # variation selectors: which picture an emoji has
        *range(0xE0100, 0xE01F0),
        0x034F,  # an invisible joiner that is no format character
        0x0640,  # the line that stretches Arabic words
    )
)
_ALIKE = str.maketrans(
    {
        # Letters with a stroke, which have no decomposition, and the Turkish i without a dot.
        "\u0131": "i",
        "ł": "l",
        "đ": "d",
        "ø": "o",
        # Letters that Arabic, Persian and Urdu keyboards write differently.
        "\u0649": "\u064a",  # alef maksura, yeh
        "\u06cc": "\u064a",  # Persian yeh
        "\u06a9": "\u0643",  # Persian kaf
        "\u06c1": "\u0647",  # Urdu heh
        "\u06be": "\u0647",
        "\u06d5": "\u0647",
        "\u0629": "\u0647",  # teh marbuta
        "\u0671": "\u0627",  # alef wasla
    }
)


def words_of(text: str) -> list[str]:
    """The words of `text` as they are compared: letters, digits and vowel signs, without case and accents.

    Other characters separate words. Apostrophes and invisible characters are as if they were not there.
    """
    plain = unicodedata.normalize("NFKD", text.translate(_DROPPED)).casefold().translate(_ALIKE)
    return "".join(map(_compared, plain)).split()


def normalized(text: str) -> str:
    """`text` as it is compared: its words without the gaps, so that OPT-OUT, OPT OUT and OPTOUT are equal.

    A text without letters and digits, such as an emoji, is compared as its visible characters.
    """
    return _joined(words_of(text), text)


def matching_keyword(texts: Iterable[str | None], keywords: Sequence[str]) -> str | None:
    """The keyword that one of the texts of a message consists of, once or several times; None if there is none."""
    known = _index(tuple(keywords))
    for text in texts:
        if text and len(text) <= MAX_LENGTH and (keyword := _find(known, text)) is not None:
            return keyword
    return None


@lru_cache(maxsize=16)
def _index(keywords: tuple[str, ...]) -> dict[str, str]:
    """The keywords by their normalized form; of equal ones the first."""
    return {normalized(keyword): keyword for keyword in reversed(keywords)}


def _find(known: dict[str, str], text: str) -> str | None:
    words = words_of(text)
    if (keyword := known.get(_joined(words, text))) is not None:
        return keyword
    for size in range(1, len(words) // 2 + 1):
        times, rest = divmod(len(words), size)
        if not rest and words == words[:size] * times and (keyword := known.get("".join(words[:size]))):
            return keyword
    return None


def _joined(words: list[str], text: str) -> str:
    if words:
        return "".join(words)
    return "".join(char for char in text.translate(_DROPPED) if char.isprintable() and not char.isspace())


def _compared(char: str) -> str:
    kind = unicodedata.category(char)
    if kind == "Cf" or unicodedata.combining(char):
        return ""
    if kind == "Nd":
        return str(unicodedata.decimal(char))
    # Vowel signs of Indian scripts are marks that combine with nothing; keycaps (Me) are decoration.
    return char if kind[0] in "LN" or kind in ("Mc", "Mn") else " "
