"""`doctor`, `reload`, `drain`, `log-level`, `audit`: the daemon itself."""

from typing import Any

from pydantic import Field

from wacrmd.admin.identity import Caller, Level
from wacrmd.admin.registry import Method, NoParams, Params
from wacrmd.domain.log_level import LogLevel
from wacrmd.services.context import Context
from wacrmd.services.maintenance import control as services
from wacrmd.services.maintenance import doctor as medicine


class Drain(Params):
    """Whether to begin or to end a drain."""

    off: bool = Field(default=False, description="end a drain: go on as before")
    wait_s: float = Field(20, ge=0, le=600, description="how long to wait for what is in flight")


class NewLogLevel(Params):
    """How much is logged, and for how long."""

    level: LogLevel | None = Field(
        None, description="the least level that is written; left out: only tell the one in force"
    )
    minutes: float | None = Field(
        None, gt=0, le=10_080, description="then back to the configured level; left out: until a restart"
    )


class Since(Params):
    """From when on, and how much."""

    since: str | None = Field(
        None, min_length=1, max_length=40, description="an ISO time, or how long ago: 30min, 2h, 3d"
    )
    limit: int = Field(100, ge=1, le=10_000, description="at most so many, the newest ones")


async def doctor(ctx: Context, _params: NoParams, _caller: Caller) -> dict[str, Any]:
    """All checks."""
    return await medicine.examine(ctx)


async def reload(ctx: Context, _params: NoParams, _caller: Caller) -> dict[str, Any]:
    """Read the configuration again."""
    return await services.reload(ctx)


async def drain(ctx: Context, params: Drain, _caller: Caller) -> dict[str, Any]:
    """Begin or end a drain."""
    return await (services.undrain(ctx) if params.off else services.drain(ctx, wait_s=params.wait_s))


async def log_level(ctx: Context, params: NewLogLevel, _caller: Caller) -> dict[str, Any]:
    """Log more or less for a while."""
    if params.level is None:
        return services.log_level(ctx)
    return services.set_log_level(ctx, params.level, params.minutes)


async def audit(ctx: Context, params: Since, _caller: Caller) -> list[dict[str, Any]]:
    """Who changed what."""
    return await services.audit(ctx, since=params.since, limit=params.limit)


METHODS: tuple[Method[Context], ...] = (
    Method(
        name="doctor",
        level=Level.OPERATE,
        summary="Make the checks that a person would make when it does not work, each with what to do",
        handler=doctor,
    ),
    Method(
        name="reload",
        level=Level.ADMIN,
        summary="Read the configuration again; tells what changed and what waits for a restart",
        handler=reload,
        changes=True,
    ),
    Method(
        name="drain",
        level=Level.ADMIN,
        summary="Accept and claim no more, and wait for what is in flight; the process can be stopped then",
        params=Drain,
        handler=drain,
        example={"wait_s": 20},
        changes=True,
    ),
    Method(
        name="log-level",
        level=Level.ADMIN,
        summary="Log from another level on, for some minutes or until the next restart",
        params=NewLogLevel,
        handler=log_level,
        example={"level": "debug", "minutes": 10},
        changes=True,
    ),
    Method(
        name="audit",
        level=Level.READ,
        summary="Tell who changed what, oldest first",
        params=Since,
        handler=audit,
        example={"since": "2h"},
    ),
)
