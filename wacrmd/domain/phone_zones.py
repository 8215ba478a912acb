"""In which time zones a person may be, by the phone number or the country of the user id. Pure."""

from functools import cache, lru_cache
from importlib.resources import files

import phonenumbers
from phonenumbers import timezone
from phonenumbers.tzdata import TIMEZONE_DATA

from wacrmd.domain.address import is_user_id
from wacrmd.domain.phone_plan import code_of, country_of, main_country

NO_PLACE = ("Etc/UTC",)
"""The zone of numbers of no place, such as those of satellites, and of user ids of no country."""
_UNKNOWN = "Etc/Unknown"
_COUNTRY_LENGTH = 2


def zones_of(address: str) -> tuple[str, ...]:
    """The time zones in which a person with this address may be: many for a mobile of a large country.

    For a user id those of its country. About 1 µs where a country code has one answer, 80 µs elsewhere.
    """
    if is_user_id(address):
        return _zones_by_country().get(address[:_COUNTRY_LENGTH], NO_PLACE)
    digits = address.removeprefix("+")
    for length in (1, 2, 3):
        if (found := _zones_by_code().get(digits[:length])) is not None:
            return found
    return _looked_up(digits)


@lru_cache(maxsize=10_000)
def _looked_up(digits: str) -> tuple[str, ...]:
    """Kept, because a check asks for the same number more than once.

    Of a mobile the library looks at the country code alone. Where several countries share it (+1 876 is Jamaica, +7 701
    Kazakhstan), the zones are those of the number's own. The country that most numbers belong to is also named for
    numbers that may be of another one (+61 4 is Australia and Christmas Island): there the library's answer stays.
    """
    zones = _known(timezone.time_zones_for_number(phonenumbers.parse(f"+{digits}")))
    code = code_of(f"+{digits}")
    if code is None or zones != _known(TIMEZONE_DATA.get(code, ())):
        return zones
    country = country_of(f"+{digits}")
    return zones if country in {None, main_country(code)} else _zones_by_country().get(country, zones)


@cache
def _zones_by_code() -> dict[str, tuple[str, ...]]:
    """The zones of the country codes all of whose numbers have the same ones."""
    codes = {str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE}
    divided = {prefix[:length] for prefix in TIMEZONE_DATA for length in (1, 2, 3) if len(prefix) > length}
    return {code: _known(zones) for code, zones in TIMEZONE_DATA.items() if code in codes - divided}


@cache
def _zones_by_country() -> dict[str, tuple[str, ...]]:
    """The zones of each country, by its ISO 3166 code, from the table of the time zone database."""
    lines = files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8").splitlines()
    found = dict[str, tuple[str, ...]]()
    for country, _place, zone, *_ in (line.split("\t") for line in lines if not line.startswith("#")):
        found[country] = (*found.get(country, ()), zone)
    return found


def _known(zones: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for each in zones if each != _UNKNOWN) or NO_PLACE
