"""The OpenAPI 3.1 description of the API, made from the declarations of its operations."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from wacrmd import __version__
from wacrmd.api.form import Form
from wacrmd.api.schemas import REFERENCE, Names, schemas_of, without_null
from wacrmd.errors import ERRORS, ErrorCode
from wacrmd.fields import JsonObject
from wacrmd.http.json_body import MAX_VALUES
from wacrmd.http.json_outline import ARRAY_WEIGHT, MAX_DEPTH, MAX_DIGITS, OBJECT_WEIGHT
from wacrmd.operations.body import Body
from wacrmd.operations.inputs import ID_LENGTH, MAX_ITEMS
from wacrmd.operations.operation import FileForm, Http, Operation, ResultKind
from wacrmd.operations.recipient_inputs import VALUES_A_RECIPIENT
from wacrmd.views.errors import ErrorBody


@dataclass(frozen=True, slots=True)
class OpenApiDocument:
    """An OpenAPI 3.1 document."""

    openapi: str
    info: JsonObject
    paths: JsonObject
    components: JsonObject


EVERYWHERE = (
    ErrorCode.BAD_REQUEST,
    ErrorCode.UNAUTHORIZED,
    ErrorCode.RATE_LIMITED,
    ErrorCode.INTERNAL,
    ErrorCode.UNAVAILABLE,
)
"""Those of every endpoint that takes a key: 400 also for a query parameter that it does not have."""
OPEN_ERRORS = (ErrorCode.INTERNAL, ErrorCode.UNAVAILABLE)
"""Those of an endpoint that takes no key."""

EVENT_STREAM = "text/event-stream"
RATE_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
HEADERS: dict[str, JsonObject] = {
    "X-Request-Id": {"description": "The caller's own id if it is sane, else a new one.", "type": "string"},
    "X-RateLimit-Limit": {"description": "Requests that the key may make in a minute.", "type": "integer"},
    "X-RateLimit-Remaining": {"description": "How many are left.", "type": "integer"},
    "X-RateLimit-Reset": {"description": "When all are back, in Unix seconds.", "type": "integer"},
    "Retry-After": {"description": "Seconds to wait.", "type": "integer"},
    "ETag": {"description": "Changes whenever the answer does; for `If-None-Match`.", "type": "string"},
    "Idempotent-Replayed": {"description": "`true` on an answer that was given before.", "type": "string"},
}

LIMITS = (
    f"A body has limits beside its size: {MAX_VALUES:,} JSON values (an object counts as {OBJECT_WEIGHT}, an array as"
    f" {ARRAY_WEIGHT}; a broadcast has {VALUES_A_RECIPIENT:,} more for each recipient that the server allows), {MAX_DEPTH}"
    f" levels, numbers of {MAX_DIGITS:,} digits, and {MAX_ITEMS:,} items of an array where nothing else is said."
)
INTRODUCTION = f"""Send an approved WhatsApp template to a list of people with one call, and see what became of each message.

Every answer of success is `{{"data": …}}`, a list has `meta.next_cursor` beside it, and every failure is
`{{"error": {{"code", "message", "details"?}}}}`. Times are ISO-8601 UTC with milliseconds and `Z`.

