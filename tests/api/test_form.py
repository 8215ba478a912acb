"""The form of requests: values in the path, and types in the body."""

import re

import pytest
from pydantic import BaseModel

from tests.docs.pages import TOP
from wacrmd.api.app import ENDPOINTS
from wacrmd.api.form import MAX_QUERY_PARAMETERS, Form, validated
from wacrmd.errors import MAX_PROBLEMS, ErrorCode, Refusal
from wacrmd.http.json_body import MAX_VALUES
from wacrmd.http.json_outline import (
    ARRAY_WEIGHT,
    BYTES_A_VALUE,
    FREE_SHARE,
    FREE_WEIGHT,
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_PIECE_WEIGHT,
    OBJECT_WEIGHT,
)
from wacrmd.http.raw_request import MAX_HEADERS, MAX_LINE_BYTES
from wacrmd.meta.payloads import MAX_JSON_BYTES
from wacrmd.operations.inputs import MAX_ITEMS
from wacrmd.operations.operation import Operation
from wacrmd.operations.recipient_inputs import VALUES_A_RECIPIENT

ID = "x" * 37  # longer than any id


@pytest.mark.parametrize(
    ("operation", "path", "message"),
    [
        ("broadcast.pause", {"id": ID}, "Broadcast not found"),
        ("broadcast.recipient", {"id": ID, "rid": "1"}, "Broadcast not found"),
        ("broadcast.recipient", {"id": "1", "rid": "x"}, "Recipient not found"),
        ("optout.remove", {"phone": "1" * 201}, "Opt-out not found"),
        ("webhook.show", {"id": ID}, "Webhook not found"),
        ("webhook.resend", {"id": ID, "delivery_id": "1"}, "Webhook not found"),
        ("webhook.resend", {"id": "1", "delivery_id": ID}, "Delivery not found"),
    ],
)
def test_a_value_in_the_path_that_can_name_nothing_is_not_found(
    operation: str, path: dict[str, str], message: str
) -> None:
    (row,) = (each for each, _ in ENDPOINTS if each.name == operation)
    with pytest.raises(Refusal) as refused:
        validated(row, row.params, {}, path)
    assert (refused.value.code, refused.value.message) == (ErrorCode.NOT_FOUND, message)


BODIES = [
    pytest.param(row, model, id=row.name)
    for row, http in ENDPOINTS
    if (model := Form.of(row).body) is not None and http.takes_body
]


@pytest.mark.parametrize(("row", "model"), BODIES)
def test_a_body_takes_only_the_json_types_that_its_schema_names(
    row: Operation, model: type[BaseModel]
) -> None:
    """A caller who writes `"is_active": 0` may mean something else than false."""
    samples = {"boolean": True, "integer": 1, "string": "1", "array": [], "object": {}, "number": 1.5}
    path = dict.fromkeys(row.http.path_names if row.http else (), "1")
    for name, schema in model.model_json_schema()["properties"].items():
        kinds = {one.get("type") for one in (schema, *schema.get("anyOf", ()))}
        if name in path or not kinds & {"boolean", "integer"}:
            continue
        for kind, value in samples.items():
            if kind in kinds or (kind == "integer" and "number" in kinds):
                continue
            with pytest.raises(Refusal) as refused:
                validated(row, model, {name: value}, path)
            assert any(problem.path == name for problem in refused.value.details), (name, value)


def test_the_limits_of_a_body_are_documented() -> None:
    """docs/api.md, Limits of a body."""
    section = (TOP / "docs/api.md").read_text().split("### Limits of a body")[1].split("\n### ")[0]
    rows = [row.strip("|").split("|") for row in section.splitlines() if row.startswith("|")][2:]
    numbers = [
        [int(number.replace(",", "")) for number in re.findall(r"[0-9][0-9,]*", "".join(row))] for row in rows
    ]
    assert numbers == [
        [OBJECT_WEIGHT, ARRAY_WEIGHT, MAX_VALUES, VALUES_A_RECIPIENT],
        [FREE_WEIGHT, VALUES_A_RECIPIENT // FREE_SHARE, BYTES_A_VALUE],
        [MAX_PIECE_WEIGHT],
        [MAX_DEPTH],
        [MAX_DIGITS],
        [MAX_ITEMS],
        [MAX_JSON_BYTES],
        [MAX_QUERY_PARAMETERS],
        [MAX_HEADERS, MAX_LINE_BYTES],
        [MAX_PROBLEMS],
    ]
