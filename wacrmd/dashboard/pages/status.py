"""The daemon itself: whether it is healthy, what does not move and why, a check of everything, drain and reload."""

from typing import Any

from starlette.responses import Response

from wacrmd.clock import iso
from wacrmd.dashboard.forms import read_form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.render import counted, people
from wacrmd.domain.log_level import LogLevel
from wacrmd.domain.plain_words import plainly

_LINKS = {"broadcast": "/broadcasts/", "number": "/numbers/"}


async def index(visit: Visit) -> Response:
    """What `wacrmd status` says."""
    return await _show(visit)


async def check(visit: Visit) -> Response:
    """What `wacrmd doctor` says; it asks Meta, so it is no GET."""
    return await _show(visit, await visit.perform("doctor"))


async def check_database(visit: Visit) -> Response:
    """Read the whole database and look for damage, which may take minutes."""
    return await _show(visit, database=await visit.perform("check-db"))


async def _show(visit: Visit, report: Any = None, database: Any = None) -> Response:
    return visit.page(
        "status.html",
        database=database,
        levels=[(each.value, each.value) for each in LogLevel],
        status_now=await visit.perform("status"),
        clock=await visit.perform("clock.show"),
        report=report,
        links=_LINKS,
    )


async def reload(visit: Visit) -> Response:
    """Read the configuration again."""
    done = await visit.perform("reload")
    said = [f"The configuration was read: {counted(len(done.applied), 'setting')} changed."]
    if done.needs_restart:
        said.append(f"A restart is needed for {', '.join(each.key for each in done.needs_restart)}.")
    return visit.done("/status", " ".join([*said, *done.warnings]))


async def ask_drain(visit: Visit) -> Response:
    """Ask before nothing is sent any more."""
    await visit.require("drain")
    pending = (await visit.perform("status")).pending.recipients
    return visit.confirm(
        "Stop all sending?",
        "No broadcast is accepted and none is sent, until somebody ends it here or the daemon starts again. Nothing is lost."
        f" Still to be sent to: {people(pending)}.",
        button="Stop all sending",
        back="/status",
    )


async def drain(visit: Visit) -> Response:
    """Stop accepting and sending."""
    await visit.perform("drain", wait_s=0)
    return visit.done("/status", "Nothing is sent any more, until somebody ends this.")


async def ask_undrain(visit: Visit) -> Response:
    """Say how many people get a message if sending goes on."""
    await visit.require("undrain")
    pending = (await visit.perform("status")).pending.recipients
    return visit.confirm(
        "Send again?",
        f"Broadcasts go on where they stopped. Still to be sent to: {people(pending)}.",
        button=f"Send again, to {people(pending)}",
        back="/status",
        danger=False,
    )


async def undrain(visit: Visit) -> Response:
    """Accept and send again."""
    await visit.perform("undrain")
    return visit.done("/status", "Broadcasts go on.")


async def log_level(visit: Visit) -> Response:
    """Write more or less to the log for a while."""
    form = await read_form(visit.request)
    now = await visit.perform("log-level", level=form.text("level"), minutes=form.text("minutes"))
    return visit.done("/status", f"The log level is {now.level}.")


async def ask_clock(visit: Visit) -> Response:
    """Say what it means to trust the machine's clock."""
    await visit.require("clock.accept")
    clock = await visit.perform("clock.show")
    why = f" {plainly(clock.hold.detail)}" if clock.hold is not None else ""
    return visit.confirm(
        "Trust the clock of the server?",
        f"It says {iso(clock.machine)}.{why} What is too old by it is deleted then, and broadcasts whose time has come"
        " start. Look at the clock first.",
        button="Trust the clock",
        back="/status",
    )


async def trust_clock(visit: Visit) -> Response:
    """Go by the machine's clock, whatever Meta's says."""
    await visit.perform("clock.accept")
    return visit.done("/status", "The clock of the server is trusted.")


PAGES: tuple[Row, ...] = (
    ("GET", "/status", index),
    ("POST", "/status/check", check),
    ("POST", "/status/check-db", check_database),
    ("POST", "/status/log-level", log_level),
    ("GET", "/status/clock", ask_clock),
    ("POST", "/status/clock", trust_clock),
    ("POST", "/status/reload", reload),
    ("GET", "/status/drain", ask_drain),
    ("POST", "/status/drain", drain),
    ("GET", "/status/undrain", ask_undrain),
    ("POST", "/status/undrain", undrain),
)
