"""Inputs of strangers: good ones with a few changes, which get further into the code than random bytes."""

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any, AnyStr, TypeVar

from hypothesis import strategies as st

JsonDocument = Any

T = TypeVar("T")


class Seeds(tuple[T, ...]):
    """Good inputs to begin with, which no report prints: they may be large."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} seeds>"


STRANGE_TEXTS = (
    "",
    " ",
    "\0",
    "\x1b[2J",
    "\u202e",
    "\ud800",
    "\ufeff",
    "\u2028",
    "9" * 25,
    "9" * 5000,  # int() refuses more than 4,300 digits
    "-1",
    "1e400",
    "null",
    "../../etc/passwd",
    "' OR 1=1 --",
    "wacrmd:x:1:1",
    "wacrmd:x:" + "9" * 18 + ":1",
    "+14155550123",
    "US.13491208655302741918",
    "STOP",
)
STRANGE_VALUES: tuple[JsonDocument, ...] = (
    *STRANGE_TEXTS,
    None,
    True,
    False,
    0,
    -1,
    2**31,
    2**53,
    2**63 - 1,
    2**63,
    2**64,
    -(2**63) - 1,
    10**40,
    0.5,
    1e308,
    float("inf"),
    float("nan"),
    [],
    {},
    [[]],
    [{}],
    [None, 1, "a", []],
    {"": None},
)

_LONG_TEXTS = st.builds(str.__mul__, st.sampled_from("9xé\u202e"), st.sampled_from((300, 5000, 70_000)))
TEXTS = st.sampled_from(STRANGE_TEXTS) | st.text(max_size=12) | _LONG_TEXTS
"""Any text, and often one that programs stumble over."""
VALUES = st.sampled_from(STRANGE_VALUES).map(copy.deepcopy) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=6,
)
"""Any value of JSON, and often one that programs stumble over."""


def mutated_json(seeds: Sequence[JsonDocument]) -> st.SearchStrategy[JsonDocument]:
    """One of the documents, with one to five changes somewhere within it."""
    return _mutated_json(Seeds(seeds))


@st.composite
def _mutated_json(draw: st.DrawFn, seeds: Sequence[JsonDocument]) -> JsonDocument:
    document = {"": copy.deepcopy(draw(st.sampled_from(seeds)))}
    for _ in range(draw(st.integers(1, 5))):
        found = list(places(document))[::-1]  # the innermost first: they are drawn more often
        container, key = found[draw(st.integers(0, len(found) - 1))]
        value = container[key]
        match draw(st.integers(0, 6)):
            case 0 if isinstance(value, str):  # most programs only look at a value of the right kind
                container[key] = draw(TEXTS)
            case 0 | 1:
                container[key] = draw(VALUES)
            case 2 if container is not document:
                del container[key]
            case 3:
                container[key] = [value, *draw(st.lists(VALUES, max_size=2))]
            case 4 if isinstance(container, dict) and container is not document:
                container[draw(TEXTS)] = container.pop(key)
            case 5 if isinstance(value, list) and value:
                container[key] = value * draw(st.sampled_from((2, 3, 40)))
            case _:
                other, place = found[draw(st.integers(0, len(found) - 1))]
                container[key] = copy.deepcopy(other.get(place) if isinstance(other, dict) else other[place])
    return document[""]


def places(container: Any) -> Iterator[tuple[Any, Any]]:
    """Every value of a document, as its container and its key there."""
    keys = list(container) if isinstance(container, dict) else range(len(container))
    for key in keys:
        yield container, key
        if isinstance(container[key], dict | list):
            yield from places(container[key])


def dumped(document: JsonDocument) -> bytes:
    """The document as bytes; also what no JSON can hold, such as NaN, as a careless program writes it."""
    return json.dumps(document).encode()


def mutated_bytes(
    seeds: Sequence[bytes], tokens: Sequence[bytes] = (), *, changes: int = 6
) -> st.SearchStrategy[bytes]:
    """One of the inputs with some changes; `tokens` are often put in."""
    put_in = st.binary(min_size=1, max_size=6)
    return _mutated(Seeds(seeds), put_in | st.sampled_from(Seeds(tokens)) if tokens else put_in, changes)


def mutated_text(
    seeds: Sequence[str], tokens: Sequence[str] = (), *, changes: int = 6
) -> st.SearchStrategy[str]:
    """One of the texts with some changes; `tokens` are often put in."""
    put_in = st.text(min_size=1, max_size=6)
    return _mutated(Seeds(seeds), put_in | st.sampled_from(Seeds(tokens)) if tokens else put_in, changes)


@st.composite
def _mutated(
    draw: st.DrawFn, seeds: Sequence[AnyStr], put_in: st.SearchStrategy[AnyStr], changes: int
) -> AnyStr:
    """One of the seeds, of which spans are taken out, doubled or moved, and into which others are put."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, changes))):
        at, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        match draw(st.integers(0, 4)):
            case 0:
                data = data[:at] + data[min(end, at + 20) :]
            case 1:
                data = data[:end] + data[at:]
            case 2:
                data = data[:at] + draw(put_in) * draw(st.sampled_from((1, 1, 2, 50))) + data[at:]
            case 3:
                data = data[:at] + draw(put_in) + data[min(end, at + 6) :]
            case _:
                data = data[at:end] + data[:at] + data[end:]
    return data
