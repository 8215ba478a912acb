"""An operation, declared once: what it is called, takes, answers and refuses, who may do it, and where.

`wacrmd/api/`, `wacrmd/admin/`, OpenAPI, `rpc.describe`, docs/api.md and docs/admin.md are made from it.
"""

import inspect
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import Enum, auto
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from wacrmd.domain.account import Scope
from wacrmd.domain.actor import Actor, Level
from wacrmd.domain.page import Page
from wacrmd.errors import ErrorCode
from wacrmd.fields import JsonObject
from wacrmd.operations.inputs import NoParams, Params
from wacrmd.services.context import Context

F = TypeVar("F", bound=Callable[..., Any])

NAME = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)?")
PATH_PARAMETER = re.compile(r"{(\w+)}")


class ResultKind(Enum):
    """What an operation answers with."""

    ONE = auto()
    """One view."""
    LIST = auto()
    """All of a short list."""
    PAGE = auto()
    """One page of a list: over HTTP with `limit` and `cursor`, to operators the newest items."""
    STREAM = auto()
    """Items as they come; only to operators."""


@dataclass(frozen=True, slots=True)
class Header:
    """A header that an HTTP binding reads."""

    name: str
    description: str
    min_length: int = 1
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that came in a form: open for as long as the request lasts, its name, and the type that its sender gives."""

    descriptor: int
    name: str
    declared_type: str


@dataclass(frozen=True, slots=True)
class FileForm:
    """A form with one file, `file` (multipart/form-data), and these fields besides.

    `limit` says how many bytes the file may have, `advice` what to do about one that has more.
    """

    fields: type[BaseModel]
    limit: Callable[[Context], int]
    advice: str
    meaning: str
    """What the file is."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What an HTTP caller sent, with query and body checked for their form."""

    method: str
    path: Mapping[str, str]
    headers: Mapping[str, str]
    query: Any
    body: Any
    json: JsonObject
    """The body before the check of its form."""
    request_id: str
    file: SentFile | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer with another status or with headers of its own; `result` None: no body, bytes: JSON."""

    result: object
    _: KW_ONLY
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stream:
    """An HTTP answer that is written piece by piece."""

    media_type: str
    pieces: AsyncGenerator[bytes, None]
    headers: Mapping[str, str] = field(default_factory=dict)
    ends_anywhere: bool = False
    """Whether it is whole wherever it ends; another answer that ends early is cut off, so that nobody takes it for whole."""


HttpHandler = Callable[[Context, Actor, HttpRequest], Awaitable[object]]
"""What serves a binding whose HTTP form differs: takes the request, answers a view, a page, a Reply or a Stream."""


@dataclass(frozen=True, slots=True)
class Http:
    """Where an operation stands in the HTTP API, and in what it differs there.

    The parameters come from the path by their names; the others from the query (GET and DELETE) or the body.
    """

    method: str
    path: str
    _: KW_ONLY
    scopes: tuple[Scope, ...] = ()
    """Those of which an API key needs one; none: any key will do."""
    status: int = 200
    shows: Any = None
    """The type whose fields are shown, where the result inherits it and has more."""
    handler: HttpHandler | None = None
    """Serves this binding in place of the operation's own function, with `query` and `body` for its form."""
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    form: FileForm | None = None
    """In place of a body: the handler gets its fields as `body`, and its `file`."""
    headers: tuple[Header, ...] = ()
    max_body_bytes: int | None = None
    """A body may be no larger, whatever the configuration says. It is so small that it needs no turn among large ones:
    the handler may wait for something."""
    media: Mapping[str, str] = field(default_factory=dict)
    """Other forms of the answer by media type, each with what it is."""
    other: Mapping[int, Any] = field(default_factory=dict)
    """Other answers of success: the type by status, None for an answer without a body."""
    empty: bool = False
    """The answer of success has no body."""
    open: bool = False
    """Anybody may call it, without a key and without a rate limit."""
    bare: bool = False
    """The answer stands without `{"data": …}`, as JSON that the handler wrote."""

    @property
    def path_names(self) -> tuple[str, ...]:
        """The parameters in the path."""
        return tuple(PATH_PARAMETER.findall(self.path))

    @property
    def takes_body(self) -> bool:
        """Whether parameters that do not stand in the path stand in the body."""
        return self.method not in ("GET", "DELETE")


