"""Drafts as callers see them."""

from dataclasses import dataclass, field
from typing import Annotated

from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.draft import CheckResult, DraftState, FileFormat, FileMapping
from wacrmd.domain.forecast import Forecast
from wacrmd.domain.mapped_file import FileHead
from wacrmd.domain.marketing_route import Route
from wacrmd.domain.sending_plan import SendingPlan
from wacrmd.fields import Doc, JsonObject, Time, Uuid, json_name
from wacrmd.views.prices import CostView


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceholderView:
    """A part of a template that takes a value."""

    key: Annotated[str, Doc("its name in `mapping.fills`: `body.1`, `body.name`, `header`, `button.0`")]
    label: Annotated[str, Doc("how a person knows it: `{{1}}`")]
    text: Annotated[str, Doc("the text of the template in which it stands")]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkView:
    """How far a check or the preparing is."""

    done: Annotated[int, Doc("how much is done")]
    total: Annotated[int, Doc("how much there is")]


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftFileView:
    """The file of a draft."""

    name: Annotated[str, Doc("its name")]
    format: Annotated[FileFormat, Doc("`csv`, or `jsonl` for the recipients of an earlier broadcast")]
    bytes: Annotated[int, Doc("its size")]


@dataclass(frozen=True, kw_only=True)
class DraftFacts:
    """What is shown of each draft."""

    __slots__ = ()

    uuid: Annotated[Uuid, Doc("its id, which is that of the broadcast that it becomes")] = field(
        metadata=json_name("id")
    )
    account: Annotated[str, Doc("name of the account")]
    name: Annotated[str, Doc("its label")]
    status: Annotated[BroadcastStatus, Doc("status of the broadcast: `draft` until it is sent")]
    state: Annotated[DraftState, Doc("how far it is")]
    template_name: Annotated[str, Doc("name of the template")]
    template_language: Annotated[str, Doc("language code of the template")]
    made_by: Annotated[str, Doc("who made it")]
    created_at: Annotated[Time, Doc("when it was made")]
    updated_at: Annotated[Time, Doc("when it was changed last")]
    scheduled_at: Annotated[Time | None, Doc("when it is to start; null: at once")]
    problem: Annotated[str | None, Doc("why it could not be checked or sent")]

    number_id: Annotated[Uuid, Doc("id of the number that sends")] = field(metadata=json_name("from"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftSummary(DraftFacts):
    """A draft in a list."""

    people: Annotated[int | None, Doc("how many would get the message; null: it is not checked")]


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftView(SendingPlan, DraftFacts):
    """A draft with its file, and what the check found."""

    content: Annotated[JsonObject, Doc("`header`, `buttons` and `components` for everybody")]
    file: Annotated[DraftFileView | None, Doc("its file; null: none yet")]
    mapping: Annotated[FileMapping, Doc("what the columns of the file mean")]
    check: Annotated[
        CheckResult | None, Doc("what the last check found; null: it is not checked as it is now")
    ]
    route: Annotated[Route, Doc("where its messages would go now, and why")]
    cost: Annotated[
        CostView | None,
        Doc(
            "what it would cost by the price list that holds then; null: it is not checked, or there is none"
        ),
    ]
    forecast: Annotated[
        Forecast | None, Doc("how it will go, if it is sent now or at its time; null: it is not checked")
    ]
    progress: Annotated[WorkView | None, Doc("how far the check or the preparing is, while it is under way")]
    send_requested_at: Annotated[Time | None, Doc("when somebody asked to send it")]
    sent_by: Annotated[str | None, Doc("who asked to send it")]
    version: Annotated[int, Doc("raised by each change of what is sent")]


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftColumns:
    """What there is to map: the columns of the file, and the placeholders of the template."""

    file: Annotated[
        FileHead | None, Doc("the beginning of the file; null: there is none, or it needs no mapping")
    ]
    placeholders: Annotated[
        list[PlaceholderView] | None, Doc("what takes a value; null: the template is not known")
    ]
    header: Annotated[
        str | None, Doc("`image`, `video`, `document` or `location` if the header of the template needs one")
    ]
    mapping: Annotated[FileMapping, Doc("what the columns mean now")]


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRow:
    """What one person of a draft gets."""

    row: Annotated[int, Doc("its number, from 0")]
    rows: Annotated[int, Doc("how many there are")]
    line: Annotated[int, Doc("line of the file")]
    to: Annotated[str, Doc("the number to which the message goes")]
    params: Annotated[list[str] | dict[str, str] | None, Doc("values of the body")]
    header: Annotated[JsonObject | None, Doc("value of the header")]
    buttons: Annotated[list[JsonObject] | None, Doc("values of the buttons")]
    components: Annotated[list[JsonObject] | None, Doc("Meta's own component objects")]
    text: Annotated[str | None, Doc("the body as the person reads it; null: the template is not known")]


@dataclass(frozen=True, kw_only=True)
class SentBroadcast:
    """A draft that was sent."""

    __slots__ = ()

    broadcast_id: Annotated[Uuid, Doc("id of the broadcast")]
    status: Annotated[
        BroadcastStatus,
        Doc("`sending`, or `scheduled`; `draft` while the people of a file become recipients"),
    ]
    total_recipients: Annotated[int, Doc("how many get the message, before opt-outs are applied again")]
    scheduled_at: Annotated[Time | None, Doc("when it starts; null: at once")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SentDraft(SentBroadcast):
    """A draft that somebody has asked to send."""

    state: Annotated[DraftState, Doc("`preparing`, then `sent`")]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardedDraft:
    """A draft that was thrown away."""

    broadcast_id: Annotated[Uuid, Doc("id of the draft")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SentTest:
    """A test message."""

    broadcast_id: Annotated[Uuid, Doc("id of the broadcast of one that was made for it")]
    to: Annotated[str, Doc("the number to which it goes")]
