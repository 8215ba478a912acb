"""The methods of the admin socket: name, level, parameters and handler, all in one table."""

import inspect
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import anyio.to_thread
import orjson
from pydantic import ValidationError

from wacrmd.admin.identity import Caller
from wacrmd.admin.protocol import RpcCode, RpcError
from wacrmd.domain.actor import Level
from wacrmd.errors import ErrorCode
from wacrmd.fields import JsonObject
from wacrmd.operations.audited import audited
from wacrmd.operations.inputs import NoParams, Params
from wacrmd.operations.problems import problems_of
from wacrmd.suggest import did_you_mean
from wacrmd.views.json import adapter

C = TypeVar("C")

Handler = Callable[[C, Any, Caller], Awaitable[Any]]
"""`async def handler(ctx, params, caller)`: returns the result, raises Refusal to refuse."""

StreamHandler = Callable[[C, Any, Caller], AsyncGenerator[Any, None]]
"""`async def handler(ctx, params, caller)` that yields the items; closed when the caller has gone."""

WHOLE = "params"
"""The path of a problem that concerns the parameters as a whole."""
_NAME = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Method(Generic[C]):
    """One method; `changes` makes every call of it an entry in the audit, done or not."""

    name: str
    level: Level
    summary: str
    handler: Handler[C] | StreamHandler[C]
    params: type[Params] = NoParams
    example: JsonObject = field(default_factory=dict)
    result: Any = None
    """The type of the result, or of each item of a stream; None: not declared."""
    stream: bool = False
    changes: bool = False
    exports: bool = False
    """Whether it takes people's data away, which readers may do. It is audited too; of very many calls the sum."""

    def __post_init__(self) -> None:
        """Refuse a method that contradicts itself, so that a mistake stops the first test that imports it."""
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name}: a method is named 'noun.verb' or 'verb'")
        if self.changes and self.level < Level.OPERATE:
            raise ValueError(f"{self.name}: readers may not change anything")
        if inspect.isasyncgenfunction(self.handler) != self.stream:
            raise ValueError(
                f"{self.name}: a streaming method yields its items, any other returns its result"
            )
        self.params.model_validate(self.example)

    @property
    def is_audited(self) -> bool:
        """Whether its calls are written to the audit log."""
        return self.changes or self.exports

    def validate(self, given: JsonObject, context: C | None = None) -> Params:
        """The parameters as the handler gets them; raises RpcError that lists everything wrong with them.

        `context` has the limits that are configured.
        """
        try:
            return self.params.model_validate(given, context=context)
        except ValidationError as error:
            problems = problems_of(error, self.params)
        listed = [{"path": one.path or WHOLE, "message": one.message} for one in problems]
        raise RpcError(
            RpcCode.INVALID_PARAMS,
            f"{self.name}: " + "; ".join(f"{one['path']}: {one['message']}" for one in listed),
            {"code": ErrorCode.BAD_REQUEST, "details": listed},
        )

    def audited(self, given: JsonObject) -> JsonObject:
        """The given parameters as the audit may keep them, whether or not they are valid."""
        return audited(self.params, given)

    def describe(self) -> JsonObject:
        """The method as `rpc.describe` lists it; `params` and `result` are JSON schemas."""
        return {
            "name": self.name,
            "level": self.level.word,
            "summary": self.summary,
            "changes": self.changes,
            "stream": self.stream,
            "params": self.params.model_json_schema(),
            "result": adapter(self.result).json_schema(mode="serialization", by_alias=True)
            if self.result is not None
            else {},
            "example": self.example,
        }


class Registry(Generic[C]):
    """All methods by name; `rpc.describe` is always among them."""

    def __init__(self, methods: Iterable[Method[C]] = ()) -> None:
        self._methods: dict[str, Method[C]] = {}
        self._described: orjson.Fragment | None = None

        async def describe(_context: C, _params: NoParams, _caller: Caller) -> orjson.Fragment:
            if self._described is None:  # on a thread, because making the schemas takes a quarter of a second
                self._described = await anyio.to_thread.run_sync(self._describe)
            return self._described

        self.add(
            Method(
                name="rpc.describe",
                level=Level.READ,
                summary="List all methods with level, parameters and result (JSON schemas) and an example",
                handler=describe,
            )
        )
        for method in methods:
            self.add(method)

    def __iter__(self) -> Iterator[Method[C]]:
        """The methods in the order of their names."""
        return iter(sorted(self._methods.values(), key=lambda method: method.name))

    def add(self, method: Method[C]) -> None:
        """Take a method in; raises ValueError if the name is taken."""
        if method.name in self._methods:
            raise ValueError(f"{method.name} is registered twice")
        self._methods[method.name] = method
        self._described = None

    def _describe(self) -> orjson.Fragment:
        return orjson.Fragment(orjson.dumps([method.describe() for method in self]))

    def find(self, name: str) -> Method[C]:
        """The method of this name; raises RpcError that names the nearest one."""
        try:
            return self._methods[name]
        except KeyError:
            hint = did_you_mean(name, self._methods) or "; rpc.describe lists all methods"
            raise RpcError(
                RpcCode.METHOD_NOT_FOUND, f"no method {name[:100]!r}{hint}", {"code": ErrorCode.NOT_FOUND}
            ) from None
