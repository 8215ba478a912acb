"""Bodies that cost as much as bodies can: many values, many keys, deep nesting, long numbers and texts, in every field."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, get_args

from pydantic import BaseModel

Body = tuple[str, bytes]
"""What it is, and its bytes."""


def filled(piece: bytes, size: int, before: bytes = b"[", after: bytes = b"]") -> bytes:
    """An array of so many of these pieces that it has this size."""
    count = (size - len(before) - len(after)) // (len(piece) + 1)
    return before + b",".join([piece] * min(count, 1)) + (b"," + piece) * (count - 1) + after


@lru_cache(maxsize=4)
def values(size: int) -> tuple[Body, ...]:
    """JSON values of this size that a field may get; kept, because they go into many fields."""
    return tuple(_values(size))


def _values(size: int) -> Iterator[Body]:
    yield "an array of ones", filled(b"1", size)
    yield "an array of empty arrays", filled(b"[]", size)
    yield "an array of empty objects", filled(b"{}", size)
    yield "an array of small objects", filled(b'{"":0}', size)
    yield "an array of objects in one another", filled(b'{"a":{"a":{"a":{"a":{}}}}}', size)
    yield "an array of short texts", filled(b'"ab"', size)
    yield (
        "an object with many keys",
        b"{" + b",".join(b'"%06x":1' % each for each in range(size // 11)) + b"}",
    )
    yield "an object with one key many times", filled(b'"a":1', size, b"{", b"}")
    yield "a long text", b'"' + b"a" * size + b'"'
    yield "a text of escapes", b'"' + b'\\"' * (size // 2) + b'"'
    yield "a long number", b"1" * size
    yield "many long numbers", filled(b"9" * 1000, size)
    yield "many too long numbers", filled(b"9" * 4000, size)


def broken(size: int) -> Iterator[Body]:
    """Bodies of this size that are no object, or no JSON."""
    for name, value in values(size):
        yield f"{name} as the whole", value
    yield "arrays that do not end", b"[" * size
    yield "arrays in one another", b"[" * (size // 2) + b"]" * (size // 2)
    yield "objects in one another", b'{"a":' * (size // 6) + b"1" + b"}" * (size // 6)
    yield "a text that does not end", b'{"a":"' + b"\\\\" * (size // 2)
    yield "backslashes", b"\\" * size
    yield "quotes", b'"' * size
    yield "digits and others", filled(b"1" * 18, size)
    yield "an emoji behind a long text", b'{"a":"' + b"a" * size + "😀".encode() + b'"}'
    yield "NULs", b'{"a":"' + b"\\u0000" * (size // 6) + b'"}'
    yield "half of a surrogate pair", b'{"a":"' + b"\\ud800" * (size // 6) + b'"}'
    yield "numbers that are too large", filled(b"1e400", size)
    yield "small numbers", filled(b"1E-999999", size)
    yield "spaces", b" " * size
    yield "not UTF-8", b'{"a":"' + b"\xff" * size + b'"}'
    yield "two-byte letters", b'{"a":"' + "é".encode() * (size // 2) + b'"}'


def bodies(model: type[BaseModel], size: int, all_items: int) -> Iterator[Body]:
    """Bodies of this size for a model: each of its fields, and each of an object in its lists, has each value.

    With `all_items` bytes, each of 1,000 objects in its lists has it.
    """
    fields = [(field.alias or name, field.annotation) for name, field in model.model_fields.items()]
    for name, kind in fields:
        for what, value in values(size):
            yield f"{name}: {what}", b'{"%s":%s}' % (name.encode(), value)
        inner = _item(kind)
        if inner is None:
            continue
        for own in (field.alias or each for each, field in inner.model_fields.items()):
            for what, value in values(size):
                yield f"{name}[].{own}: {what}", b'{"%s":[{"%s":%s}]}' % (name.encode(), own.encode(), value)
            for what, value in values(all_items // 1000):
                part = b'{"%s":%s}' % (own.encode(), value)
                yield f"{name}[…].{own}: {what}", b'{"%s":[%s]}' % (name.encode(), b",".join([part] * 1000))


def carousels(recipients: int) -> list[Any]:
    """Recipients with as much content as a template takes: a carousel of ten cards, each with all that a card can have."""
    parts: list[Any] = [
        {"type": "header", "parameters": [{"type": "image", "image": {"id": "1234567890"}}]},
        {"type": "body", "parameters": [{"type": "text", "text": "Jane"}, {"type": "text", "text": "10%"}]},
        {
            "type": "button",
            "sub_type": "quick_reply",
            "index": "0",
            "parameters": [{"type": "payload", "payload": "a"}],
        },
        {"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "a/b"}]},
    ]
    cards = [{"card_index": index, "components": parts} for index in range(10)]
    content = [
        {"type": "body", "parameters": [{"type": "text", "text": "Jane"}]},
        {"type": "carousel", "cards": cards},
    ]
    return [{"to": f"+1415{2_000_000 + index}", "components": content} for index in range(recipients)]


def _item(kind: Any) -> type[BaseModel] | None:
    """The model of a list's items, if they have one."""
    for each in get_args(kind):
        if isinstance(each, type) and issubclass(each, BaseModel):
            return each
        if (found := _item(each)) is not None:
            return found
    return None
