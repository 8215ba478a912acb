"""The OpenAPI 3.1 description of the API, made from the table that routes it."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from wacrmd import __version__
from wacrmd.api.answers import ErrorOut
from wacrmd.api.endpoint import Endpoint
from wacrmd.errors import HTTP_STATUS, ErrorCode

Json = dict[str, Any]
Names = dict[tuple[Any, JsonSchemaMode], Json]
"""References to schemas by model and by whether it is read or written."""

MEANING: dict[ErrorCode, str] = {
    ErrorCode.BAD_REQUEST: "Malformed body, parameter or cursor; `details` name each place.",
    ErrorCode.WHATSAPP_NOT_CONFIGURED: "The account has no usable number.",
    ErrorCode.UNAUTHORIZED: "The key is missing, malformed, unknown, revoked or expired.",
    ErrorCode.FORBIDDEN: "The key is valid and lacks the scope that the message names.",
    ErrorCode.NOT_FOUND: "No such thing, or it belongs to another account.",
    ErrorCode.CONFLICT: "The state does not allow it; the message names the state.",
    ErrorCode.PAYLOAD_TOO_LARGE: "The body is larger than `[api] max_body_bytes`.",
    ErrorCode.IDEMPOTENCY_MISMATCH: "The Idempotency-Key was used with another body within 24 hours.",
    ErrorCode.RATE_LIMITED: "The key made too many requests in this minute; `Retry-After` says how long to wait.",
    ErrorCode.INTERNAL: "A bug: logged under the request id that the response carries.",
    ErrorCode.UNAVAILABLE: "The daemon is draining or the disk is full; `Retry-After` says how long to wait.",
}
"""Every error that a caller can see, in one sentence each."""

EVERYWHERE = (ErrorCode.UNAUTHORIZED, ErrorCode.RATE_LIMITED, ErrorCode.INTERNAL, ErrorCode.UNAVAILABLE)

PATH_PARAMETERS = {
    "id": "its id",
    "rid": "id of a recipient",
    "phone": "a phone number such as +14155550123 (the + as %2B), or a business-scoped user id",
    "delivery_id": "id of a delivery",
}

EVENT_STREAM = "text/event-stream"
RATE_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
HEADERS: dict[str, Json] = {
    "X-Request-Id": {"description": "The caller's own id if it is sane, else a new one.", "type": "string"},
    "X-RateLimit-Limit": {"description": "Requests that the key may make in a minute.", "type": "integer"},
    "X-RateLimit-Remaining": {"description": "How many are left.", "type": "integer"},
    "X-RateLimit-Reset": {"description": "When all are back, in Unix seconds.", "type": "integer"},
    "Retry-After": {"description": "Seconds to wait.", "type": "integer"},
    "Idempotent-Replayed": {"description": "`true` on an answer that was given before.", "type": "string"},
}

INTRODUCTION = """Send an approved WhatsApp template to a list of people with one call, and see what became of each message.

