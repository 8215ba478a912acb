"""Shares as people read them. Pure."""


def percent(part: float) -> str:
    """A share from 0 to 1 in percent, as a number with two decimals at most: `80`, `12.5`, `99.99`."""
    return f"{round(100 * part, 2):g}"
