"""The daemon itself: whether it is healthy, what does not move and why, a check of everything, drain and reload."""

from typing import Any

from starlette.responses import Response

from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.render import people
from wacrmd.errors import counted

_LINKS = {"broadcast": "/broadcasts/", "number": "/numbers/"}


async def index(visit: Visit) -> Response:
    """What `wacrmd status` says."""
    return await _show(visit)


async def check(visit: Visit) -> Response:
    """What `wacrmd doctor` says; it asks Meta, so it is no GET."""
    return await _show(visit, await visit.perform("doctor"))


async def _show(visit: Visit, report: Any = None) -> Response:
    return visit.page(
        "status.html",
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
    visit.require("drain")
    pending = (await visit.perform("status")).pending.recipients
    return visit.confirm(
        "Stop all sending?",
        "No broadcast is accepted and none is sent, until somebody ends it here or the daemon starts again. Nothing is lost."
        f" Still to be sent to: {people(pending)}.",
        action="/status/drain",
        button="Stop all sending",
        back="/status",
    )


async def drain(visit: Visit) -> Response:
    """Stop accepting and sending."""
    await visit.perform("drain", wait_s=0)
    return visit.done("/status", "Nothing is sent any more, until somebody ends this.")


async def ask_undrain(visit: Visit) -> Response:
    """Say how many people get a message if sending goes on."""
    visit.require("undrain")
    pending = (await visit.perform("status")).pending.recipients
    return visit.confirm(
        "Send again?",
        f"Broadcasts go on where they stopped. Still to be sent to: {people(pending)}.",
        action="/status/undrain",
        button=f"Send again, to {people(pending)}",
        back="/status",
        danger=False,
    )


async def undrain(visit: Visit) -> Response:
    """Accept and send again."""
    await visit.perform("undrain")
    return visit.done("/status", "Broadcasts go on.")


PAGES: tuple[Row, ...] = (
    ("GET", "/status", index),
    ("POST", "/status/check", check),
    ("POST", "/status/reload", reload),
    ("GET", "/status/drain", ask_drain),
    ("POST", "/status/drain", drain),
    ("GET", "/status/undrain", ask_undrain),
    ("POST", "/status/undrain", undrain),
)
