"""The OpenAPI document is valid and complete; tests/fuzz/test_openapi_calls.py compares it with the answers."""

import json
from pathlib import Path
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from wacrmd.api.app import ENDPOINTS
from wacrmd.api.openapi import describe
from wacrmd.domain.account import Scope
from wacrmd.errors import ERRORS, ErrorCode

DOCS = Path(__file__).parents[2] / "docs" / "api.md"
HEALTH = {"/livez", "/readyz", "/metrics"}


def document() -> dict[str, Any]:
    described: dict[str, Any] = json.loads(json.dumps(describe((each for each, _ in ENDPOINTS), 1000)))
    return described


def test_the_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(document()).validate()


def test_the_document_has_exactly_the_routed_endpoints() -> None:
    described = {
        (method.upper(), path)
        for path, item in document()["paths"].items()
        for method in item
        if path not in HEALTH
    }
    assert described == {(http.method, http.path) for _, http in ENDPOINTS}
    ids = [item[method]["operationId"] for item in document()["paths"].values() for method in item]
    assert len(ids) == len(set(ids))


def test_every_operation_documents_its_scopes_and_errors() -> None:
    paths = document()["paths"]
    for row, http in ENDPOINTS:
        operation = paths[http.path][http.method.lower()]
        security: list[dict[str, list[str]]] = [] if http.open else [{"key": []}]
        assert (operation["security"], operation["x-scopes"]) == (security, list(http.scopes))
        described = operation["responses"]
        for code in row.errors:
            assert f"`{code}`" in described[str(int(ERRORS[code].status))]["description"]
        assert ("403" in described) == bool(http.scopes)
        assert ("401" in described) != http.open
        assert str(http.status) in described


def test_a_field_that_may_be_left_out_is_optional_for_every_generator() -> None:
    """openapi-typescript makes a field with a default a required one: what it is stands in the description."""
    schemas = document()["components"]["schemas"]
    fields = [field for schema in schemas.values() for field in schema.get("properties", {}).values()]
    assert [field for field in fields if "default" in field] == []
    language = schemas["NewBroadcast"]["properties"]["template_language"]
    assert language["description"].endswith("; default `en_US`")


def test_every_answer_names_its_headers() -> None:
    for path, item in document()["paths"].items():
        for operation in item.values():
            for status, answer in operation["responses"].items():
                if answer.get("content", {}).keys() or status in ("204", "304"):
                    limited = operation["security"] == [{"key": []}] and status not in ("401", "500")
                    assert ("X-RateLimit-Reset" in answer["headers"]) == limited, (path, status)
                    assert "X-Request-Id" in answer["headers"], (path, status)


def test_every_error_code_is_one_row_in_the_docs() -> None:
    assert set(ERRORS) == set(ErrorCode)


def test_the_docs_explain_every_scope_and_health_check() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for scope in Scope:
        assert f"| `{scope}` |" in text
    for path in HEALTH:
        assert f"`{path}`" in text
