"""The bodies of HTTP requests: a misspelt field is refused, what other programs add for themselves is ignored."""

from functools import cache, lru_cache
from itertools import islice
from typing import ClassVar

from pydantic import ConfigDict, model_validator

from wacrmd.http.json_body import MAX_VALUES
from wacrmd.operations.inputs import Params
from wacrmd.services.context import Context
from wacrmd.suggest import nearest

MIN_SIMILARITY = 0.75
"""How alike two names must be (see wacrmd/suggest.py) for one to be taken for a misspelling of the other."""

MAX_LENGTH_DIFFERENCE = 4
"""By how many characters they may differ in length."""

MAX_UNKNOWN = 20
"""How many unknown fields of an object are looked at; each costs some 10 µs."""

MAX_NAME = 64
"""Characters of an unknown field's name that are looked at, and kept by the cache of answers."""

OTHER_WORDS = {
    "send_at": "scheduled_at",
    "start_at": "scheduled_at",
    "at": "scheduled_at",
    "when": "scheduled_at",
    "start": "scheduled_at",
    "scheduled_at": "at",
    "language": "template_language",
    "lang": "template_language",
    "locale": "template_language",
    "phone_number_id": "from",
    "from_number": "from",
    "sender": "from",
    "phone": "to",
    "variables": "params",
    "parameters": "params",
}
"""Words of other programs for fields that must not be ignored: the message would be another one, or too early."""


class Body(Params):
    """The body of an HTTP request. What is close to a known field is refused, other unknown fields are ignored.

    A misspelt `scheduled_at` must not send at once; what another program adds for itself must not stop it
    (docs/adr/0007-unknown-fields-in-requests.md).
    """

    model_config = ConfigDict(extra="ignore")

    elsewhere: ClassVar[dict[str, str]] = {}
    """What belongs to another place or another request, and where. Ignored, it would do something else than was asked."""

    in_path: ClassVar[frozenset[str]] = frozenset()
    """The parameters that stand in the path."""

    may_be_empty: ClassVar[bool] = False
    """Whether a request without a body means the same as one with an empty object."""

    @classmethod
    def max_values(cls, _ctx: Context) -> int:
        """How many JSON values a body may hold, as `http/json_outline.py` counts them."""
        return MAX_VALUES

    @model_validator(mode="before")
    @classmethod
    def _no_misspelt_field(cls, given: object) -> object:
        if isinstance(given, dict) and not given.keys() <= cls.field_names():
            known = cls.field_names().union(cls.elsewhere)
            for name in islice((name for name in given if name not in cls.field_names()), MAX_UNKNOWN):
                begin = name[:MAX_NAME]
                meant = begin if begin in known else _meant(begin, known)
                if meant in cls.elsewhere:
                    raise ValueError(f"{begin} does not belong in the body: {cls.elsewhere[meant]}")
                if meant is not None:
                    raise ValueError(f"unknown field {begin!r}: did you mean {meant!r}?")
        return given

    @classmethod
    @cache
    def field_names(cls) -> frozenset[str]:
        """The names of the body's fields in JSON."""
        return frozenset(field.alias or name for name, field in cls.model_fields.items()) - cls.in_path


@lru_cache(maxsize=1024)
def _meant(name: str, known: frozenset[str]) -> str | None:
    """The known field that a name was probably meant for."""
    bare = _bare_fields(known)
    given = _bare(name)
    if (word := _other_words().get(given)) in known:
        return word
    similar = [
        field
        for field in bare
        if abs(len(field) - len(given)) <= MAX_LENGTH_DIFFERENCE and _may_be_similar(given, field)
    ]
    found = nearest(given, similar, min_similarity=MIN_SIMILARITY) if similar else None
    return bare[found] if found is not None else None


@cache
def _bare_fields(known: frozenset[str]) -> dict[str, str]:
    return {_bare(field): field for field in sorted(known)}


@cache
def _other_words() -> dict[str, str]:
    return {_bare(word): field for word, field in OTHER_WORDS.items()}


def _may_be_similar(given: str, field: str) -> bool:
    """Whether enough letters are in both: the comparison itself takes ten times as long."""
    common = sum(letter in field for letter in given)
    return 2 * common >= MIN_SIMILARITY * (len(given) + len(field))


def _bare(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())
