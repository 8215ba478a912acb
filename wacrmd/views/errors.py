"""The body of every failure over HTTP."""

from dataclasses import dataclass, field
from typing import Annotated

from wacrmd.errors import ErrorCode, Problem
from wacrmd.fields import Doc


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDetail:
    """What went wrong, for programs and for people."""

    code: Annotated[ErrorCode, Doc("for programs")]
    message: Annotated[str, Doc("a sentence for people")]
    details: Annotated[list[Problem], Doc("each wrong place, where there are places")] = field(
        default_factory=list
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """The body of every failure."""

    error: Annotated[ErrorDetail, Doc("what went wrong")]
