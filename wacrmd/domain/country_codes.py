"""Country codes in a column of their own, beside the one of phone numbers: each is joined to its number, or refused. Pure.

`91` and `9876543210` are one number of India. Without the code, the number would be one of the account's country: that of a
stranger. So such a column is never left out silently.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from wacrmd.domain import phone_plan
from wacrmd.domain.address import is_user_id
from wacrmd.domain.column_names import plain_names
from wacrmd.domain.phone import Reading, read


class Kind(Enum):
    """What a column says about the country or the place of the phone number."""

    CODE = auto()
    """A country code, or the ISO code of a country."""
    PREFIX = auto()
    """A country code or an area code, as `Vorwahl`: it needs its `+` or `00`, because 30 is Greece and Berlin."""
    AREA = auto()
    """An area code: it is never joined."""
    COUNTRY = auto()
    """A country: by its name, which says nothing here, or by a code. It may also be a parameter of the template."""
    TITLE = auto()
    """`Prefix` is one of a number, or of a name: `Mr.`"""


_NEED_PLUS = (Kind.PREFIX, Kind.TITLE)
_ALSO_OTHERS = (Kind.COUNTRY, Kind.TITLE)
"""What may mean nothing for the number, and be a parameter of the template."""


def _names(words: str) -> frozenset[str]:
    return frozenset("".join(name) for word in words.split() for name in plain_names(word))


_NAMES = {
    Kind.CODE: _names(
        "countrycode countrycodes dialcode dialingcode callingcode countryprefix phonecountrycode "
        "isd idd isdcode iddcode ddi ddipais ddidopais ländervorwahl laendervorwahl landesvorwahl ländercode "
        "laendercode ländercodes länderkennzahl landeskennzahl landkennzahl landcode landnummer landskode "
        "landekode internationalevorwahl codigopais codigodepais codigodelpais codigodopais codpais "
        "codigointernacional prefijopais prefijointernacional prefissointernazionale prefissopaese "
        "codicepaese indicatifpays codepays indicatifinternational kodenegara kodnegara ülkekodu ulkekodu "
        "kodkraju numerkierunkowykraju кодстраны кодкраїни رمزالدولة كودالدولة مفتاحالدولة رمزالبلد देशकोड "
        "国家代码 国家区号 國家代碼 國碼 国番号 国コード 국가번호 국가코드 mãquốcgia รหัสประเทศ kódzemě předvolbazemě"
    ),
    Kind.PREFIX: _names(
        "vorwahl vorwahlnummer vorwahlnr prefijo prefisso indicatif indicativo prefixo phoneprefix telprefix "
        "mobileprefix phonecode telcode mobilecode telefonvorwahl numerkierunkowy kierunkowy předvolba "
        "kodtelefonu"
    ),
    Kind.AREA: _names(
        "areacode phoneareacode ortsvorwahl ortsnetzkennzahl ddd std stdcode codigoarea codigodearea codarea "
        "lada alankodu kodearea kodewilayah kodmiasta кодгорода kengetal netnummer riktnummer 市外局番 区号 區號 지역번호"
    ),
    Kind.COUNTRY: _names(
        "country countryregion cc pais país pays land paese ülke negara kraj страна країна الدولة البلد देश 国 国家 "
        "國家 국가 quốcgia ประเทศ země orszag ország țara"
    ),
    Kind.TITLE: _names("prefix"),
}
_CODE_WORDS = frozenset(
    ("country", "calling", "dial", "dialing", "dialling", "international", "intl", "isd", "idd")
)
_BESIDE = _CODE_WORDS | _names(
    "phone telephone tel mobile cell whatsapp wa contact customer number no iso default address billing shipping"
)
_CODES = frozenset(("code", "codes", "prefix"))
_SHORT_NAMES = _names("code kod kode codigo cod codice koodi код رمز كود कोड 코드 代码")
"""What a country code may be called, and the code of a product, too."""

_DIGITS = re.compile(r"[^\w+]*+(?:(\+|00)\s*+)?([0-9]{1,3})(?:[.,]0)?\W*+", re.ASCII)
_WITHIN = re.compile(r"[^0-9+]*(\+)\s?([0-9]{1,3})[^0-9+]*", re.ASCII)
"""A code beside the name of its country: `India (+91)`."""
_ISO = re.compile(r"[A-Za-z]{2}", re.ASCII)
_AMOUNT = re.compile(r"([0-9]{4,})[.,]0{1,2}", re.ASCII)
"""A number that a program took for an amount, as it did the code beside it."""
_OTHER_ISO = {"UK": "GB", "EL": "GR"}
_MAX_SHOWN = 40


@dataclass(frozen=True, slots=True)
class CodeProblem:
    """Why a number and the code beside it are not one number."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Code:
    digits: str
    is_iso: bool = False