Every answer of success is `{"data": …}`, a list has `meta.next_cursor` beside it, and every failure is
`{"error": {"code", "message", "details"?}}`. Times are ISO-8601 UTC with milliseconds and `Z`.
"""


def describe(endpoints: Iterable[Endpoint], max_recipients: int) -> Json:
    """The whole description as one JSON object."""
    rows = list(endpoints)
    names, schemas = _schemas(rows)
    schemas["BroadcastIn"]["properties"]["recipients"]["maxItems"] = max_recipients
    paths: dict[str, Json] = {}
    for row in rows:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row, names)
    for path, operation in _HEALTH.items():
        paths[path] = {"get": operation}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "wacrmd",
            "version": __version__,
            "summary": "WhatsApp broadcasts: never lost, never twice.",
            "description": INTRODUCTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": {
                name: {"description": header["description"], "schema": {"type": header["type"]}}
                for name, header in HEADERS.items()
            },
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of `wacrmd key create`, `wacrm_live_…`. The roles named at an endpoint are"
                    " the scopes of which one is enough.",
                }
            },
        },
    }


def _schemas(rows: list[Endpoint]) -> tuple[Names, Json]:
    """References to the models of all bodies, queries and answers, and their schemas by name."""
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(ErrorOut, "serialization"): None}
    for row in rows:
        for model in (row.body, row.query):
            if model is not None:
                wanted[model, "validation"] = None
        for answer in (row.answer, *row.other.values()):
            if answer is not None:
                wanted[answer, "serialization"] = None
    references, definitions = models_json_schema(
        list(wanted), ref_template="#/components/schemas/{model}", by_alias=True
    )
    schemas: Json = _tidy(definitions["$defs"])
    return dict(references), schemas


def _tidy(schema: Any) -> Any:
    """Without the names that pydantic gives to fields, and without null as the default of what is left out."""
    if isinstance(schema, list):
        return [_tidy(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _tidy(part)
        for key, part in schema.items()
        if not (key == "default" and part is None) and not (key == "title" and isinstance(part, str))
    }


def _operation(row: Endpoint, names: Names) -> Json:
    scopes = " or ".join(f"`{scope}`" for scope in row.scopes)
    needs = f"Needs the scope {scopes}." if row.scopes else "Any key will do."
    operation: Json = {
        "operationId": _operation_id(row),
        "summary": row.summary,
        "description": f"{row.description}\n\n{needs}".strip(),
        "tags": [row.path.split("/")[3].partition(".")[0]],
        "security": [{"key": [scope]} for scope in row.scopes] or [{"key": []}],
        "parameters": [*_path_parameters(row), *_query_parameters(row), *_header_parameters(row)],
        "responses": _responses(row, names),
    }
    if row.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": names[row.body, "validation"]}},
        }
    return operation


def _operation_id(row: Endpoint) -> str:
    words = re.findall(r"[a-z0-9]+", row.path.removeprefix("/api/v1/").lower())
    return "_".join([row.method.lower(), *words])


def _path_parameters(row: Endpoint) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": PATH_PARAMETERS[name],
            "schema": {"type": "string", "minLength": 1},
        }
        for name in re.findall(r"{(\w+)}", row.path)
    ]


def _query_parameters(row: Endpoint) -> list[Json]:
    if row.query is None:
        return []
    schema = row.query.model_json_schema(ref_template="#/components/schemas/{model}")
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": field.get("description", ""),
            "schema": _without_null(
                {key: part for key, part in field.items() if key not in ("description", "title")}
            ),
        }
        for name, field in schema["properties"].items()
    ]


def _without_null(schema: Json) -> Json:
    """A query parameter is left out, never null."""
    if "anyOf" not in schema:
        return schema
    kept = [part for part in schema["anyOf"] if part.get("type") != "null"]
    rest = {key: part for key, part in schema.items() if key != "anyOf" and part is not None}
    return {**kept[0], **rest} if len(kept) == 1 else {"anyOf": kept, **rest}


def _header_parameters(row: Endpoint) -> list[Json]:
    return [
        {
            "name": header.name,
            "in": "header",
            "required": False,
            "description": header.description,
            "schema": {"type": "string", "minLength": 1}
            | ({"maxLength": header.max_length} if header.max_length is not None else {}),
        }
        for header in row.headers
        if header.name != "Accept"  # OpenAPI tells that one by the media types of the answer
    ]


def _responses(row: Endpoint, names: Names) -> Json:
    responses: Json = {str(row.status): _success(row, row.answer, names, main=True)}
    for status, model in row.other.items():
        responses[str(status)] = _success(row, model, names, main=False)
    for status, codes in _errors(row).items():
        limited = ErrorCode.RATE_LIMITED in codes or ErrorCode.UNAVAILABLE in codes
        responses[str(status)] = {
            "description": "\n".join(f"`{code}`: {MEANING[code]}" for code in codes),
            "headers": _headers("X-Request-Id", *(("Retry-After",) if limited else ())),
            "content": {
                "application/json": {
                    "schema": names[ErrorOut, "serialization"],
                    "example": {"error": {"code": codes[0], "message": MEANING[codes[0]]}},
                }
            },
        }
    return responses


def _success(
    row: Endpoint,
    model: type[BaseModel] | None,
    names: Names,
    *,
    main: bool,
) -> Json:
    replayed = (
        ("Idempotent-Replayed",) if any(header.name == "Idempotency-Key" for header in row.headers) else ()
    )
    response: Json = {
        "description": row.summary
        if main
        else "Nothing more is to come."
        if model is None
        else model.__doc__,
        "headers": _headers("X-Request-Id", *RATE_HEADERS, *replayed),
    }
    if model is None:
        return response
    content: Json = {}
    if EVENT_STREAM not in row.media or not main:
        content["application/json"] = {"schema": _envelope(row, names[model, "serialization"])}
    if main:
        content |= {
            # The schema of a stream of events would be taken for the schema of each event.
            media: {} if media == EVENT_STREAM else {"schema": {"type": "string", "description": meaning}}
            for media, meaning in row.media.items()
        }
    return response | {"content": content}


def _envelope(row: Endpoint, schema: Json) -> Json:
    if row.bare:
        return schema
    if not row.paged:
        return {"type": "object", "required": ["data"], "properties": {"data": schema}}
    return {
        "type": "object",
        "required": ["data", "meta"],
        "properties": {
            "data": {"type": "array", "items": schema},
            "meta": {
                "type": "object",
                "required": ["next_cursor"],
                "properties": {"next_cursor": {"type": ["string", "null"]}},
            },
        },
    }


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _errors(row: Endpoint) -> dict[int, list[ErrorCode]]:
    """The errors of an endpoint by status, those included that follow from what it takes."""
    codes = {*row.errors, *EVERYWHERE}
    if row.scopes:
        codes.add(ErrorCode.FORBIDDEN)
    if row.query is not None or row.body is not None:
        codes.add(ErrorCode.BAD_REQUEST)
    if row.body is not None:
        codes.add(ErrorCode.PAYLOAD_TOO_LARGE)
    if "{" in row.path:
        codes.add(ErrorCode.NOT_FOUND)
    by_status: dict[int, list[ErrorCode]] = {}
    for code in ErrorCode:
        if code in codes:
            by_status.setdefault(int(HTTP_STATUS[code]), []).append(code)
    return dict(sorted(by_status.items()))


def _health(summary: str, media: str = "application/json", *, failing: bool = False) -> Json:
    schema: Json = {"type": "string"} if media != "application/json" else {"type": "object"}
    responses: Json = {"200": {"description": summary, "content": {media: {"schema": schema}}}}
    if failing:
        responses["503"] = {
            "description": MEANING[ErrorCode.UNAVAILABLE],
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorOut"}}},
        }
    return {
        "operationId": summary.lower().replace(" ", "_"),
        "summary": summary,
        "tags": ["health"],
        "security": [],
        "responses": responses,
    }


_HEALTH = {
    "/livez": _health("Say that the process lives"),
    "/readyz": _health("Say whether requests are taken", failing=True),
    "/metrics": _health("Give the metrics for Prometheus", "text/plain"),
}
