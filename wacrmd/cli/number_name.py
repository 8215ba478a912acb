"""What a business phone number is called in a sentence or a list."""

from wacrmd.domain import number
from wacrmd.fields import JsonObject


def number_name(row: JsonObject) -> str:
    """The number as `domain.number` names it."""
    return number.number_name(row["phone_number_id"], row["display_phone"], row["label"])