class CodeColumns:
    """The columns of a header that say of which country the phone numbers are; the one of numbers is at `address`."""

    def __init__(self, names: Sequence[str], address: int) -> None:
        self._names = names
        self._others = [at for at, name in enumerate(names) if at != address and kind_of(name) is None]
        self._short = {
            at for at in self._others if any("".join(each) in _SHORT_NAMES for each in plain_names(names[at]))
        }
        self._at = {
            at: kind for at, name in enumerate(names) if at != address and (kind := kind_of(name)) is not None
        }
        self.taken = frozenset(at for at, kind in self._at.items() if kind not in _ALSO_OTHERS)
        """The places of the columns that are a part of the number, and of nothing else."""

    def __bool__(self) -> bool:
        return bool(self._at or self._others)

    def joined(self, address: str, cells: Sequence[str]) -> str | CodeProblem:
        """The address with its country code, or as it is where no code belongs to it; or why the two do not fit."""
        if not address or is_user_id(address):
            return address
        others = self._perhaps_codes(cells)
        if not self._at and not others:
            return address
        written = read(address)
        own = written.phone if isinstance(written, Reading) and written.digits is None else None
        found: set[str] = set()
        for at, kind in self._at.items():
            cell = cells[at].strip("'\"= ") if at < len(cells) else ""
            code = self._code(at, kind, cell, address, is_complete=own is not None)
            if isinstance(code, CodeProblem):
                return code
            if code is None:
                continue
            if own is None:
                readings = _readings(code, address)
                if not readings:
                    return self._unfit(at, cell, address)
                found |= readings
            elif not code.is_iso and kind not in _ALSO_OTHERS and not own.startswith(f"+{code.digits}"):
                return self._unfit(at, cell, address)
        for place, perhaps in others if own is None and not found else ():
            if _readings(perhaps, address):
                shown = cells[place][:_MAX_SHOWN]
                return _refused(f"has {shown} in column {self._name(place)}, perhaps its country code")
        if len(found) > 1:
            return CodeProblem(
                f"may be {' or '.join(sorted(found))}: write the number with + and its country code"
            )
        return found.pop() if found else address

    def _code(
        self, at: int, kind: Kind, cell: str, address: str, *, is_complete: bool
    ) -> "_Code | CodeProblem | None":
        """The country code in a cell; None where it says nothing that the number needs."""
        if kind is Kind.AREA:
            if is_complete or not cell or _has_area(address, cell):
                return None
            return _refused(f"has an area code in column {self._name(at)}")
        code = _code_in(cell, needs_plus=kind in _NEED_PLUS)
        if code is not None:
            return code
        if is_complete or (kind in _ALSO_OTHERS and not any(map(str.isdecimal, cell))):
            return None
        if not cell:
            return _refused(f"has nothing in column {self._name(at)}")
        if kind in _NEED_PLUS:
            return _refused(f"has {cell[:_MAX_SHOWN]} in column {self._name(at)}, perhaps an area code")
        return _refused(f"has {cell[:_MAX_SHOWN]} in column {self._name(at)}, which is no country code")

    def _perhaps_codes(self, cells: Sequence[str]) -> list[tuple[int, _Code]]:
        """What may be country codes, in columns that are not called so."""
        found: list[tuple[int, _Code]] = []
        for at in self._others:
            cell = cells[at].lstrip("'\"= ") if at < len(cells) else ""
            if cell.startswith(("+", "00")) or (at in self._short and cell):
                code = _code_in(cell.strip("'\"= "), needs_plus=at not in self._short)
                if code is not None and not code.is_iso:
                    found.append((at, code))
        return found

    def _unfit(self, at: int, cell: str, address: str) -> CodeProblem:
        return _refused(
            f"has {cell[:_MAX_SHOWN]} in column {self._name(at)}, to which {address[:_MAX_SHOWN]} does not fit",
        )

    def _name(self, at: int) -> str:
        return self._names[at][:_MAX_SHOWN]


def _refused(what: str) -> CodeProblem:
    return CodeProblem(f"{what}: write the whole number with + and its country code, or rename that column")


def kind_of(name: str) -> Kind | None:
    """What a column of this name says about the phone numbers; None if nothing."""
    readings = plain_names(name)
    for kind, names in _NAMES.items():
        if any("".join(words) in names for words in readings):
            return kind
    return Kind.CODE if any(map(_is_code, readings)) else None


def _is_code(words: Iterable[str]) -> bool:
    """Whether English words mean a country code, such as `Default Address Country Code`."""
    given = set(words)
    return bool(given & _CODES and given & _CODE_WORDS) and given <= _BESIDE | _CODES


def _code_in(cell: str, *, needs_plus: bool) -> _Code | None:
    found = _DIGITS.fullmatch(cell) or _WITHIN.fullmatch(cell)
    if found and (found[1] or not needs_plus) and phone_plan.is_calling_code(found[2]):
        return _Code(found[2])
    if _ISO.fullmatch(cell):
        country = cell.upper()
        digits = phone_plan.calling_code(_OTHER_ISO.get(country, country))
        return _Code(digits, is_iso=True) if digits != "0" else None
    return None


def _readings(code: _Code, address: str) -> set[str]:
    """The numbers that an address without a country code may be with this one; it may begin with the code already.

    A person's country is perhaps not the one of the number, as a country code is: then only a mobile number fits, and
    the digits may also be those of a mobile of another country.
    """
    number = address.lstrip("'` ")
    if amount := _AMOUNT.fullmatch(number):
        number = amount[1]
    texts = [f"+{code.digits} {number}"]
    if number.startswith(code.digits):
        texts.append(f"+{number}")
    found = {reading.phone for text in texts if isinstance(reading := read(text), Reading)}
    mobile = set(filter(phone_plan.is_mobile, found))
    if not code.is_iso and len(mobile) == 1:
        return mobile
    fitting = mobile if code.is_iso else found
    abroad = read(address)
    if fitting and isinstance(abroad, Reading) and phone_plan.is_mobile(abroad.phone):
        return fitting | {abroad.phone}
    return fitting


def _has_area(address: str, area: str) -> bool:
    """Whether a number begins with the area code that stands beside it."""
    number, wanted = (re.sub(r"[^0-9]", "", text) for text in (address, area))
    return wanted.lstrip("0") != "" and re.sub(r"^[01]", "", number).startswith(wanted.lstrip("0"))
