"""Calls an operation for a visitor, as the admin socket does for its callers: level, parameters, accounts, audit.

An operation acts on one account or on all. For a visitor who is limited to accounts it is called for each of them: a list
has what all calls give, and one thing belongs to the account in which it is found.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import anyio
from pydantic import ValidationError

from wacrmd.dashboard.visitor import Visitor
from wacrmd.domain.actor import Actor
from wacrmd.domain.page import Page, Position
from wacrmd.errors import ErrorCode, Refusal, bad_request, invalid
from wacrmd.fields import JsonObject
from wacrmd.http.middleware import AnswerCutError
from wacrmd.log import get_logger
from wacrmd.operations.audited import audited
from wacrmd.operations.inputs import AccountParams, OpenFiles, Params
from wacrmd.operations.operation import Admin, Operation, ResultKind
from wacrmd.operations.paging import decode_cursor
from wacrmd.operations.problems import problems_of
from wacrmd.operations.table import OPERATIONS
from wacrmd.services.access import login
from wacrmd.services.audit import record_denied, record_export, record_in_dashboard
from wacrmd.services.context import Context
from wacrmd.store.outage import StorageError

BY_NAME: Mapping[str, Operation] = {each.name: each for each in OPERATIONS if each.admin is not None}
"""All that operators can call."""

MAX_STREAMS = 4
"""Files that one visitor takes at the same time: each reads the database all the while."""

_AUDIT_WITHIN_S = 2.0
"""A page waits so long for its entry in the audit, which may still be written after it."""

log = get_logger(__name__)


async def perform(
    ctx: Context,
    visitor: Visitor,
    name: str,
    given: Mapping[str, object],
    *,
    cursor: str | None = None,
    files: tuple[int, ...] = (),
) -> Any:
    """The result of an operation; parameters that are None are left out. What changes something is audited.

    A list by pages begins after `cursor`; `files` are descriptors of open files that go along. Raises Refusal, also
    for what the visitor may not do.
    """
    operation = BY_NAME[name]
    call = {key: value for key, value in given.items() if value is not None}
    result = "interrupted"
    try:
        params = _checked(ctx, visitor, operation, call)
        if isinstance(params, OpenFiles):
            params.attach(files)
        made = await _of_all_accounts(ctx, visitor, operation, params, decode_cursor(cursor))
        result = "ok"
    except Refusal as refusal:
        result = refusal.code.value
        raise
    except Exception:
        result = ErrorCode.INTERNAL.value
        raise
    finally:
        await _audit(ctx, visitor, operation, call, result)
    return made


async def require(ctx: Context, visitor: Visitor, name: str) -> None:
    """Raise Refusal for an operation that the visitor may not call; it is audited, as if it had been called."""
    try:
        _check_right(visitor, BY_NAME[name])
    except Refusal as refusal:
        await _audit(ctx, visitor, BY_NAME[name], {}, refusal.code.value)
        raise


async def require_lasting(ctx: Context, visitor: Visitor, name: str) -> None:
    """Raise Refusal if the session has ended, or lets do something else now; it is audited as `require`.

    Between the beginning of a request and this, a file may have taken half an hour to arrive.
    """
    if not await login.is_current(ctx, visitor.session):
        await _audit(ctx, visitor, BY_NAME[name], {}, ErrorCode.FORBIDDEN.value)
        raise Refusal(
            ErrorCode.FORBIDDEN,
            "Your session ended, or your role changed, before all of this had arrived. Nothing was done: log in again",
        )


def stream(ctx: Context, visitor: Visitor, name: str, /, **given: object) -> AsyncGenerator[Any, None]:
    """The items of an operation that answers with a stream; close it. Raises Refusal as `perform` does, when it begins.

    A file of people is audited at its end, with the name of who took it.

    Raises AnswerCutError, so that no part of a file looks whole, after the end of the session and when the user's role or
    accounts change.
    """
    operation, open_ones = BY_NAME[name], ctx.dashboard_streams
    call = {key: value for key, value in given.items() if value is not None}
    params = _checked(ctx, visitor, operation, call)
    if open_ones[visitor.key] >= MAX_STREAMS:
        raise Refusal(
            ErrorCode.RATE_LIMITED,
            f"You are taking {MAX_STREAMS} files already: wait for them",
            retry_after_s=5,
        )

    async def items() -> AsyncGenerator[Any, None]:
        open_ones[visitor.key] += 1
        result = "interrupted"
        try:
            async with aclosing(whole()) as found:
                async for item in found:
                    yield item
            result = "ok"
        except Refusal as refusal:
            result = refusal.code.value
            raise
        finally:
            open_ones[visitor.key] -= 1
            if not open_ones[visitor.key]:
                del open_ones[visitor.key]
            await _audit(ctx, visitor, operation, call, result)

    async def whole() -> AsyncGenerator[Any, None]:
        for actor in (actors := _actors(visitor, operation, params)):
            try:
                async with aclosing(
                    _run(operation, ctx, await _limited(ctx, actor, params), params)
                ) as found:
                    async for item in found:
                        if not await login.is_current(ctx, visitor.session):
                            raise AnswerCutError("the session has ended, or lets do something else now")
                        yield item
            except Refusal as refusal:
                if refusal.code is not ErrorCode.NOT_FOUND or actor is actors[-1]:
                    raise
            else:
                return

    return items()


async def _of_all_accounts(
    ctx: Context, visitor: Visitor, operation: Operation, params: Any, after: Position | None
) -> Any:
    async def run(actor: Actor) -> Any:
        return await _run(operation, ctx, await _limited(ctx, actor, params), params, after)

    actors = _actors(visitor, operation, params)
    if operation.kind is ResultKind.LIST:
        return [each for found in await _found(run, actors) for each in found]
    if operation.kind is ResultKind.PAGE:
        return Page.merged(await _found(run, actors), params.page().limit)
    return (await _found(run, actors, at_most=1))[0]


async def _found(
    run: Callable[[Actor], Awaitable[Any]], actors: list[Actor], *, at_most: int = 0
) -> list[Any]:
    """What the calls give; raises the Refusal of the last one if none of the accounts has the thing."""
    results: list[Any] = []
    for actor in actors:
        try:
            results.append(await run(actor))
        except Refusal as refusal:
            if refusal.code is not ErrorCode.NOT_FOUND or (actor is actors[-1] and not results):
                raise
        if at_most and len(results) == at_most:
            break
    return results


def _actors(visitor: Visitor, operation: Operation, params: Params) -> list[Actor]:
    """The caller, once for each account. Refuses what would be done in the first account only."""
    actors = visitor.actors()
    whole = operation.kind in (ResultKind.LIST, ResultKind.PAGE)
    if len(actors) > 1 and not whole and isinstance(params, AccountParams) and not params.account:
        raise bad_request("account: name one of the accounts that you may see")
    return actors


def _checked(ctx: Context, visitor: Visitor, operation: Operation, given: JsonObject) -> Params:
    """The parameters, if the visitor may call the operation."""
    _check_right(visitor, operation)
    model = operation.admin_params
    try:
        return model.model_validate(given, context=ctx)
    except ValidationError as error:
        raise invalid(problems_of(error, model)) from None


def _check_right(visitor: Visitor, operation: Operation) -> None:
    if not visitor.may(operation):
        who = f"Users with the role {visitor.role.value}"
        if visitor.session.account_ids and not operation.is_per_account:
            who = "Users who are limited to accounts"
        raise Refusal(ErrorCode.FORBIDDEN, f"{who} may not do this: ask an administrator")


async def _limited(ctx: Context, actor: Actor, params: Params) -> Actor:
    """The actor, limited to the account that the parameters name."""
    return await params.actor_for(ctx, actor) if isinstance(params, AccountParams) else actor


def _run(operation: Operation, ctx: Context, actor: Actor, params: Any, after: Position | None = None) -> Any:
    admin: Admin | None = operation.admin
    adapted = params if admin is None or admin.adapt is None else admin.adapt(params)
    if operation.kind is ResultKind.PAGE:
        page = params.page()
        return operation.run(ctx, actor, adapted, page if after is None else replace(page, after=after))
    return operation.run(ctx, actor, adapted)


async def _audit(
    ctx: Context, visitor: Visitor, operation: Operation, given: JsonObject, result: str
) -> None:
    if operation.admin is None or not operation.admin.audited:
        return
    # Shielded: what has begun is audited, also when the browser has gone or the daemon stops.
    with anyio.move_on_after(_AUDIT_WITHIN_S, shield=True) as scope:
        try:
            if result == ErrorCode.FORBIDDEN.value:
                await record_denied(ctx, visitor.actor, operation.name)
                return
            kept = audited(operation.admin_params, given)
            actor, *others = visitor.actors()
            record = record_export if operation.kind is ResultKind.STREAM else record_in_dashboard
            await record(ctx, visitor.actor if others else actor, operation.name, kept, result)
        except StorageError:
            log.exception("dashboard_audit_failed", method=operation.name, user=visitor.name, result=result)
    if scope.cancelled_caught:
        log.error("dashboard_audit_failed", method=operation.name, user=visitor.name, result=result)
