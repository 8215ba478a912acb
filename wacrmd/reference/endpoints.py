"""The reference in docs/api.md: every endpoint with its parameters, answers and errors, and the table of errors."""

from collections.abc import Iterable, Iterator, Sequence

from wacrmd.api.app import ENDPOINTS
from wacrmd.api.form import Form
from wacrmd.api.openapi import EVERYWHERE, errors_of
from wacrmd.errors import ERRORS, ErrorCode
from wacrmd.operations.operation import Http, Operation, ResultKind
from wacrmd.reference.schema import Objects, first_shown, parameters, rows

Endpoints = Sequence[tuple[Operation, Http]]


def parts(endpoints: Endpoints = ENDPOINTS) -> dict[str, str]:
    """One part for each endpoint, by method and path; and `errors`."""
    shown_at = _shown_at(endpoints)
    made = {"errors": "\n".join(_errors()) + "\n"}
    for operation, http in endpoints:
        here = [kind for kind, place in shown_at.items() if place is http]
        made[f"{http.method} {http.path}"] = (
            "\n".join(_endpoint(operation, http, objects(endpoints), here)) + "\n"
        )
    return made


def objects(endpoints: Endpoints = ENDPOINTS) -> Objects:
    """Links to the tables of the objects that endpoints answer with."""
    return Objects({kind: f"#{kind.__name__.lower()}" for kind in _shown_at(endpoints)})


def _shown_at(endpoints: Endpoints) -> dict[type, Http]:
    return first_shown(
        (http, answer)
        for operation, http in endpoints
        if not http.bare
        for answer in (operation.http_item, *http.other.values())
    )


def _errors() -> Iterator[str]:
    yield from rows(
        ("status", "`error.code`", "meaning"),
        ((str(meaning.status.value), f"`{code}`", meaning.text) for code, meaning in ERRORS.items()),
    )


def _endpoint(operation: Operation, http: Http, objects: Objects, here: Iterable[type]) -> Iterator[str]:
    form = Form.of(operation)
    yield f"{operation.summary}. {operation.description}".strip()
    yield ""
    scopes = " or ".join(f"`{scope}`" for scope in http.scopes)
    any_key = "No key is needed." if http.open else "Scope: none; any key will do."
    yield f"Scope: {scopes}." if scopes else any_key
    yield ""
    given = list(_parameters(operation, http, form))
    if given:
        yield from rows(("parameter", "in", "type", "default", "meaning"), given)
        yield ""
    yield from _answers(operation, http, objects)
    codes = [
        f"{status} `{code}`"
        for status, found in errors_of(operation, http, form).items()
        for code in found
        if code not in (*EVERYWHERE, ErrorCode.FORBIDDEN)
    ]
    if codes:
        yield f"- Errors, besides [those of every endpoint](#errors): {', '.join(codes)}"
    for kind in here:
        yield ""
        yield from objects.section(kind)


def _parameters(operation: Operation, http: Http, form: Form) -> Iterator[tuple[str, ...]]:
    for name in http.path_names:
        yield f"`{name}`", "path", "string", "required", operation.params.model_fields[name].description or ""
    if http.form is not None:
        yield "`file`", "form", "file", "required", http.form.meaning
    fields = http.form.fields if http.form is not None else None
    for place, model in (("query", form.query), ("body", form.body), ("form", fields)):
        for field in parameters(model, leave_out=http.path_names) if model is not None else ():
            yield f"`{field.name}`", place, field.kind, field.default, field.meaning
    for header in http.headers:
        yield f"`{header.name}`", "header", "string", "", header.description


def _answers(operation: Operation, http: Http, objects: Objects) -> Iterator[str]:
    many = "a list of " if operation.kind in (ResultKind.LIST, ResultKind.PAGE) else ""
    if "text/event-stream" not in http.media:
        shown = "OpenAPI 3.1"
        if not http.bare and not http.empty:
            shown = f"{many}{objects.link(operation.http_item)}"
        yield f"- Answer: {http.status} " + ("without a body" if http.empty else f"with {shown}")
    for media, meaning in http.media.items():
        yield f"- Answer as `{media}`: {meaning}"
    for status, kind in http.other.items():
        yield f"- Other answer: {status}" + (f" with {objects.link(kind)}" if kind is not None else "")
