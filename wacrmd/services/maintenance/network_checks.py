"""The doctor's checks over the network: Meta's API, this machine's clock, the public URL of the webhooks."""

import secrets
from functools import partial
from urllib.parse import urlsplit, urlunsplit

from wacrmd.clock import SECOND, Millis
from wacrmd.meta.probe import ProbeAnswer, UnreachableError, probe
from wacrmd.services.context import Context
from wacrmd.views.checks import Check, CheckState

TIMEOUT_S = 10.0
"""How long one request may take."""

CLOCK_WARN: Millis = 30 * SECOND
"""How far a trusted clock may be off: the times of schedules and of Meta's webhooks are compared with it."""

CLOCK_ADVICE = "Switch on time synchronisation: timedatectl set-ntp true"


async def meta_api(ctx: Context) -> list[Check]:
    """Whether Meta's API answers, and how far this machine's clock is off."""
    url = f"{ctx.config.meta.graph_url}/{ctx.config.meta.api_version}/"
    try:
        answer = await probe("GET", url, timeout_s=TIMEOUT_S, doubted=ctx.clock.doubted)
    except UnreachableError as error:
        advice = "Check the network, DNS and firewall of this machine, and [meta] graph_url."
        return [
            Check("reachable", CheckState.FAIL, f"{url} does not answer: {error}", advice),
            *_clock(ctx, None),
        ]
    return [Check("reachable", CheckState.OK, f"{url} answers"), *_clock(ctx, answer.date)]


def _clock(ctx: Context, meta: Millis | None) -> list[Check]:
    """The finding about this machine's clock, if Meta has told its time or the clock is not trusted."""
    if meta is not None:
        ctx.clock.heard(meta)
    if (hold := ctx.clock.hold) is not None:
        return [Check("clock", CheckState.FAIL, hold.detail, CLOCK_ADVICE)]
    return [] if meta is None else [_deviation(ctx.clock.machine - meta)]


def _deviation(ahead: Millis) -> Check:
    """The finding about a clock that is trusted and `ahead` of Meta's. Pure."""
    if abs(ahead) < CLOCK_WARN:
        return Check("clock", CheckState.OK, "agrees with Meta's clock")
    direction = "ahead of" if ahead > 0 else "behind"
    detail = f"{abs(ahead) // SECOND} s {direction} Meta's clock"
    return Check("clock", CheckState.WARN, detail, CLOCK_ADVICE)


async def public_url(ctx: Context) -> list[Check]:
    """Whether the reverse proxy passes requests to the webhook listener, and to nothing else."""
    configured = ctx.config.webhooks.public_url
    if not configured:
        detail = "not checked: [webhooks] public_url is not set"
        return [Check("public URL", CheckState.OK, detail)]
    parts = urlsplit(configured)
    url = configured if parts.path.strip("/") else configured.rstrip("/") + ctx.config.webhooks.path
    query = {
        "hub.mode": "subscribe",
        "hub.verify_token": secrets.token_urlsafe(16),
        "hub.challenge": "1",
    }
    try:
        ask = partial(probe, timeout_s=TIMEOUT_S, doubted=ctx.clock.doubted)
        verification = await ask("GET", url, params=query)
        event = await ask("POST", url, content=b"{}")
        api_url = urlunsplit((parts.scheme, parts.netloc, "/api/v1/me", "", ""))
        api = await ask("GET", api_url)
    except UnreachableError as error:
        advice = "Check the host name, the certificate and the reverse proxy."
        return [Check("public URL", CheckState.FAIL, f"{url} does not answer: {error}", advice)]
    return [_verification(url, verification), _event(url, event), _exposure(api)]


# The three below recognise the answers of this daemon: see meta_webhooks/app.py and services/access/keys.py.


def _verification(url: str, answer: ProbeAnswer) -> Check:
    if answer.status == 403 and "verify token" in answer.text:  # noqa: PLR2004 - HTTP status
        return Check("verification", CheckState.OK, f"GET {url} reaches the daemon")
    detail = f"GET {url} is answered {answer.status}, and not by this daemon"
    advice = "Configure the reverse proxy to pass GET with its query to [webhooks] bind, at [webhooks] path."
    return Check("verification", CheckState.FAIL, detail, advice)


def _event(url: str, answer: ProbeAnswer) -> Check:
    if answer.status == 401 and "X-Hub-Signature-256" in answer.text:  # noqa: PLR2004 - HTTP status
        return Check("events", CheckState.OK, f"POST {url} reaches the daemon, unsigned events are refused")
    detail = f"POST {url} is answered {answer.status}, and not by this daemon"
    advice = "Configure the reverse proxy to pass POST with its body and all headers to [webhooks] bind."
    return Check("events", CheckState.FAIL, detail, advice)


def _exposure(answer: ProbeAnswer) -> Check:
    if answer.status == 401 and '"unauthorized"' in answer.text:  # noqa: PLR2004 - HTTP status
        advice = "Configure the reverse proxy to pass only [webhooks] path, and to [webhooks] bind."
        return Check("exposure", CheckState.FAIL, "the API for local apps is reachable from outside", advice)
    return Check("exposure", CheckState.OK, "the API for local apps is not reachable from outside")
