"""What a business phone number is called in a sentence or a list."""

from wacrmd.fields import JsonObject


def number_name(number: JsonObject) -> str:
    """Its phone and label, and Meta's id, with which commands name it: `+1 555 0100, Main (id 1065…)`."""
    names = [number[field] for field in ("display_phone", "label") if number[field]]
    return f"{', '.join(names)} (id {number['phone_number_id']})" if names else str(number["phone_number_id"])
