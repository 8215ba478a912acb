"""The people of the simulated Meta: each number has a user id, from which the number can be read again. Pure."""

import re

COUNTRIES: tuple[tuple[str, str], ...] = (
    ("1", "US"), ("20", "EG"), ("212", "MA"), ("225", "CI"), ("229", "BJ"), ("234", "NG"), ("254", "KE"),
    ("27", "ZA"), ("31", "NL"), ("33", "FR"), ("34", "ES"), ("351", "PT"), ("39", "IT"), ("41", "CH"),
    ("43", "AT"), ("44", "GB"), ("49", "DE"), ("52", "MX"), ("54", "AR"), ("55", "BR"), ("56", "CL"),
    ("57", "CO"), ("60", "MY"), ("61", "AU"), ("62", "ID"), ("63", "PH"), ("90", "TR"), ("91", "IN"),
    ("92", "PK"), ("966", "SA"), ("971", "AE"), ("972", "IL"),
)  # fmt: skip
"""Some country codes, and their countries in user ids; all others are `ZZ`."""

_MARK = "77"
_USER_ID = re.compile(rf"^[A-Z]{{2}}\.{_MARK}(\d{{7,15}})$")
# Area code from 31, the ninth digit, eight more; ten digits without the old mobile prefix; ten without the mobile 9.
_BRAZILIAN = re.compile(r"^(55[3-9]\d)9(\d{8})$")
_MEXICAN = re.compile(r"^52(\d{10})$")
_ARGENTINE = re.compile(r"^54([1-8]\d{9})$")


def wa_id_of(number: str) -> str:
    """The id that Meta gives the digits `number`: Brazil loses its ninth digit, Mexico gains the old 1, Argentina its 9.

    Meta only says that it may change the extra prefix digit of Brazil and Mexico (docs/meta.md, Sending); in Brazil that
    concerns the area codes from 31 upwards. Argentina is told by users (docs/meta.md, Forms of one number).
    """
    if (brazilian := _BRAZILIAN.match(number)) is not None:
        return brazilian[1] + brazilian[2]
    if (mexican := _MEXICAN.match(number)) is not None:
        return "521" + mexican[1]
    if (argentine := _ARGENTINE.match(number)) is not None:
        return "549" + argentine[1]
    return number


def user_id_of(wa_id: str) -> str:
    """The user id of the person with this `wa_id`."""
    country = next((name for code, name in COUNTRIES if wa_id.startswith(code)), "ZZ")
    return f"{country}.{_MARK}{wa_id}"


def wa_id_of_user(user_id: str) -> str | None:
    """The `wa_id` of the person with this user id, if `user_id_of` made it."""
    match = _USER_ID.match(user_id)
    return match[1] if match else None
