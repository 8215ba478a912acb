"""What a caller gives to add or change a number."""

from dataclasses import dataclass

from wacrmd.clock import HOUR, Millis


@dataclass(frozen=True, slots=True)
class NewNumber:
    """A business phone number to add, with its secrets unencrypted."""

    phone_number_id: str
    waba_id: str
    access_token: str
    app_secret: str
    verify_token: str
    label: str | None = None
    display_phone: str | None = None
    messages_per_second: float | None = None
    default: bool = False

    def __repr__(self) -> str:
        return f"NewNumber({self.phone_number_id})"


@dataclass(frozen=True, slots=True)
class NumberChange:
    """What to change in a number; None leaves a field as it is.

    `messages_per_second` 0 restores the rate of the configuration, `daily_limit` 0 the limit that Meta tells. An empty
    `label`, `display_phone` or `portfolio` removes it. A replaced app secret stays valid for `overlap` more.
    """

    label: str | None = None
    display_phone: str | None = None
    messages_per_second: float | None = None
    daily_limit: int | None = None
    portfolio: str | None = None
    default: bool = False
    access_token: str | None = None
    app_secret: str | None = None
    verify_token: str | None = None
    overlap: Millis = 24 * HOUR

    def __repr__(self) -> str:
        return f"NumberChange({', '.join(self.names())})"

    def names(self) -> list[str]:
        """The names of the fields to change."""
        fields = (
            "label",
            "display_phone",
            "messages_per_second",
            "daily_limit",
            "portfolio",
            "access_token",
            "app_secret",
            "verify_token",
        )
        given = [name for name in fields if getattr(self, name) is not None]
        return [*given, "default"] if self.default else given