@dataclass(frozen=True, slots=True)
class Admin:
    """What an operation needs on the admin socket, and in what it differs there."""

    level: Level
    _: KW_ONLY
    per_account: bool = False
    """Whether it shows and changes nothing beyond the actor's account. A user of the dashboard who is limited to accounts
    may call no other operation; tests/dashboard/test_accounts.py tries each with the things of another account."""
    audited: bool = False
    """Whether every call is written to the audit log: it changes something, or shows what should be known to few.

    What readers may call is a stream, which takes people's data away as a file; of very many calls the sum is written."""
    params: type[Params] | None = None
    """The parameters, where an operator gives more of them or other ones."""
    adapt: Callable[[Any], BaseModel] | None = None
    """Makes the parameters of the operation from those, where they do not inherit them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of the table of operations; `run(ctx, actor, params)` does it, with `page` for a list by pages."""

    name: str
    summary: str
    description: str
    run: Callable[..., Any]
    params: type[Params]
    kind: ResultKind
    item: Any
    """The type of the result, or of each item of a list, page or stream."""
    errors: tuple[ErrorCode, ...]
    example: JsonObject
    http: Http | None
    admin: Admin | None

    def __post_init__(self) -> None:
        """Refuse an operation that contradicts itself, so that a mistake stops the first test that imports it."""
        if not NAME.fullmatch(self.name):
            raise ValueError(f"{self.name}: an operation is named 'noun.verb' or 'verb'")
        if self.admin is not None:
            is_export = self.kind is ResultKind.STREAM
            if self.admin.audited and self.admin.level < Level.OPERATE and not is_export:
                raise ValueError(f"{self.name}: readers may not change anything")
            self.admin_params.model_validate(self.example)
        if self.http is not None:
            missing = set(self.http.path_names) - set(self.params.model_fields)
            if missing:
                raise ValueError(f"{self.name}: {missing} of the path is no parameter")
            if self.kind is ResultKind.STREAM and self.http.handler is None:
                raise ValueError(f"{self.name}: a stream needs a handler of its own over HTTP")

    @property
    def is_per_account(self) -> bool:
        """Whether it keeps within the actor's account."""
        return self.admin is not None and self.admin.per_account

    @property
    def noun(self) -> str:
        """The thing that it is about; for an operation without one its own name."""
        return self.name.partition(".")[0]

    @property
    def admin_params(self) -> type[Params]:
        """The parameters on the admin socket."""
        return self.params if self.admin is None or self.admin.params is None else self.admin.params

    @property
    def http_item(self) -> Any:
        """The type that is shown over HTTP; None for an answer without a body."""
        if self.http is not None and self.http.empty:
            return None
        return self.item if self.http is None or self.http.shows is None else self.http.shows


class Operations:
    """The operations of one noun, in the order of their declaration."""

    def __init__(self) -> None:
        self._rows: list[Operation] = []

    def __iter__(self) -> Iterator[Operation]:
        """All of them."""
        return iter(self._rows)

    def operation(
        self,
        name: str,
        *,
        http: Http | None = None,
        admin: Admin | None = None,
        errors: tuple[ErrorCode, ...] = (),
        example: JsonObject | None = None,
    ) -> Callable[[F], F]:
        """Declare the decorated function `run(ctx, actor, params)`, or `run(ctx, actor, params, page)`.

        Its docstring is the documentation: the first line the summary, the rest the description. The types of
        `params` and of the result are those of its annotations.
        """

        def declare(run: F) -> F:
            hints = get_type_hints(run, include_extras=True)
            kind, item = _result(hints["return"])
            summary, _, description = inspect.cleandoc(run.__doc__ or "").partition("\n\n")
            self._rows.append(
                Operation(
                    name=name,
                    summary=" ".join(summary.split()).removesuffix("."),
                    description=" ".join(description.split()),
                    run=run,
                    params=hints.get("params", NoParams),
                    kind=kind,
                    item=item,
                    errors=errors,
                    example=example or {},
                    http=http,
                    admin=admin,
                )
            )
            return run

        return declare


def _result(returned: Any) -> tuple[ResultKind, Any]:
    """What a return annotation says: a view, `list[…]`, `Page[…]` or `AsyncGenerator[…, None]`."""
    kinds = {list: ResultKind.LIST, Page: ResultKind.PAGE, AsyncGenerator: ResultKind.STREAM}
    kind = kinds.get(get_origin(returned))
    return (ResultKind.ONE, returned) if kind is None else (kind, get_args(returned)[0])
