"""Meta's error codes as people type them. Pure."""

import re

_MAX_DIGITS = 8
_CODE = re.compile(rf"-?(?:0|[1-9][0-9]{{0,{_MAX_DIGITS - 1}}})", re.ASCII)
_BETWEEN = re.compile(r"[\s,;]+")
_GROUPED = re.compile(r"(?<![0-9])[0-9]{1,3}(?:[,.'\s\u2019][0-9]{3})+(?![0-9])")
"""A code with a separator of thousands, or two short codes."""
_SUCH_AS = "expected codes such as 131049, of several with a comma and a space between them"


def read_codes(text: str) -> list[int]:
    """The codes in a text, in their order; none in an empty one.

    Raises ValueError with a sentence for anything else, also for `131,049`: read as the codes 131 and 49, it would be a
    rule that never applies, and nobody would notice.
    """
    if (grouped := _GROUPED.search(text)) is not None:
        plain = re.sub(r"[^0-9]", "", grouped[0])
        raise ValueError(
            f"{grouped[0][:40]!r} may be the code {plain} or several codes: write one without a separator, and several"
            " with a comma and a space between them"
        )
    parts = [part for part in _BETWEEN.split(text) if part]
    for part in parts:
        if re.fullmatch(r"-?0[0-9]+", part, re.ASCII):
            raise ValueError(f"{part[:40]!r} is no code of Meta's, which begin with no zero: {_SUCH_AS}")
        if not _CODE.fullmatch(part):
            raise ValueError(f"{part[:40]!r} is no code of Meta's: {_SUCH_AS}")
    return [int(part) for part in parts]
