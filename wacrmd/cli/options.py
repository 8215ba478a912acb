"""Options that several commands have, and the choices of an option from an enum."""

import re
from enum import StrEnum
from typing import Any

import click

from wacrmd.cli import complete
from wacrmd.cli.frame import FileName
from wacrmd.domain.code_text import read_codes
from wacrmd.domain.number_text import read_amount, read_whole

yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")

only_account_option = click.option(
    "--account", metavar="NAME", shell_complete=complete.accounts, help="Only this account."
)
"""For commands that concern all accounts if none is named."""

account_option = click.option(
    "--account",
    metavar="NAME",
    shell_complete=complete.accounts,
    help="The account; not needed if there is only one.",
)

required_account_option = click.option(
    "--account", required=True, metavar="NAME", shell_complete=complete.accounts, help="The account."
)

broadcast_id = click.argument("broadcast_id", metavar="ID", shell_complete=complete.broadcasts)

draft_id = click.argument("draft_id", metavar="ID", shell_complete=complete.drafts)

rejected_option = click.option(
    "--rejected",
    type=FileName(),
    metavar="FILE",
    help="Write the lines that are left out to FILE, each with the reason, to be corrected and used again.",
)

column_option = click.option(
    "--column",
    metavar="NAME|N",
    help="The column with the phone numbers, by its name or its number from 1. Default: the one with a usual name.",
)

excel_option = click.option(
    "--excel",
    is_flag=True,
    help="In a form that Excel opens right: phone numbers and accents stay what they are.",
)


class Whole(click.IntRange):
    """A whole number within bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        whole = read_whole(str(value))
        if whole is None or not _is_within(self, whole):
            self.fail(f"expected a whole number{_bounds(self)}, found {str(value)!r}", param, ctx)
        return whole


class Amount(click.FloatRange):
    """A number within bounds; nan and infinity are none: JSON would make them a null, which means left out."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        amount = read_amount(str(value))
        if amount is None:
            self.fail(f"expected a number such as 0.5 or 80, found {value!r}", param, ctx)
        if not _is_within(self, amount):
            self.fail(f"expected a number{_bounds(self)}, found {str(value)!r}", param, ctx)
        return amount


def _is_within(bounds: click.IntRange | click.FloatRange, number: float) -> bool:
    is_low = bounds.min is not None and (number < bounds.min or (bounds.min_open and number == bounds.min))
    return not is_low and (bounds.max is None or number <= bounds.max)


def _bounds(bounds: click.IntRange | click.FloatRange) -> str:
    """The bounds in words, after a space."""
    if bounds.min is None:
        return "" if bounds.max is None else f" up to {bounds.max}"
    if bounds.max is None:
        return f" above {bounds.min}" if bounds.min_open else f" from {bounds.min} on"
    return (
        f" above {bounds.min} and up to {bounds.max}"
        if bounds.min_open
        else f" from {bounds.min} to {bounds.max}"
    )


DEFAULT_LIMIT = 50
MAX_LIMIT = 1000

limit_option = click.option(
    "--limit",
    type=Whole(min=1, max=MAX_LIMIT),
    default=DEFAULT_LIMIT,
    show_default=True,
    metavar="N",
    help="At most N, the newest first.",
)


def one_of(values: type[StrEnum], *, without: StrEnum | None = None) -> click.Choice[str]:
    """A choice among the values of an enum."""
    return click.Choice([value.value for value in values if value is not without])


class ListOption(click.Option):
    """An option that takes several values, with commas between them or one each time that it is given.

    Only for values that have no comma themselves, such as codes and words of a choice.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"multiple": True, **options})

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """The values as their type; fails with a sentence where there is none between two commas."""
        if not isinstance(value, tuple | list):
            return super().type_cast_value(ctx, value)
        parts = [part.strip() for text in value for part in str(text).split(",")]
        if not all(parts):
            raise click.BadParameter(
                f"expected values with commas between them, found {','.join(map(str, value))!r}", ctx, self
            )
        return super().type_cast_value(ctx, parts)


_BETWEEN_CODES = re.compile(r"(?<=[0-9])(?:\s*;\s*|\s+)(?=-?[0-9])", re.ASCII)
"""What `read_codes` takes between two codes, besides a comma."""


class CodesOption(ListOption):
    """An option that takes several of Meta's codes; fails where a text may be one code or two, as `131,049`."""

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """The codes."""
        if isinstance(value, tuple | list):
            for text in value:
                try:
                    read_codes(str(text))
                except ValueError as error:
                    raise click.BadParameter(str(error), ctx, self) from None
            value = [_BETWEEN_CODES.sub(",", str(text)) for text in value]
        return super().type_cast_value(ctx, value)


class Code(Whole):
    """One of Meta's codes, or 0; fails where a text may be one code or two, as `131,049`."""

    def __init__(self) -> None:
        super().__init__(min=0, max=10_000_000)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The code."""
        try:
            codes = read_codes(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if len(codes) != 1:
            self.fail(f"expected one code such as 131049, found {value!r}", param, ctx)
        code: int = super().convert(codes[0], param, ctx)
        return code
