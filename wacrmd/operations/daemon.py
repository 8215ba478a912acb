"""`status`, `doctor`, `reload`, `drain`, `log-level`, `clock`, `audit`: the daemon itself."""

from pydantic import Field

from wacrmd.domain.actor import Actor, Level, Via
from wacrmd.domain.log_level import LogLevel
from wacrmd.errors import ErrorCode
from wacrmd.operations.inputs import NoParams, Params
from wacrmd.operations.operation import Admin, Operations
from wacrmd.services.context import Context
from wacrmd.services.maintenance.audit import read_audit
from wacrmd.services.maintenance.clock import accept_clock, show_clock
from wacrmd.services.maintenance.doctor import run_checks
from wacrmd.services.maintenance.drain import end_drain, start_drain
from wacrmd.services.maintenance.log_level import current_log_level, set_log_level
from wacrmd.services.maintenance.reload import reload_config
from wacrmd.services.maintenance.status import read_status
from wacrmd.views.maintenance import (
    AuditView,
    ClockView,
    DoctorReport,
    DrainView,
    LogLevelView,
    ReloadReport,
    Status,
)

operations = Operations()


class Drain(Params):
    """Whether to begin or to end a drain."""

    off: bool = Field(default=False, description="end a drain, as `undrain`")
    for_good: bool = Field(default=False, description="until `undrain`, also after a restart")
    wait_s: float = Field(20, ge=0, le=600, description="how long to wait for what is in flight")


class Undrain(Params):
    """Which drain to end."""

    take_back: bool = Field(
        default=False, description="also one of a database that was handed over: only if the copy never sends"
    )


class NewLogLevel(Params):
    """How much is logged, and for how long."""

    level: LogLevel | None = Field(
        None, description="lowest level that is written; left out: only show the present one"
    )
    minutes: float | None = Field(
        None, gt=0, le=10_080, description="then back to the configured level; left out: until a restart"
    )


class AuditQuery(Params):
    """Which entries: from when on, of whom, and how many."""

    since: str | None = Field(
        None, min_length=1, max_length=40, description="an ISO time, or how long ago: 30min, 2h, 3d"
    )
    user: str | None = Field(None, max_length=100, description="only what this user did")
    method: str | None = Field(None, max_length=100, description="only calls of this method")
    via: Via | None = Field(None, description="only what was done in this way")
    before: int | None = Field(
        None,
        ge=0,
        le=2**62,
        description="only entries that are older than that with this `id`: the next page",
    )
    limit: int = Field(100, ge=1, le=10_000, description="at most this many, the newest ones")


@operations.operation("status", admin=Admin(Level.READ))
async def status(ctx: Context, _actor: Actor, _params: NoParams) -> Status:
    """Show whether the daemon is healthy, and what does not move and why."""
    return await read_status(ctx)


@operations.operation("doctor", admin=Admin(Level.OPERATE))
async def doctor(ctx: Context, _actor: Actor, _params: NoParams) -> DoctorReport:
    """Check everything that can go wrong, and say what to do about it."""
    return await run_checks(ctx)


@operations.operation(
    "reload", admin=Admin(Level.ADMIN, audited=True), errors=(ErrorCode.BAD_REQUEST, ErrorCode.CONFLICT)
)
async def reload(ctx: Context, _actor: Actor, _params: NoParams) -> ReloadReport:
    """Read the configuration again; shows what changed and what needs a restart."""
    return await reload_config(ctx)


@operations.operation(
    "drain", admin=Admin(Level.ADMIN, audited=True), errors=(ErrorCode.CONFLICT,), example={"wait_s": 20}
)
async def drain(ctx: Context, _actor: Actor, params: Drain) -> DrainView:
    """Stop accepting and sending, and wait for requests in flight; then the process can be stopped."""
    if params.off:
        return await end_drain(ctx)
    return await start_drain(ctx, wait_s=params.wait_s, for_good=params.for_good)


@operations.operation("undrain", admin=Admin(Level.ADMIN, audited=True), errors=(ErrorCode.CONFLICT,))
async def undrain(ctx: Context, _actor: Actor, params: Undrain) -> DrainView:
    """End a drain, also one that is for good: accept and send again."""
    return await end_drain(ctx, take_back=params.take_back)


@operations.operation(
    "log-level", admin=Admin(Level.ADMIN, audited=True), example={"level": "debug", "minutes": 10}
)
async def log_level(ctx: Context, _actor: Actor, params: NewLogLevel) -> LogLevelView:
    """Change the log level for some minutes or until the next restart."""
    if params.level is None:
        return current_log_level(ctx)
    return set_log_level(ctx, params.level, params.minutes)


@operations.operation("clock.show", admin=Admin(Level.READ))
async def clock_show(ctx: Context, _actor: Actor, _params: NoParams) -> ClockView:
    """Show the machine's clock and the time by which the daemon goes."""
    return show_clock(ctx)


@operations.operation("clock.accept", admin=Admin(Level.ADMIN, audited=True))
async def clock_accept(ctx: Context, _actor: Actor, _params: NoParams) -> ClockView:
    """Trust the machine's clock as it is now: the daemon goes by it, whatever Meta's says."""
    return accept_clock(ctx)


@operations.operation(
    "audit", admin=Admin(Level.READ), errors=(ErrorCode.BAD_REQUEST,), example={"since": "2h"}
)
async def audit(ctx: Context, _actor: Actor, params: AuditQuery) -> list[AuditView]:
    """Show who changed what, oldest first."""
    return await read_audit(
        ctx,
        since=params.since,
        user=params.user,
        method=params.method,
        via=params.via,
        before=params.before,
        limit=params.limit,
    )
