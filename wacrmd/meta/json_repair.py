"""JSON that is not quite JSON, made readable: one person's text must not cost the other updates of a webhook; pure."""

import re
from math import isfinite

MAX_DEPTH = 200
"""Deeper values become null: what Meta nests has about ten levels, and what is much deeper cannot be written again."""

MAX_CONTAINERS = 60_000
MAX_COMMAS = 250_000
"""Objects and lists in one body, and what stands between values: a parser holds the interpreter's lock for about 30 ms for
so many. Meta's largest webhooks, of 3 MiB with 1,000 updates, have about 10,000 and 100,000."""

MAX_REPAIRS = 20_000

MAX_DIGITS = 300
"""A number with more has no value as a float."""

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_STRINGS = re.compile(_STRING, re.DOTALL)
_TOKEN = re.compile(
    rb'[^"\-NI0-9\[{\]}]*+('
    + _STRING
    + rb"|-?(?:NaN|Infinity)|-?[0-9]++(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|[\[{\]}])?",
    re.DOTALL,
)
"""A token with what stands before it: to look for one at each byte would hold the interpreter's lock for 50 ns each."""
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def check_size(body: bytes) -> None:
    """Raise ValueError for more objects, lists and values than may be parsed at once."""
    if _is_small(*_counts(body, 0, len(body))):
        return
    containers = commas = kept = 0
    # Piece by piece, and not by one substitution, which would hold the interpreter's lock for its whole length.
    for string in _STRINGS.finditer(body):
        more, others = _counts(body, kept, string.start())
        containers, commas, kept = containers + more, commas + others, string.end()
    more, others = _counts(body, kept, len(body))
    if not _is_small(containers + more, commas + others):
        raise ValueError(f"it has more than {MAX_CONTAINERS:,} objects and lists, or {MAX_COMMAS:,} values")


def _counts(body: bytes, start: int, end: int) -> tuple[int, int]:
    """How many objects and lists begin in a part of a body, and its commas."""
    return body.count(b"[", start, end) + body.count(b"{", start, end), body.count(b",", start, end)


def _is_small(containers: int, commas: int) -> bool:
    return containers <= MAX_CONTAINERS and commas <= MAX_COMMAS


def repaired(body: bytes) -> bytes:
    """The body with what no parser takes replaced: a question mark for a lone surrogate and for each byte that is no UTF-8,
    null for NaN, for numbers without a finite value, and for what is nested too deeply. Takes linear time. Raises ValueError
    for more than `MAX_REPAIRS` values.
    """
    text = body.decode(errors="replace").encode()
    pieces: list[bytes] = []
    kept, depth = 0, 0  # up to where the text has been looked at; how deep it is there
    for token in _TOKEN.finditer(text):
        found, start, end = token[1], token.start(1), token.end()
        if found is None:
            continue
        if found in b"[{":
            depth += 1
            if depth == MAX_DEPTH:
                pieces += text[kept:start], b"null"
        elif found in b"]}":
            depth -= 1
            if depth == MAX_DEPTH - 1:
                kept = end
        elif depth < MAX_DEPTH and (other := _readable(found)) is not found:
            pieces += text[kept:start], other
            kept = end
        if len(pieces) > 2 * MAX_REPAIRS:
            raise ValueError(f"more than {MAX_REPAIRS:,} of its values are no JSON")
    if depth < MAX_DEPTH:
        pieces.append(text[kept:])
    return b"".join(pieces)


def _readable(token: bytes) -> bytes:
    """A string or number as a parser takes it; the same object if it is so already."""
    if token.startswith(b'"'):
        return _ESCAPE.sub(_escape, token) if b"\\u" in token else token
    if token.endswith((b"NaN", b"Infinity")):
        return b"null"
    if len(token) > MAX_DIGITS or b"e" in token or b"E" in token:
        return token if len(token) <= MAX_DIGITS and isfinite(float(token)) else b"null"
    return token


def _escape(found: re.Match[bytes]) -> bytes:
    return found[0] if found[1] is None else b"?"
