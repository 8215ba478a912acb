"""The body of every failure over HTTP."""

from dataclasses import dataclass, field
from typing import Annotated

import orjson

from wacrmd.errors import ErrorCode, MetaRefusal, Problem, Refusal
from wacrmd.fields import Doc, JsonObject
from wacrmd.views.json import serializer


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDetail:
    """What went wrong, for programs and for people."""

    code: Annotated[ErrorCode, Doc("for programs")]
    message: Annotated[str, Doc("a sentence for people")]
    details: Annotated[list[Problem], Doc("each wrong place, where there are places")] = field(
        default_factory=list
    )
    meta: Annotated[MetaRefusal | None, Doc("of a `meta_error`: what Meta said")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """The body of every failure."""

    error: Annotated[ErrorDetail, Doc("what went wrong")]

    @classmethod
    def of(cls, refusal: Refusal) -> "ErrorBody":
        """The body that answers a refused request."""
        detail = ErrorDetail(
            code=refusal.code, message=refusal.message, details=refusal.details, meta=refusal.meta
        )
        return cls(error=detail)

    def to_json(self) -> bytes:
        """The body as JSON; without `details` where there are none."""
        return serializer(ErrorBody).to_json(self, exclude_defaults=True)

    def to_object(self) -> JsonObject:
        """The body as the object that a reader of its JSON gets."""
        found: JsonObject = orjson.loads(self.to_json())
        return found
