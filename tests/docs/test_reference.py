"""The reference parts in docs/ are up to date with the code, and each field has a meaning."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Annotated, Any

import pytest

from tests.docs.pages import TOP
from tests.support.table import rows
from wacrmd.admin.methods import registry
from wacrmd.api.app import ENDPOINTS
from wacrmd.api.form import Form
from wacrmd.api.openapi import describe
from wacrmd.domain.account import Scope
from wacrmd.domain.actor import Actor, Level
from wacrmd.domain.broadcast import Broadcast, BroadcastCounts, BroadcastFacts, Progress
from wacrmd.fields import Doc
from wacrmd.operations.inputs import Params
from wacrmd.operations.operation import Admin, Http, Operation, Operations
from wacrmd.operations.table import OPERATIONS
from wacrmd.reference import endpoints, methods
from wacrmd.reference.pages import PART, filled, parts
from wacrmd.reference.schema import Field, Objects, alternatives, parameters
from wacrmd.services.context import Context
from wacrmd.views.broadcasts import BroadcastDetails, BroadcastProgress, BroadcastView
from wacrmd.views.errors import ErrorBody
from wacrmd.views.events import EVENT_DATA, BroadcastData, Envelope

PAGES = ("admin.md", "api.md", "webhooks.md")
OBJECTS = Objects({})


def text(page: str) -> str:
    return (TOP / "docs" / page).read_text("utf-8")


def sections(page: str) -> Iterator[tuple[str, str]]:
    """Each part by name, with the text by hand that follows it under the same heading."""
    for part in PART.finditer(text(page)):
        yield part["name"], re.split(r"^#", text(page)[part.end() :], maxsplit=1, flags=re.MULTILINE)[0]


def answers() -> dict[str, Any]:
    """All responses and webhook bodies, by the part of a page that shows them."""
    shown: dict[str, Any] = {kind.__name__: kind for kind in (Envelope, *EVENT_DATA.values())}
    for operation, http in ENDPOINTS:
        for status, kind in ((http.status, operation.http_item), *http.other.items()):
            if not http.bare:
                shown[f"{http.method} {http.path} {status}"] = kind
    return shown | {operation.name: operation.item for operation in OPERATIONS} | {"error": ErrorBody}


def requests() -> dict[str, Any]:
    """All request models, by operation."""
    given: dict[str, Any] = {each.name: each.admin_params for each in OPERATIONS if each.admin is not None}
    for operation, http in ENDPOINTS:
        for place in ("query", "body"):
            model = getattr(Form.of(operation), place)
            if model is not None:
                given[f"{place} of {http.method} {http.path}"] = model
    return given


@pytest.mark.parametrize("page", PAGES)
def test_every_reference_part_of_a_page_is_up_to_date(page: str) -> None:
    names = [part["name"] for part in PART.finditer(text(page))]
    assert sorted(names) == sorted(parts(page))
    assert text(page) == filled(page, text(page)), "run python -m wacrmd.reference docs/*.md"


@pytest.mark.parametrize("page", PAGES)
def test_bounds_are_written_out(page: str) -> None:
    assert re.findall(r"\b[0-9.]+e[+-][0-9]+\b", "".join(part[0] for part in PART.finditer(text(page)))) == []


def test_an_unknown_reference_part_is_an_error() -> None:
    with pytest.raises(KeyError, match="GET /nothing"):
        filled("api.md", "<!-- reference: GET /nothing -->\n<!-- end of reference -->")


@rows("name", list(answers()))
def test_every_field_of_an_answer_has_a_meaning(name: str) -> None:
    fields = [
        field
        for kind in alternatives(answers()[name])
        if isinstance(kind, type) and kind is not str
        for field in OBJECTS.answer_fields(kind)
    ]
    assert [field.name for field in fields if not field.meaning] == []


@rows("name", list(requests()))
def test_every_parameter_has_a_meaning(name: str) -> None:
    assert [field.name for field in parameters(requests()[name]) if not field.meaning] == []


def fields_of_part(name: str) -> list[set[str]]:
    """The fields that an example in the section of a part may have: those of the answers, or of the body."""
    kinds = [kind for key, kind in answers().items() if key == name or key.startswith(f"{name} ")]
    sets = [{field.name for field in OBJECTS.answer_fields(kind)} for kind in kinds if kind is not None]
    return [{field for field in names if "." not in field} for names in sets]


@pytest.mark.parametrize("page", ["api.md", "webhooks.md"])
def test_an_example_of_an_answer_has_exactly_its_fields(page: str) -> None:
    found = 0
    for name, by_hand in sections(page):
        for example in re.findall(r"```json\n(.*?)```", by_hand, re.DOTALL):
            value = json.loads(example)
            body = requests().get(f"body of {name}")
            if body is not None and "data" not in value:
                assert set(value) <= {field.name for field in parameters(body)}
            else:
                assert set(value.get("data", value) if page == "api.md" else value) in fields_of_part(name)
            found += 1
    assert found > 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelView:
    """A parcel."""

    weight_g: Annotated[int, Doc("its weight in grams")]


class ParcelId(Params):
    """A parcel."""

    parcel: Annotated[str, Doc("its number")]


def declared() -> Operation:
    """An operation that is declared once, as in wacrmd/operations/."""
    operations = Operations()

    @operations.operation(
        "parcel.show",
        http=Http("GET", "/api/v1/parcels", scopes=(Scope.NUMBERS_READ,)),
        admin=Admin(Level.READ),
        example={"parcel": "7"},
    )
    async def show(_ctx: Context, _actor: Actor, params: ParcelId) -> ParcelView:
        """Show a parcel."""
        return ParcelView(weight_g=len(params.parcel))

    return next(iter(operations))


def test_one_declaration_reaches_openapi_describe_and_both_pages() -> None:
    operation = declared()
    assert operation.http is not None
    openapi = describe([*(each for each, _ in ENDPOINTS), operation], 1000)
    (method,) = [each.describe() for each in registry([operation]) if each.name == "parcel.show"]
    field = {"type": "integer", "description": "its weight in grams", "title": "Weight G"}
    assert openapi["components"]["schemas"]["ParcelView"]["properties"]["weight_g"].items() <= field.items()
    (parameter,) = openapi["paths"]["/api/v1/parcels"]["get"]["parameters"]
    assert (parameter["name"], parameter["description"]) == ("parcel", "its number")
    assert method["result"]["properties"] == {"weight_g": field}
    assert method["params"]["properties"]["parcel"]["description"] == "its number"
    api = endpoints.parts([(operation, operation.http)])["GET /api/v1/parcels"]
    admin = methods.parts([operation])["methods"]
    row = "| `weight_g` | integer | its weight in grams |"
    assert "| `parcel` | query | string | required | its number |" in api
    assert "- `parcel` (string, required): its number" in admin
    assert row in api
    assert row in admin


@pytest.mark.parametrize(
    ("declared_in", "shown_in"),
    [
        (BroadcastFacts, (BroadcastView, BroadcastDetails, BroadcastProgress, Broadcast)),
        (BroadcastCounts, (BroadcastView, BroadcastDetails, BroadcastProgress, BroadcastData, Progress)),
    ],
)
def test_a_field_of_a_broadcast_is_declared_once(declared_in: type, shown_in: tuple[type, ...]) -> None:
    declared = {field.name for field in OBJECTS.answer_fields(declared_in)}
    for kind in shown_in:
        assert declared <= {field.name for field in OBJECTS.answer_fields(kind)}
        assert not {field.name for field in fields(declared_in)} & kind.__annotations__.keys()


def test_fields_of_objects_within_objects_are_named_with_their_path() -> None:
    names = {field.name for field in OBJECTS.answer_fields(EVENT_DATA[next(iter(EVENT_DATA))])}
    assert "broadcast_id" in names
    assert "recipients[].to" in {field.name for field in parameters(requests()["broadcast.create"])}


@pytest.mark.parametrize(
    ("required", "default", "shown"),
    [
        (True, None, "required"),
        (False, None, ""),
        (False, [], ""),
        (False, True, "`true`"),
        (False, 5, "`5`"),
    ],
)
def test_a_default_is_shown_as_json(required: bool, default: object, shown: str) -> None:
    assert Field("name", {"default": default}, required, "string").default == shown
