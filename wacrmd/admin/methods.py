"""The methods of the admin socket: the operations with an admin binding."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from functools import cache
from typing import Any

from pydantic import BaseModel

from wacrmd.admin.identity import Caller
from wacrmd.admin.registry import Handler, Method, Registry, StreamHandler
from wacrmd.domain.actor import Actor, Level
from wacrmd.domain.page import Page
from wacrmd.operations.inputs import AccountParams
from wacrmd.operations.operation import Admin, Operation, ResultKind
from wacrmd.operations.table import OPERATIONS
from wacrmd.services.context import Context
from wacrmd.views.json import fragment


def registry(operations: Iterable[Operation] = OPERATIONS) -> Registry[Context]:
    """The methods of all operations with an admin binding."""
    return Registry(method_of(each, each.admin) for each in operations if each.admin is not None)


@cache
def all_methods() -> Registry[Context]:
    """The methods of the daemon's socket; made once, for each example is checked."""
    return registry()


def method_of(operation: Operation, admin: Admin) -> Method[Context]:
    """The method of an operation, which it is on the admin socket."""
    handler = _stream(operation, admin) if operation.kind is ResultKind.STREAM else _call(operation, admin)
    return Method(
        name=operation.name,
        level=admin.level,
        summary=operation.summary,
        params=operation.admin_params,
        handler=handler,
        example=operation.example,
        result=_result(operation),
        stream=operation.kind is ResultKind.STREAM,
        changes=admin.audited and admin.level >= Level.OPERATE,
        exports=admin.audited and admin.level < Level.OPERATE,
    )


def _result(operation: Operation) -> Any:
    """The type of the result, or of each item of a stream."""
    item: Any = operation.item
    return list[item] if operation.kind in (ResultKind.LIST, ResultKind.PAGE) else item


def _call(operation: Operation, admin: Admin) -> Handler[Context]:
    shown_as = _result(operation)

    async def handle(ctx: Context, params: Any, caller: Caller) -> Any:
        actor = await _actor(ctx, params, caller)
        if operation.kind is ResultKind.PAGE:
            page: Page[Any] = await operation.run(ctx, actor, _adapted(admin, params), params.page())
            return fragment(page.items, shown_as)
        return fragment(await operation.run(ctx, actor, _adapted(admin, params)), shown_as)

    return handle


def _stream(operation: Operation, admin: Admin) -> StreamHandler[Context]:
    async def handle(ctx: Context, params: Any, caller: Caller) -> AsyncGenerator[Any, None]:
        actor = await _actor(ctx, params, caller)
        async with aclosing(operation.run(ctx, actor, _adapted(admin, params))) as items:
            async for item in items:
                yield fragment(item, operation.item)

    return handle


async def _actor(ctx: Context, params: BaseModel, caller: Caller) -> Actor:
    """The caller, limited to the account that it names."""
    actor = Actor.operator(caller.user, uid=caller.uid, level=caller.level)
    return await params.actor_for(ctx, actor) if isinstance(params, AccountParams) else actor


def _adapted(admin: Admin, params: Any) -> Any:
    return params if admin.adapt is None else admin.adapt(params)
