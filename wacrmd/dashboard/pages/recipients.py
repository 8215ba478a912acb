"""The people of a broadcast: a list, one of them with its history, and files to take away."""

from typing import get_args

from starlette.responses import Response

from wacrmd.dashboard.actions import stream
from wacrmd.dashboard.downloads import csv_file
from wacrmd.dashboard.forms import read_form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.domain.page import Page
from wacrmd.domain.recipient import NO_CODE, RecipientStatus
from wacrmd.errors import ERRORS, Refusal
from wacrmd.views.broadcasts import BroadcastDetails
from wacrmd.views.recipients import RecipientView, ShownStatus

ON_A_PAGE = 50
NO_REASON = "no reason given"
STATUSES = [each.value for each in get_args(ShownStatus)]


async def _broadcast(visit: Visit) -> BroadcastDetails:
    view: BroadcastDetails = await visit.perform("broadcast.show", id=visit.request.path_params["id"])
    return view


async def index(visit: Visit) -> Response:
    """The people, in pages."""
    broadcast = await _broadcast(visit)
    status, code = _chosen(visit)
    found = await visit.perform(
        "broadcast.recipients",
        id=broadcast.uuid,
        status=status,
        code=code,
        limit=ON_A_PAGE,
        cursor=visit.param("cursor"),
    )
    return _page(visit, broadcast, found, chosen=status, code=code)


def _chosen(visit: Visit) -> tuple[str | None, str | None]:
    """The status and the reason in the address; who has a reason has failed."""
    code = visit.param("code")
    return visit.param("status") if code is None else RecipientStatus.FAILED.value, code


async def search(visit: Visit) -> Response:
    """Lead to the person with a number. A form that is posted: numbers stay out of addresses, which are logged."""
    broadcast, to = await _broadcast(visit), (await read_form(visit.request)).get("to", "").strip()
    try:
        found = await visit.perform("broadcast.recipients", id=broadcast.uuid, to=to)
    except Refusal as refusal:
        page: Page[RecipientView] = await visit.perform(
            "broadcast.recipients", id=broadcast.uuid, limit=ON_A_PAGE
        )
        status = ERRORS[refusal.code].status
        return _page(visit, broadcast, page, to=to, error=refusal.message, status=status)
    return visit.redirect(f"/broadcasts/{broadcast.uuid}/recipients/{found.items[0].id}")


def _page(
    visit: Visit,
    broadcast: BroadcastDetails,
    found: Page[RecipientView],
    *,
    chosen: str | None = None,
    code: str | None = None,
    to: str = "",
    error: str | None = None,
    status: int = 200,
) -> Response:
    return visit.page(
        "recipients.html",
        status=status,
        broadcast=broadcast,
        recipients=found.items,
        pages=visit.pages(found),
        statuses=STATUSES,
        chosen=chosen,
        reasons=_reasons(broadcast),
        code=code,
        to=to,
        error=error,
    )


def _reasons(broadcast: BroadcastDetails) -> list[tuple[str, str]]:
    """Why people failed, each code once, with the words of most of them."""
    found: dict[int, str] = {}
    for each in broadcast.failures:
        code = each.code or NO_CODE
        words = (each.title or NO_REASON) if code != NO_CODE else "other reasons, without a code of Meta's"
        found.setdefault(code, f"{words} ({code})" if code != NO_CODE else words)
    return [(str(code), words) for code, words in found.items()]


async def one(visit: Visit) -> Response:
    """One person with the history of the message."""
    broadcast = await _broadcast(visit)
    found = await visit.perform(
        "broadcast.recipients", id=broadcast.uuid, rid=visit.request.path_params["recipient"]
    )
    return visit.page("recipient.html", broadcast=broadcast, recipient=found.items[0])


async def export(visit: Visit) -> Response:
    """All people, or those in one status, as a file."""
    broadcast, excel = await _broadcast(visit), visit.param("excel")
    status, code = _chosen(visit)
    pieces = stream(
        visit.ctx,
        visit.visitor,
        "broadcast.export",
        id=broadcast.uuid,
        status=status,
        code=code,
        excel=bool(excel) or None,
    )
    return await csv_file(f"broadcast-{broadcast.uuid}.csv", pieces)


PAGES: tuple[Row, ...] = (
    ("GET", "/broadcasts/{id}/recipients", index),
    ("POST", "/broadcasts/{id}/recipients", search),
    ("GET", "/broadcasts/{id}/recipients/{recipient}", one),
    ("GET", "/broadcasts/{id}/export", export),
)
