"""The form of a request: which models its query and its body must fit, and how they become parameters."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from wacrmd.errors import Problem, bad_request, invalid, json_kind, not_found
from wacrmd.fields import JsonObject
from wacrmd.http.json_body import MAX_VALUES, parse_json
from wacrmd.operations.inputs import Names
from wacrmd.operations.operation import Operation, ResultKind
from wacrmd.operations.paging import PageQuery
from wacrmd.operations.problems import problems_of
from wacrmd.services.context import Context


@dataclass(frozen=True, slots=True)
class Form:
    """The models that the query and the body of an operation must fit; None where it takes none."""

    query: type[BaseModel] | None
    body: type[BaseModel] | None

    @classmethod
    def of(cls, operation: Operation) -> "Form":
        """The form of an operation's requests."""
        http = operation.http
        if http is None:
            raise ValueError(f"{operation.name} has no HTTP binding")
        if http.handler is not None:
            return cls(http.query, http.body)
        params = operation.params
        has_more = bool(set(params.model_fields) - set(http.path_names))
        if operation.kind is ResultKind.PAGE:
            return cls(_paged(params), None)
        if http.takes_body:
            return cls(None, params if has_more else None)
        return cls(params if has_more else None, None)


@cache
def _paged(params: type[BaseModel]) -> type[BaseModel]:
    """The parameters together with those of a page."""
    return type(f"{params.__name__}Page", (PageQuery, params), {"__doc__": params.__doc__})


MAX_QUERY_PARAMETERS = 100
"""Parameters in a query; no operation takes as many."""


def check_query(query: bytes) -> None:
    """Refuse a query of too many parameters before it is read."""
    count = query.count(b"&") + 1
    if count > MAX_QUERY_PARAMETERS:
        raise bad_request(f"query: expected at most {MAX_QUERY_PARAMETERS} parameters, found {count}")


def parse_query(given: Sequence[tuple[str, str]], path: Mapping[str, str]) -> dict[str, str]:
    """The values of a query. Refuses names that stand in the path, and one that is given twice."""
    counts = Counter(name for name, _ in given)
    problems = [
        Problem(name, "there is no such parameter" if name in path else f"expected one value, found {count}")
        for name, count in counts.items()
        if name in path or count > 1
    ]
    if problems:
        raise invalid(problems)
    return dict(given)


def parse_body(raw: bytes, content_type: str, max_values: int = MAX_VALUES) -> JsonObject:
    """The JSON object of a body. Refuses everything else, and what holds too much."""
    given = parse_json(raw, content_type, max_values)
    if not isinstance(given, dict):
        raise bad_request(f"The body must be a JSON object, found {json_kind(given)}")
    return given


def validated(
    operation: Operation,
    model: type[BaseModel],
    given: Mapping[str, Any],
    path: Mapping[str, str],
    ctx: Context | None = None,
) -> BaseModel:
    """The model with these values and those of the path. Refuses others, naming each place.

    A value in the path that cannot name anything is not found. `ctx` has the limits that are configured.
    """
    try:
        return model.model_validate({**given, **path}, context=ctx)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False):
            if item["loc"] and item["loc"][0] in path:
                raise not_found(_noun(operation, str(item["loc"][0]))) from error
        raise invalid(problems_of(error, model)) from error


def _noun(operation: Operation, name: str) -> str:
    """What a parameter of the path names."""
    markers = operation.params.model_fields[name].metadata
    named = (marker.noun for marker in markers if isinstance(marker, Names))
    return next(named, operation.noun.capitalize())
