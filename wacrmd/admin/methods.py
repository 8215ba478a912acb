"""The methods of the admin socket: the operations with an admin binding."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from pydantic import BaseModel

from wacrmd.admin.identity import Caller
from wacrmd.admin.registry import Handler, Method, Registry, StreamHandler
from wacrmd.domain.actor import Actor
from wacrmd.domain.page import Page
from wacrmd.operations.inputs import OfAccounts
from wacrmd.operations.operation import Admin, Kind, Operation
from wacrmd.operations.table import OPERATIONS
from wacrmd.services.context import Context
from wacrmd.views.json import fragment


def registry() -> Registry[Context]:
    """All methods of the daemon."""
    return Registry(method_of(each, each.admin) for each in OPERATIONS if each.admin is not None)


def method_of(operation: Operation, admin: Admin) -> Method[Context]:
    """The method of an operation, which it is on the admin socket."""
    handler = _stream(operation, admin) if operation.kind is Kind.STREAM else _call(operation, admin)
    return Method(
        name=operation.name,
        level=admin.level,
        summary=operation.summary,
        params=operation.admin_params,
        handler=handler,
        example=operation.example,
        stream=operation.kind is Kind.STREAM,
        changes=admin.audited,
    )


def _call(operation: Operation, admin: Admin) -> Handler[Context]:
    item: Any = operation.item
    shown_as: Any = item if operation.kind is Kind.ONE else list[item]

    async def handle(ctx: Context, params: Any, caller: Caller) -> Any:
        actor = await _actor(ctx, params, caller)
        if operation.kind is Kind.PAGE:
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
    actor = Actor.operator(caller.user)
    return await params.actor_for(ctx, actor) if isinstance(params, OfAccounts) else actor


def _adapted(admin: Admin, params: Any) -> Any:
    return params if admin.adapt is None else admin.adapt(params)
