"""The country by which Meta bills a recipient: that of the calling code, and the groups of countries of Meta's lists. Pure.

Meta's price lists name some countries, and put others together: `Rest of Africa`. A country that a list names by itself is
not in its group, whatever the table here says: it was not compared with a list of Meta's (docs/prices.md).
"""

from wacrmd.domain import phone_plan
from wacrmd.domain.address import is_user_id
from wacrmd.domain.column_names import plain_names
from wacrmd.domain.country_names import NAMES
from wacrmd.domain.price import EVERYWHERE

_SHARED_CODES = ("+1", "+7")
"""Calling codes that several of Meta's countries share; each is known by the digits after the code."""
_PREFIX = 5
"""Characters of a number that say in which of these countries it is: `+1876`, `+7701`."""

_GROUPS = {
    "northamerica": "CA US",
    "restofafrica": (
        "AO BF BI BJ BW CD CG CI CM DZ ER ET GA GH GM GW KE LR LS LY MA MG ML MR MW MZ NA NE RW SD SL SN SO SS SZ TD"
        " TG TN TZ UG ZM ZW"
    ),
    "restofasiapacific": "AF AU BD CN HK JP KH LA LK MN NP NZ PG PH SG TH TJ TM TW UZ VN",
    "restofcentraleasterneurope": "AL AM AZ BG BY CZ GE GR HR HU LT LV MD MK PL RO RS SI SK UA",
    "restofwesterneurope": "AT BE CH DK FI IE NO PT SE",
    "restoflatinamerica": "BO CR DO EC GT HN HT JM NI PA PR PY SV UY VE",
    "restofmiddleeast": "BH IQ JO KW LB OM QA YE",
}
_ALL = frozenset(
    (
        "other",
        "others",
        "restofworld",
        "restoftheworld",
        "all",
        "default",
        "rest",
        "andere",
        "alle",
        "sonstige",
    )
)

_OTHER_NAMES = {
    "uk": "GB",
    "greatbritain": "GB",
    "usa": "US",
    "unitedstatesofamerica": "US",
    "uae": "AE",
    "turkiye": "TR",
    "czechia": "CZ",
    "ivorycoast": "CI",
    "swaziland": "SZ",
    "eswatini": "SZ",
    "northmacedonia": "MK",
    "democraticrepublicofthecongo": "CD",
    "republicofthecongo": "CG",
    "hongkongsarchina": "HK",
    "deutschland": "DE",
    "osterreich": "AT",
    "schweiz": "CH",
    "frankreich": "FR",
    "italien": "IT",
    "spanien": "ES",
    "niederlande": "NL",
    "grossbritannien": "GB",
    "vereinigteskonigreich": "GB",
    "vereinigtestaaten": "US",
    "turkei": "TR",
    "polen": "PL",
    "indien": "IN",
    "brasilien": "BR",
    "espana": "ES",
    "brasil": "BR",
}


def _plain(name: str) -> str:
    """A name without spaces, accents and marks, and without `and` and `the` at its beginning."""
    words = [word for word in plain_names(name.replace("&", " "))[0] if word != "and"]
    return "".join(words[1:] if words[:1] == ["the"] else words)


_NAMES = {_plain(name): country for country, name in NAMES.items()} | _OTHER_NAMES
_known: dict[str, str | None] = {}


def country_of(address: str) -> str | None:
    """The country of a phone number in E.164 form or of a user id, as Meta bills it; None for another text.

    1 µs, and some 30 for the first number of a beginning.
    """
    if not address.startswith("+"):
        return address[:2] if is_user_id(address) else None
    prefix = address[:_PREFIX]
    found = _known.get(prefix, "")
    if found == "":
        found = _known[prefix] = _country_of(address)
    return found


def _country_of(address: str) -> str | None:
    if address.startswith(_SHARED_CODES):
        return phone_plan.country_of(address)
    code = phone_plan.code_of(address)
    country = None if code is None else phone_plan.main_country(code)
    return country if country in NAMES else None  # +800 and such are of no country


def countries_named(text: str) -> tuple[str, ...] | None:
    """The countries that a cell of a price list names: one, those of a group, `EVERYWHERE`; None if it names none.

    A country is written by its ISO code or its name, several with commas, semicolons or spaces between codes.
    """
    written = text.strip()
    if written == EVERYWHERE or _plain(written) in _ALL:
        return (EVERYWHERE,)
    if (one := _one(written)) is not None:
        return (one,)
    if (group := _GROUPS.get(_plain(written))) is not None:
        return tuple(group.split())
    parts = [part for part in written.replace(";", ",").split(",") if part.strip()]
    if len(parts) == 1:
        parts = written.split()
    several = [_one(part.strip()) for part in parts]
    if len(several) < 2 or None in several:  # noqa: PLR2004 - one was looked at above
        return None
    return tuple(dict.fromkeys(each for each in several if each is not None))


def is_group(text: str) -> bool:
    """Whether a cell names a group of countries: a country that is named by itself is not in it."""
    return _plain(text) in _GROUPS


def _one(text: str) -> str | None:
    code = text.upper()
    if code in NAMES:
        return code
    return _NAMES.get(_plain(text))
