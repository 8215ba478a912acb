"""A draft: a broadcast that a person makes, with a file of people, what its columns mean, and what the check found."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from wacrmd.clock import Millis
from wacrmd.errors import Problem
from wacrmd.fields import Doc, Time

MAX_LISTED = 100
"""How many lines of each kind a check lists; a download has all of them."""

BODY = "body."
HEADER = "header"
BUTTON = "button."
"""What a placeholder of a template is called: `body.1` or `body.first_name`, `header`, `button.0`."""


class DraftState(StrEnum):
    """How far a draft is."""

    COLLECTING = "collecting"
    """A program adds people to it, who are recipients at once, until somebody sends it."""
    EDITING = "editing"
    """Something was changed since the last check, or was never checked."""
    CHECKING = "checking"
    CHECKED = "checked"
    PREPARING = "preparing"
    """A person has asked to send it; its people become recipients."""
    RETURNING = "returning"
    """It could not be sent: its recipients are taken out again, then it is edited."""
    SENT = "sent"
    DISCARDED = "discarded"


EDITABLE = (DraftState.EDITING, DraftState.CHECKING, DraftState.CHECKED)
"""States in which a person may change a draft."""

DISCARDABLE = (*EDITABLE, DraftState.COLLECTING)

WAITING = (*DISCARDABLE, DraftState.PREPARING, DraftState.RETURNING)
"""States before the end."""


class FileFormat(StrEnum):
    """How the people of a draft are written."""

    CSV = "csv"
    JSONL = "jsonl"
    """One recipient as in the API on each line: it needs no mapping."""


class Which(StrEnum):
    """Lines that can be downloaded."""

    LEFT_OUT = "left_out"
    """All that get no message."""
    REJECTED = "rejected"
    DUPLICATES = "duplicates"
    """The number, or the person, of an earlier line."""
    OPTED_OUT = "opted_out"
    GUESSED = "guessed"


class Again(StrEnum):
    """Whom a new draft is for."""

    ALL = "all"
    """Everybody: a duplicate."""
    NOBODY = "nobody"
    """Its message alone; the people come from a file."""
    FAILED = "failed"
    NOT_DELIVERED = "not_delivered"
    """Those that Meta took and that did not arrive, and those that failed."""
    NOT_READ = "not_read"
    """Those to whom it was delivered, and who did not read it."""
    NOT_REPLIED = "not_replied"
    """Those to whom it was delivered, and who did not reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """What fills a placeholder: a column of the file by its number from 1, or the same text for everybody."""

    column: Annotated[int | None, Doc("number of the column in the file, from 1")] = None
    value: Annotated[str | None, Doc("a text that is the same for everybody")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMapping:
    """What the columns of a file mean."""

    phone: Annotated[int | None, Doc("number of the column with the phone numbers, from 1")] = None
    fills: Annotated[
        dict[str, Fill], Doc("what fills each placeholder: `body.1` or `body.name`, `header`, `button.0`")
    ] = field(default_factory=dict)
    country: Annotated[
        str | None, Doc("country as whose numbers those without `+` are read; null: that of the account")
    ] = None
    names: Annotated[list[str], Doc("the names of the columns of the file; empty without a header")] = field(
        default_factory=list
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """A line of the file, and what is to say about it."""

    line: Annotated[int, Doc("line of the file, from 1")]
    to: Annotated[str, Doc("the phone number as it stands there")]
    message: Annotated[str, Doc("why it is left out, or how it was read")]
    sent_as: Annotated[str | None, Doc("the number to which the message goes; null: none")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What a check found, or the calls of a program came to so far.

    `accepted + rejected + duplicates + same_person + opted_out` is `rows`.
    """

    checked_at: Annotated[Time, Doc("when it was checked")]
    rows: Annotated[int, Doc("how many people the file names")]
    accepted: Annotated[int, Doc("how many get the message")]
    rejected: Annotated[int, Doc("how many lines cannot be used")]
    duplicates: Annotated[int, Doc("how many lines have the number of an earlier one, which is kept")]
    same_person: Annotated[int, Doc("how many have another number of a person named before")]
    opted_out: Annotated[int, Doc("how many have opted out")]
    guessed: Annotated[int, Doc("how many numbers are a guess, because they are written without `+`")]
    guesses: Annotated[str | None, Doc("the guesses in one sentence: of which countries they are")] = None
    rejections: Annotated[list[LineView], Doc("the first rejected lines, each with the reason")] = field(
        default_factory=list
    )
    guessed_lines: Annotated[list[LineView], Doc("the first guesses")] = field(default_factory=list)
    problems: Annotated[list[Problem], Doc("why it cannot be sent as it is; empty: it can")] = field(
        default_factory=list
    )
    warnings: Annotated[list[str], Doc("what may go wrong with the template's buttons")] = field(
        default_factory=list
    )
    countries: Annotated[
        dict[str, int], Doc("how many of `accepted` are of each country (ISO 3166; empty: not known)")
    ] = field(default_factory=dict)
    expected_duration_s: Annotated[float, Doc("seconds until all are sent at the number's rate")] = 0.0
    places: Annotated[
        dict[str, int],
        Doc("how many people are in which time zones, as far as its hours need them: a text with commas"),
    ] = field(default_factory=dict)
    template_synced_at: Annotated[
        Time | None, Doc("when the template was synced; null: never, so it was not checked")
    ] = None
    template_digest: Annotated[str | None, Doc("changes when the content of the template changes")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A draft as stored, beside the broadcast that it is."""

    broadcast_id: int
    state: DraftState
    version: int
    made_by: str
    file_name: str | None
    file_format: FileFormat | None
    file_bytes: int
    file_edition: int | None
    people_edition: int | None
    mapping: str | None
    """JSON of a `FileMapping`."""
    result: str | None
    """JSON of a `CheckResult`."""
    send_requested_at: Millis | None
    sent_by: str | None
    taken: int
    problem: str | None
    updated_at: Millis
