"""Calls an operation for a visitor, as the admin socket does for its callers: level, parameters, accounts, audit."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Any

import anyio
from pydantic import ValidationError

from wacrmd.dashboard.visitor import Visitor
from wacrmd.domain.actor import Actor
from wacrmd.domain.page import Position
from wacrmd.errors import ErrorCode, Refusal, invalid
from wacrmd.fields import JsonObject
from wacrmd.log import get_logger
from wacrmd.operations.audited import audited
from wacrmd.operations.inputs import AccountParams, Params
from wacrmd.operations.operation import Operation, ResultKind
from wacrmd.operations.paging import decode_cursor
from wacrmd.operations.problems import problems_of
from wacrmd.operations.table import OPERATIONS
from wacrmd.services.context import Context
from wacrmd.services.maintenance.audit import record
from wacrmd.store.audit import Via
from wacrmd.store.outage import StorageError

BY_NAME: Mapping[str, Operation] = {each.name: each for each in OPERATIONS if each.admin is not None}
"""All that operators can call."""

_AUDIT_WITHIN_S = 5.0

log = get_logger(__name__)


async def perform(
    ctx: Context, visitor: Visitor, name: str, *, cursor: str | None = None, **given: object
) -> Any:
    """The result of an operation; parameters that are None are left out. What changes something is audited.

    A list by pages begins after `cursor`. Raises Refusal, also for what the visitor's role may not do.
    """
    operation = BY_NAME[name]
    call = {key: value for key, value in given.items() if value is not None}
    result = "interrupted"
    try:
        made = await _allowed(ctx, visitor, operation, call, decode_cursor(cursor))
        result = "ok"
    except Refusal as refusal:
        result = "denied" if refusal.code is ErrorCode.FORBIDDEN else refusal.code.value
        raise
    except Exception:
        result = ErrorCode.INTERNAL.value
        raise
    finally:
        if operation.admin is not None and operation.admin.audited:
            await _audit(ctx, visitor, operation, call, result)
    return made


def stream(ctx: Context, visitor: Visitor, name: str, **given: object) -> AsyncGenerator[Any, None]:
    """The items of an operation that answers with a stream; raises Refusal as `perform` does, when it begins."""
    operation = BY_NAME[name]
    params = _checked(
        ctx, visitor, operation, {key: value for key, value in given.items() if value is not None}
    )

    async def items() -> AsyncGenerator[Any, None]:
        for actor in (actors := visitor.actors()):
            try:
                async for item in _run(operation, ctx, await _limited(ctx, actor, params), params):
                    yield item
            except Refusal as refusal:
                if refusal.code is not ErrorCode.NOT_FOUND or actor is actors[-1]:
                    raise
            else:
                return

    return items()


async def _allowed(
    ctx: Context, visitor: Visitor, operation: Operation, given: JsonObject, after: Position | None
) -> Any:
    params = _checked(ctx, visitor, operation, given)
    for actor in (actors := visitor.actors()):
        try:
            return await _run(operation, ctx, await _limited(ctx, actor, params), params, after)
        except Refusal as refusal:
            # Of the accounts that the visitor sees, the thing may belong to the next one.
            if refusal.code is not ErrorCode.NOT_FOUND or actor is actors[-1]:
                raise
    raise AssertionError("a visitor is at least one actor")


def _checked(ctx: Context, visitor: Visitor, operation: Operation, given: JsonObject) -> Params:
    """The parameters, if the role may call the operation."""
    if not visitor.may(operation):
        raise Refusal(
            ErrorCode.FORBIDDEN, f"{operation.name} is not allowed to the role {visitor.role.value}"
        )
    model = operation.admin_params
    try:
        return model.model_validate(given, context=ctx)
    except ValidationError as error:
        raise invalid(problems_of(error, model)) from None


async def _limited(ctx: Context, actor: Actor, params: Params) -> Actor:
    """The actor, limited to the account that the parameters name."""
    return await params.actor_for(ctx, actor) if isinstance(params, AccountParams) else actor


def _run(operation: Operation, ctx: Context, actor: Actor, params: Any, after: Position | None = None) -> Any:
    admin = operation.admin
    adapted = params if admin is None or admin.adapt is None else admin.adapt(params)
    if operation.kind is ResultKind.PAGE:
        return operation.run(ctx, actor, adapted, replace(params.page(), after=after))
    return operation.run(ctx, actor, adapted)


async def _audit(
    ctx: Context, visitor: Visitor, operation: Operation, given: JsonObject, result: str
) -> None:
    # Shielded: what has begun is audited, also when the browser has gone or the daemon stops.
    with anyio.move_on_after(_AUDIT_WITHIN_S, shield=True):
        try:
            await record(
                ctx,
                via=Via.DASHBOARD,
                uid=visitor.session.uid,
                user=visitor.name,
                method=operation.name,
                params=audited(operation.admin_params, given),
                result=result,
            )
        except StorageError:
            log.exception("dashboard_audit_failed", method=operation.name, user=visitor.name, result=result)
