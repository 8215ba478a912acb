"""Numbers whose country is a guess: written without `+`, and not plainly of the country of those who send. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from wacrmd.domain import phone_plan
from wacrmd.domain.phone import Reading

_MAX_COUNTRIES = 8


@dataclass(frozen=True, slots=True)
class Home:
    """The country of whose numbers a list without `+` probably is; None: not known.

    `is_default`: the account has it as its default country, so that such numbers are read as its own first. Otherwise it is
    the country of the number that sends.
    """

    country: str | None
    is_default: bool = False

    @classmethod
    def of(cls, default_country: str | None, display_phone: str | None) -> "Home":
        """The account's default country, else the country of the number that sends."""
        if default_country is not None:
            return cls(default_country, is_default=True)
        return cls(phone_plan.country_of(display_phone) if display_phone else None)


def doubt(reading: Reading, home: Home) -> str | None:
    """Why a reading is a guess; None where it is none."""
    if reading.digits is None:
        return None
    country = phone_plan.country_of(reading.phone)
    if home.country is None:
        return f"no + or 00: read as a number of {country}"
    if home.is_default:
        return _doubt_of_default(reading, country, home.country)
    other = phone_plan.national(reading.digits, home.country)
    if phone_plan.is_of(reading.phone, home.country) and (
        other in (None, reading.phone)
        or (phone_plan.is_mobile(reading.phone) and not phone_plan.is_mobile(other or ""))
    ):
        return None
    return f"no + or 00: read as a number of {country}{_also(other, home.country)}"


def _doubt_of_default(reading: Reading, country: str | None, default: str) -> str:
    """Why it is a guess, where a number without `+` is read as one of the account's country first."""
    if (reading.digits or "").startswith("00"):
        return f"00 is read as +; with a prefix for calls abroad of {default} it would be {reading.other}"
    if not phone_plan.is_of(reading.phone, default):
        return f"no + or 00: read as a number of {country}{_also(reading.other, default)}"
    if reading.other is not None:
        with_plus = f"with + it would be {reading.other} of {phone_plan.country_of(reading.other)}"
        return f"no + or 00: read as a number of {default}; {with_plus}"
    return f"no +, 00 or 0: read as a number of {default} with its area code"


def _also(other: str | None, country: str) -> str:
    return f"; as a number of {country} it would be {other}" if other else ""


def summary(phones: Iterable[str], home: Home) -> str:
    """The guesses in one sentence: `4 numbers without +: JP, PE, NZ, NO; your own number is US`."""
    countries = Counter(phone_plan.country_of(phone) or "?" for phone in phones)
    total = countries.total()
    listed = [f"{country} ({count})" if count > 1 else country for country, count in countries.most_common()]
    if len(listed) > _MAX_COUNTRIES:
        listed = [*listed[:_MAX_COUNTRIES], f"{len(listed) - _MAX_COUNTRIES} more"]
    ours = "the account's country" if home.is_default else "your own number"
    known = f"{ours} is {home.country}" if home.country else "the country of your own number is not known"
    return f"{total} number{'s' if total != 1 else ''} without +: {', '.join(listed)}; {known}"
