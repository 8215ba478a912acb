"""How people and programs write a phone number: from a text to its digits, or to the reason why it has none. Pure.

Formatting is forgiven only where people put it, so that it can never add a digit to a number or take one away.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from wacrmd.domain.phone_labels import without_label
from wacrmd.domain.phone_links import Link, NoLink, unlinked
from wacrmd.domain.phone_plan import is_calling_code

TEXT_MAX = 300
"""Characters that are looked at: a link to a chat may hold the text of a message."""
_NUMBER_MAX = 64
_DIGITS_MAX = 17
"""E.164 has at most 15; two more leave room for a trunk prefix, as in +44 (0)20 …."""
_AFTER_BRACKETS = 4
"""Digits that follow the last brackets at least: what stands behind a number is no part of it, as in `… (2)`."""
_AFTER_SLASH = 5
"""Digits that follow a slash at least: fewer are the end of a second number, as in `12345/67`."""


_BEFORE_SLASH = 4
"""Digits of each group at most, if more than one slash follows: longer ones are a number to which others follow."""
_PAIRS = 4
"""Groups of two digits at least, as in `06/12/34/56/78`."""


class Reason(StrEnum):
    """Why a text is no phone number."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    LETTERS = "letters"
    EXTENSION = "extension"
    CHARACTER = "character"
    EXPONENT = "exponent"
    DECIMAL = "decimal"
    BRACKETS = "brackets"
    SEPARATORS = "separators"
    SEVERAL = "several"
    LINK = "link"
    DIGITS = "digits"
    NO_COUNTRY_CODE = "no_country_code"
    AMBIGUOUS = "ambiguous"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """That a text is no phone number, and why; `detail` says it in words, for `<the text> …`."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Dialled:
    """The digits of a number. `has_plus`: they begin with a country code for certain.

    `with_zero` are the digits with the `0` of `(0)`, which stays in the numbers of some countries. `last` is how many digits
    a last group has that may be no part of the number: it is a single digit, or zeros. `groups` are the digits as they are
    grouped, if that may say of which country they are. `has_area`: they begin with an area code, which is in brackets.
    """

    digits: str
    has_plus: bool
    with_zero: str | None = None
    last: int = 0
    groups: tuple[str, ...] = ()
    has_area: bool = False


_SEPARATOR = r"(?: ?[-./'] ?| )"
_DIGITS = r"[0-9]+"
_RUN = rf"{_DIGITS}(?:{_SEPARATOR}{_DIGITS})*"
_BRACKETS = rf"(?:\( ?{_RUN} ?\)|\[ ?{_RUN} ?\])"
_WITH_PLUS = rf"(?:\( ?\+ ?{_RUN} ?\)|\[ ?\+ ?{_RUN} ?\])"
_NUMBER = re.compile(
    rf"(?:(?:\+ ?)?(?:{_DIGITS}|{_BRACKETS})|{_WITH_PLUS}|0[0-9]{{1,3}}\)(?=[1-9]))"
    rf"(?:{_SEPARATOR}?{_BRACKETS}|{_SEPARATOR}{_DIGITS}|(?<=[)\]]){_DIGITS})*",
    re.ASCII,
)
"""Groups of digits, with one separator between two of them, or with brackets around one.

An area code may have only the closing bracket, as `02)212-3456` in Korea; `1) 415 …` is the number of a line.
"""

_NAMED = re.compile("[A-Za-z@]")
_UNUSUAL = re.compile(r"[^0-9+()\[\]\-./' ]")
_QUOTED = re.compile(r"""=?"([^"]*)"|=?'([^']*)'|<([^<>]*)>""")
_FORMULA = re.compile(r"\A=(?=\+?[0-9]+\Z)", re.ASCII)
"""How a number is typed into a spreadsheet that drops a `+`."""
_ENCODED = re.compile(r"\A%2B(?=[0-9])", re.IGNORECASE)
_END = re.compile(r" ?[;,.]\Z")
"""The end of a list or of a sentence that was copied with the number."""
_FLOAT = re.compile(r"(\+?[0-9]{4,})[.,]0{1,2}", re.ASCII)
"""A number that a program took for an amount: pandas writes `628123456789.0`, a spreadsheet `…,00`."""
_EXPONENT = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]*)? ?[eE] ?[+-]? ?[0-9]+", re.ASCII)
_DECIMAL = re.compile(
    r"\+?[0-9]{7,}\.[0-9]{1,3}"  # one dot, behind what is a whole number already
    r"|[^.]*\.[0-9]{1,2}"
    r"|.*\.0"
    r"|.*[0-9],[0-9]+"
    r"|\+?[0-9]{7,}[.,]0+",
    re.ASCII,
)
_LAST = re.compile(r"[-./' ]([0-9]|0+)\Z", re.ASCII)
"""A last group of digits that a program or a person may have put behind a number."""
_EXTENSION = re.compile(
    r"(?:;ext=|#|(?<![a-z])(?:x|ext|ext\.|extension|durchwahl|ramal|anexo|poste)) ?[0-9]{1,7}", re.IGNORECASE
)
_BEFORE_EXTENSION = 5
"""Digits before an extension at least: `#31#+49 …` has none."""
_PARAMETER = re.compile(r";[a-z-]{1,20}=", re.IGNORECASE | re.ASCII)
_TRUNK = re.compile(r"\( ?0 ?\)|\[ ?0 ?\]")