{LIMITS}
"""


NO_REQUEST: JsonObject = {"description": "What was sent is no HTTP request. The answer has no body."}
"""What every path may answer; described where a path refuses nothing else."""

TAGS = {
    "broadcasts": "Send a template to many people, and see what became of each message.",
    "health": "For monitoring, without a key.",
    "me": "The key itself.",
    "media": "Files for the header of messages.",
    "messages": "Send a template to one person.",
    "numbers": "The numbers of the account.",
    "openapi": "This description.",
    "optouts": "People who get no broadcasts.",
    "spent": "What messages have cost.",
    "stats": "What became of messages, added up.",
    "templates": "The templates that Meta has for the account.",
    "webhooks": "Events for local apps.",
}


def describe(operations: Iterable[Operation], max_recipients: int) -> JsonObject:
    """The whole description as one JSON object; operations without an HTTP binding are left out."""
    rows = [(operation, operation.http, Form.of(operation)) for operation in operations if operation.http]
    names, schemas = schemas_of(rows)
    for name in ("NewBroadcast", "AddedRecipients"):
        schemas[name]["properties"]["recipients"]["maxItems"] = max_recipients
    paths: dict[str, JsonObject] = {}
    for operation, http, form in rows:
        paths.setdefault(http.path, {})[http.method.lower()] = _operation(operation, http, form, names)
    for path, health in _HEALTH.items():
        paths[path] = {"get": health}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "wacrmd",
            "version": __version__,
            "summary": "WhatsApp broadcasts: never lost, never twice.",
            "description": INTRODUCTION,
            "license": {"name": "MIT", "identifier": "MIT"},
            "contact": {"name": "Whoever runs this server"},
        },
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
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
                    "description": "A key of `wacrmd key create`, `wacrm_live_…`. Each endpoint names the scopes of"
                    " which one is enough, also in `x-scopes`.",
                }
            },
        },
    }


def _operation(operation: Operation, http: Http, form: Form, names: Names) -> JsonObject:
    scopes = " or ".join(f"`{scope}`" for scope in http.scopes)
    needs = f"Needs the scope {scopes}." if http.scopes else "Any key will do."
    if http.open:
        needs = "No key is needed."
    described: JsonObject = {
        "operationId": _operation_id(http),
        "summary": operation.summary,
        "description": f"{operation.description}\n\n{needs}".strip(),
        "tags": [http.path.split("/")[3].partition(".")[0]],
        "security": [] if http.open else [{"key": []}],
        "x-scopes": list(http.scopes),
        "parameters": [
            *_path_parameters(operation, http),
            *_query_parameters(http, form),
            *_header_parameters(http),
        ],
        "responses": _responses(operation, http, form, names),
    }
    if form.body is not None:
        described["requestBody"] = {
            "required": not (issubclass(form.body, Body) and form.body.may_be_empty),
            "content": {"application/json": {"schema": names[form.body, "validation"]}},
        }
    if http.form is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"multipart/form-data": {"schema": _form(http.form)}},
        }
    return described


def _form(form: FileForm) -> JsonObject:
    """The schema of a form with a file."""
    fields = form.fields.model_json_schema(ref_template=REFERENCE, by_alias=True).get("properties", {})
    file = {"type": "string", "format": "binary", "description": form.meaning}
    others = {name: without_null(_plain(field)) for name, field in fields.items()}
    return {"type": "object", "required": ["file"], "properties": {"file": file, **others}}


def _plain(field: JsonObject) -> JsonObject:
    """Without the names that pydantic gives, and without its default."""
    return {key: part for key, part in field.items() if key not in ("title", "default")}


def _operation_id(http: Http) -> str:
    words = re.findall(r"[a-z0-9]+", http.path.removeprefix("/api/v1/").lower())
    return "_".join([http.method.lower(), *words])


def _path_parameters(operation: Operation, http: Http) -> list[JsonObject]:
    fields = operation.params.model_json_schema(ref_template=REFERENCE)["properties"]
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": fields[name].get("description", ""),
            "schema": _path_schema(fields[name]),
        }
        for name in http.path_names
    ]


def _path_schema(field: JsonObject) -> JsonObject:
    """What stands in a path: an id is given in full, while operators may give its beginning."""
    schema = without_null(field)
    if schema.get("maxLength") == ID_LENGTH:
        return {"type": "string", "format": "uuid"}
    return {key: part for key, part in schema.items() if key not in ("description", "title")}


def _query_parameters(http: Http, form: Form) -> list[JsonObject]:
    if form.query is None:
        return []
    schema = form.query.model_json_schema(ref_template=REFERENCE)
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": field.get("description", ""),
            "schema": without_null(
                {key: part for key, part in field.items() if key not in ("description", "title")}
            ),
        }
        for name, field in schema["properties"].items()
        if name not in http.path_names
    ]


def _header_parameters(http: Http) -> list[JsonObject]:
    return [
        {
            "name": header.name,
            "in": "header",
            "required": False,
            "description": header.description,
            "schema": {"type": "string", "minLength": header.min_length}
            | ({"maxLength": header.max_length} if header.max_length is not None else {}),
        }
        for header in http.headers
        if header.name != "Accept"  # OpenAPI tells that one by the media types of the answer
    ]


def _responses(operation: Operation, http: Http, form: Form, names: Names) -> JsonObject:
    responses: JsonObject = {
        str(http.status): _success(operation, http, http.status, operation.http_item, names, main=True)
    }
    for status, kind in http.other.items():
        responses[str(status)] = _success(operation, http, status, kind, names, main=False)
    for status, codes in errors_of(operation, http, form).items():
        limited = ErrorCode.RATE_LIMITED in codes or ErrorCode.UNAVAILABLE in codes
        responses[str(status)] = {
            "description": "\n".join(f"`{code}`: {ERRORS[code].text}" for code in codes),
            "headers": _headers(
                "X-Request-Id",
                *(() if http.open or status in _WITHOUT_RATE else RATE_HEADERS),
                *(("Retry-After",) if limited else ()),
            ),
            "content": {
                "application/json": {
                    "schema": names[ErrorBody, "serialization"],
                    "example": {"error": {"code": codes[0], "message": ERRORS[codes[0]].text}},
                }
            },
        }
    if not any(status.startswith("4") for status in responses):
        responses["400"] = NO_REQUEST
    return responses


_WITHOUT_RATE = (ERRORS[ErrorCode.UNAUTHORIZED].status, ERRORS[ErrorCode.INTERNAL].status)
"""Statuses of answers that count for no key, or tell nothing of it."""
_ANSWERED_BY = {"Idempotency-Key": "Idempotent-Replayed", "If-None-Match": "ETag"}
"""The header of the answer that belongs to one of the request."""
_WITHOUT_BODY = {204: "Nothing more is to come.", 304: "The client has this answer already."}


def _success(
    operation: Operation, http: Http, status: int, kind: Any, names: Names, *, main: bool
) -> JsonObject:
    own = [answered for header in http.headers if (answered := _ANSWERED_BY.get(header.name))]
    response: JsonObject = {
        "description": operation.summary if main else _WITHOUT_BODY[status] if kind is None else kind.__doc__,
        "headers": _headers("X-Request-Id", *(() if http.open else RATE_HEADERS), *own),
    }
    if kind is None:
        return response
    content: JsonObject = {}
    if EVENT_STREAM not in http.media or not main:
        content["application/json"] = {"schema": _envelope(operation, http, names[kind, "serialization"])}
    if main:
        content |= {
            # The schema of a stream of events would be taken for the schema of each event.
            media: {} if media == EVENT_STREAM else {"schema": {"type": "string", "description": meaning}}
            for media, meaning in http.media.items()
        }
    return response | {"content": content}


def _envelope(operation: Operation, http: Http, schema: JsonObject) -> JsonObject:
    if http.bare:
        return schema
    if operation.kind not in (ResultKind.LIST, ResultKind.PAGE):
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


def _headers(*names: str) -> JsonObject:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def errors_of(operation: Operation, http: Http, form: Form) -> dict[int, list[ErrorCode]]:
    """The errors of an operation by status, those included that follow from what it takes."""
    codes = {*operation.errors, *(OPEN_ERRORS if http.open else EVERYWHERE)}
    if http.scopes:
        codes.add(ErrorCode.FORBIDDEN)
    if http.form is not None or form.body is not None:
        codes |= {ErrorCode.PAYLOAD_TOO_LARGE, ErrorCode.UNSUPPORTED_MEDIA_TYPE}
    if http.path_names:
        codes.add(ErrorCode.NOT_FOUND)
    by_status: dict[int, list[ErrorCode]] = {}
    for code in ErrorCode:
        if code in codes:
            by_status.setdefault(int(ERRORS[code].status), []).append(code)
    return dict(sorted(by_status.items()))


def statuses_of(operation: Operation, http: Http) -> list[int]:
    """All statuses with which an operation answers."""
    return [http.status, *http.other, *errors_of(operation, http, Form.of(operation))]


def _health(
    summary: str, meaning: str, media: str = "application/json", *, failing: bool = False
) -> JsonObject:
    schema: JsonObject = {"type": "string"} if media != "application/json" else {"type": "object"}
    responses: JsonObject = {
        "200": {
            "description": summary,
            "headers": _headers("X-Request-Id"),
            "content": {media: {"schema": schema}},
        },
        "400": NO_REQUEST,
    }
    if failing:
        responses["503"] = {
            "description": ERRORS[ErrorCode.UNAVAILABLE].text,
            "headers": _headers("X-Request-Id", "Retry-After"),
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}},
        }
    return {
        "operationId": summary.lower().replace(" ", "_"),
        "summary": summary,
        "description": meaning,
        "tags": ["health"],
        "security": [],
        "responses": responses,
    }


_HEALTH = {
    "/livez": _health("Say that the process lives", "200 as long as the event loop answers."),
    "/readyz": _health(
        "Say whether requests are taken", "503 while it starts, drains, or cannot write.", failing=True
    ),
    "/metrics": _health(
        "Give the metrics for Prometheus", "All of them, in Prometheus' text format.", "text/plain"
    ),
}
