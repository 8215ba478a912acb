"""The form of requests: values in the path, and types in the body."""

import pytest
from pydantic import BaseModel

from wacrmd.api.app import ENDPOINTS
from wacrmd.api.form import Form, validated
from wacrmd.errors import ErrorCode, Refusal
from wacrmd.operations.operation import Operation

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
