"""The country of a person by the address, so cheaply that it can be asked for each of a million. Pure."""

from functools import lru_cache

from wacrmd.domain.address import is_user_id
from wacrmd.domain.phone_plan import code_of, country_of

NANP = "1"
NANP_DIGITS = 3
"""In the numbering plan of North America an area code belongs to one country."""
DIGITS = 5
"""So many digits after a country code that several countries share decide which one it is."""
_FILLING = "2345678901234"
_USER_ID_COUNTRY = 2


def country_of_address(address: str) -> str:
    """The ISO 3166 code of a country; "" for what has none, such as an address that was erased.

    That of `phone_plan.country_of`, found by the first digits alone: those of neighbours are remembered.
    """
    if not address.startswith("+"):
        return address[:_USER_ID_COUNTRY] if is_user_id(address) else ""
    code = code_of(address)
    if code is None:
        return ""
    digits = NANP_DIGITS if code == NANP else DIGITS
    return _of_prefix(address[: 1 + len(code) + digits], len(address))


@lru_cache(maxsize=16_384)
def _of_prefix(prefix: str, length: int) -> str:
    return country_of(prefix + _FILLING[: max(0, length - len(prefix))]) or ""