_DOTS = frozenset("\u00b7\u2022\u2027\u2219\u22c5\u30fb\u066b")
"""Dots in the middle of the line, and the Arabic decimal separator."""
_DASHES = frozenset("\u2212\u2043\u30fc")
_OTHERS = {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u066c": ","}
_OTHERS |= {
    "\u2795": "+",
    "\u00b4": "'",
    "\u2032": "'",
    "\u2039": "<",
    "\u203a": ">",
    "\u00ab": "<",
    "\u00bb": ">",
}
_SLASHES = frozenset("\u2044\u2215")
_VARIANTS = ("<wide>", "<narrow>", "<small>")
"""The same characters for other scripts, in Unicode's words."""
_INVISIBLE = frozenset(
    "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\ufeff"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069"
)
"""Marks that address books put around a number. U+202E is none: it shows the digits in the reverse order."""


def dialled(text: str) -> Dialled | Unreadable:
    """The digits of the number that `text` writes."""
    if len(text) > TEXT_MAX:
        return Unreadable(Reason.TOO_LONG, f"has {len(text)} characters")
    folded = _unquoted(fold(text))
    if not folded:
        return Unreadable(Reason.EMPTY, "is empty")
    link = unlinked(folded) if _NAMED.search(folded) else None
    if isinstance(link, NoLink):
        return Unreadable(Reason.LINK, link.detail)
    number = fold(unquote(link.text)) if isinstance(link, Link) else _ENCODED.sub("+", folded)
    number = _FORMULA.sub("", _END.sub("", _collapsed(number)))
    if len(number) > _NUMBER_MAX:
        return Unreadable(Reason.TOO_LONG, f"has {len(number)} characters")
    if _UNUSUAL.search(number):
        number = without_label(number)
    return _digits_of(number, has_plus=isinstance(link, Link) and link.is_international)


def fold(text: str) -> str:
    """`text` with the digits, brackets, dashes, dots and spaces of all scripts as those of ASCII."""
    return text if text.isascii() and text.isprintable() else "".join(map(_folded, text))


def _folded(char: str) -> str:
    if unicodedata.decomposition(char).startswith(_VARIANTS):
        char = unicodedata.normalize("NFKC", char)
    if char.isascii():
        return char
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    category = unicodedata.category(char)
    if char in _INVISIBLE:
        return ""
    if category == "Zs":
        return " "
    if category == "Pd" or char in _DASHES:
        return "-"
    return "." if char in _DOTS else "/" if char in _SLASHES else _OTHERS.get(char, char)


def _collapsed(text: str) -> str:
    return re.sub(r" {2,}", " ", text.strip())


def _unquoted(text: str) -> str:
    """`text` without the apostrophe or quotes by which a spreadsheet keeps a cell as text."""
    for _ in range(3):
        text = text.strip()
        if match := _QUOTED.fullmatch(text):
            text = match[1] or match[2] or match[3] or ""
        elif text.startswith("'"):
            text = text[1:]
        else:
            break
    return text.strip()


def _digits_of(number: str, *, has_plus: bool) -> Dialled | Unreadable:
    amount = re.sub(r" ?([.,]) ?", r"\1", number)
    if match := _FLOAT.fullmatch(amount):
        amount = number = match[1]
    if not _NUMBER.fullmatch(number) or _DECIMAL.fullmatch(amount):
        return _why_not(number, amount)
    digits = re.sub(r"[^0-9]", "", number)
    if has_plus and "+" not in number:
        digits = digits.removeprefix("00")
    if len(digits) > _DIGITS_MAX:
        return Unreadable(Reason.DIGITS, f"has {len(digits)} digits, and a number at most 15")
    if "/" in number and not _is_one_number([_count(part) for part in number.split("/")]):
        return Unreadable(Reason.SEVERAL, "has a slash where another number seems to begin")
    has_plus = has_plus or "+" in number
    if "(" not in number and "[" not in number:
        return _grouped(number, digits, has_plus=has_plus)
    whole = number[0] in "([" and number.find(")" if number[0] == "(" else "]") == len(number) - 1
    if not whole and _count(re.split(r"[)\]]", number)[-1]) < _AFTER_BRACKETS:
        return Unreadable(Reason.BRACKETS, "has brackets at its end")
    return _without_trunk(number, digits, has_plus=has_plus)


def _is_one_number(groups: list[int]) -> bool:
    """Whether groups of so many digits between slashes are those of one number, as in `+43/664/1234567`."""
    *before, last = groups
    if len(before) > 1 and max(before) > _BEFORE_SLASH:
        return False
    return last >= _AFTER_SLASH or (len(groups) >= _PAIRS and max(groups) == 2)  # noqa: PLR2004


def _without_trunk(number: str, digits: str, *, has_plus: bool) -> Dialled | Unreadable:
    """The number without the `(0)` that people write behind a country code."""
    trunks = _TRUNK.findall(number)
    if len(trunks) > 1:
        return Unreadable(Reason.BRACKETS, "has (0) more than once")
    if not trunks:
        return _grouped(number, digits, has_plus=has_plus)
    before, _, after = (re.sub(r"[^0-9]", "", part) for part in number.partition(trunks[0]))
    if not before and not has_plus:
        return Dialled(digits, has_plus=False, last=_last(number))
    code = before if has_plus else before.removeprefix("00")
    if not is_calling_code(code):
        return Unreadable(Reason.BRACKETS, "has (0) elsewhere than behind a country code")
    return Dialled(f"{code}{after}", has_plus=True, with_zero=f"{code}0{after}", last=_last(number))


def _grouped(number: str, digits: str, *, has_plus: bool) -> Dialled:
    groups = () if has_plus else tuple(re.findall("[0-9]+", number))
    has_area = len(groups) > 1 and number[0] in "([" and not is_calling_code(groups[0])
    return Dialled(digits, has_plus, last=_last(number), groups=groups, has_area=has_area)


def _last(number: str) -> int:
    match = _LAST.search(number)
    return len(match[1]) if match else 0


def _count(text: str) -> int:
    return sum(char.isdigit() for char in text)


def _why_not(number: str, amount: str) -> Unreadable:
    """What stands in a text that is no number; `amount` is it without spaces around dots and commas."""
    if not number:
        return Unreadable(Reason.EMPTY, "is empty")
    if _EXPONENT.fullmatch(number):
        return Unreadable(
            Reason.EXPONENT, "is rounded: a spreadsheet wrote it with an exponent; format the column as text"
        )
    if (parameter := _PARAMETER.search(number)) and parameter[0] != ";ext=":
        return Unreadable(Reason.CHARACTER, f"has a parameter ({parameter[0]})")
    if (extension := _EXTENSION.search(number)) and _count(number[: extension.start()]) >= _BEFORE_EXTENSION:
        return Unreadable(Reason.EXTENSION, "has an extension, which WhatsApp cannot reach")
    if letters := re.search(r"[^\W\d_]+", number):
        return Unreadable(Reason.LETTERS, f"has letters ({letters[0][:20]})")
    if not any(map(str.isdigit, number)):
        return Unreadable(Reason.EMPTY, "has no digits")
    if _DECIMAL.fullmatch(amount):
        return Unreadable(Reason.DECIMAL, "is a decimal number; format the column as text")
    if len(re.findall(r"[\n\r]", number)) or number.count("+") > 1:
        return Unreadable(Reason.SEVERAL, "seems to be more than one number")
    if odd := _UNUSUAL.search(number):
        shown = odd[0] if odd[0].isprintable() else f"U+{ord(odd[0]):04X}"
        return Unreadable(Reason.CHARACTER, f"has the character {shown}")
    if re.search(r"[()\[\]]", number):
        return Unreadable(Reason.BRACKETS, "has brackets that are around no group of digits")
    if "+" in number[1:]:
        return Unreadable(Reason.SEPARATORS, "has a + that is not at its beginning")
    return Unreadable(Reason.SEPARATORS, "has separators that are not between two groups of digits")
