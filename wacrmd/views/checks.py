"""What a check found, and what to do about it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from wacrmd.fields import Doc, json_name


class CheckState(StrEnum):
    """How a check went."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: what was looked at, how it is, and what to do where it is not good."""

    name: Annotated[str, Doc("what was looked at")] = field(metadata=json_name("check"))
    state: Annotated[CheckState, Doc("how the check went")]
    detail: Annotated[str, Doc("what was found")]
    advice: Annotated[str | None, Doc("what to do")] = None
