"""The list of broadcasts: filtered, by pages, and moving by itself."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from markupsafe import Markup
from starlette.responses import Response

from wacrmd.clock import iso, millis
from wacrmd.dashboard.buttons import buttons, draft_buttons, verbs_of
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.live_parts import POLL_S, Parts, version_of
from wacrmd.dashboard.pages.accounts import account_names
from wacrmd.dashboard.render import parts, short_name
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.page import Page
from wacrmd.domain.time_zones import zone_named
from wacrmd.errors import ERRORS, Refusal, bad_request
from wacrmd.views.broadcasts import BroadcastView
from wacrmd.views.drafts import DraftSummary

ON_A_PAGE = 25


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody wants to see, as it stands in the address."""

    status: str | None
    account: str | None
    text: str | None
    first: str | None
    last: str | None
    zone: str | None

    def params(self) -> dict[str, str | None]:
        """The parameters of `broadcast.list`. Raises Refusal for a date that is none."""
        zone = _zone(self.zone)
        return {
            "status": self.status,
            "account": self.account,
            "text": self.text,
            "since": _midnight("From", self.first, zone),
            "until": _midnight("To", self.last, zone, days=1),
        }


def _midnight(name: str, day: str | None, zone: tzinfo, days: int = 0) -> str | None:
    """When a day begins, or the one so many days later, in a time zone."""
    if day is None:
        return None
    try:
        begins = datetime.combine(date.fromisoformat(day) + timedelta(days), time(), zone)
        return iso(max(0, millis(begins)))
    except (ValueError, OverflowError) as error:
        raise bad_request(f"{name}: this is no date, write it as 2026-12-01") from error


def _zone(name: str | None) -> tzinfo:
    """The time zone in which the browser is; UTC if it does not say so, as without JavaScript."""
    try:
        return zone_named(name) if name else UTC
    except ValueError:
        return UTC


class ListSource:
    """A page of the list as the visitor sees it."""

    broadcast_id = None
    poll_s = POLL_S

    def __init__(self, visit: Visit, given: Given, address: str) -> None:
        visitor = visit.visitor
        self.key: Hashable = ("broadcasts", visitor.role, visitor.session.account_ids, address)
        self.page: Page[BroadcastView] = Page([])
        self._visit = visit
        self._given = given
        self._address = address
        self._may = verbs_of(visit.may)
        self._numbers: Mapping[str, tuple[str, str]] = {}
        """The name and the account of each number."""
        self._accounts: list[str] = []
        self._views: dict[str, tuple[BroadcastView, DraftSummary | None]] = {}
        self._cells: dict[str, dict[str, Markup]] = {}

    async def read(self) -> Parts:
        """The cells that change, of all rows."""
        self.page = await self._visit.perform(
            "broadcast.list", limit=ON_A_PAGE, cursor=self._visit.param("cursor"), **self._given.params()
        )
        self._accounts = self._accounts or await account_names(self._visit)
        drafts = await self._drafts()
        views = {each.uuid: (each, drafts.get(each.uuid)) for each in self.page.items}
        self._cells = {
            uuid: self._cells[uuid] if self._views.get(uuid) == view else self._cells_of(*view)
            for uuid, view in views.items()
        }
        self._views = views
        numbers = {each.number_id for each in self.page.items}
        if not numbers <= self._numbers.keys():
            found = await self._visit.perform("number.list", removed=True)
            self._numbers = {each.id: (short_name(each), each.account) for each in found}
        return {name: cell for cells in self._cells.values() for name, cell in cells.items()}

    async def _drafts(self) -> Mapping[str, DraftSummary]:
        """The drafts of the page: how far they are, and how many people their checks found."""
        ids = [each.uuid for each in self.page.items if each.status is BroadcastStatus.DRAFT]
        found = await self._visit.perform("draft.list", ids=ids, limit=ON_A_PAGE) if ids else Page([])
        return {each.uuid: each for each in found.items}

    def whole(self, _parts: Parts) -> Iterable[Markup]:
        """The table."""
        rows = [
            {
                "view": view,
                "number": self._numbers[view.number_id][0],
                "account": self._numbers[view.number_id][1] if len(self._accounts) > 1 else "",
                "cells": list(cells.values())[:-1],
                "actions": list(cells.values())[-1],
            }
            for (view, _), cells in zip(self._views.values(), self._cells.values(), strict=True)
        ]
        return [parts("live/row.html").table(rows)]

    def _cells_of(self, view: BroadcastView, draft: DraftSummary | None) -> dict[str, Markup]:
        make, uuid = parts("live/row.html"), view.uuid
        if view.status is BroadcastStatus.DRAFT:
            return {
                f"n-{uuid}": make.draft_people(view, draft),
                f"d-{uuid}": make.nothing("d", view),
                f"r-{uuid}": make.nothing("r", view),
                f"s-{uuid}": make.draft_status(view, draft),
                f"a-{uuid}": make.draft_actions(view, draft_buttons(draft, self._visit.may)),
            }
        return {
            f"n-{uuid}": make.people(view),
            f"d-{uuid}": make.delivered(view),
            f"r-{uuid}": make.read(view),
            f"s-{uuid}": make.status(view),
            f"a-{uuid}": make.actions(view, buttons(view, self._may), self._address),
        }


def _given(visit: Visit) -> Given:
    names = ("status", "account", "text", "from", "to", "zone")
    return Given(*(visit.param(name) for name in names))


async def index(visit: Visit) -> Response:
    """The newest broadcasts of those that are wanted."""
    given = _given(visit)
    address = visit.address()
    source = ListSource(visit, given, address)
    found: Parts = {}
    error, status = None, 200
    try:
        given.params()
    except Refusal as refusal:
        error, status = refusal.message, ERRORS[refusal.code].status
    else:
        found = await source.read()
    stream = visit.address(seen=version_of(found)).replace("/broadcasts", "/broadcasts/live", 1)
    return visit.page(
        "broadcasts.html",
        status=status,
        table=next(iter(source.whole(found))),
        empty=not found,
        pages=visit.pages(source.page),
        given=given,
        filtered=any((given.status, given.account, given.text, given.first, given.last)),
        statuses=list(BroadcastStatus),
        accounts=await account_names(visit),
        error=error,
        stream=None if error else stream,
        here_address=address,
    )


async def live(visit: Visit) -> Response:
    """What changes in the list."""
    address = visit.address(seen=None).replace("/broadcasts/live", "/broadcasts", 1)
    return visit.events(address, ListSource(visit, _given(visit), address))


PAGES: tuple[Row, ...] = (("GET", "/broadcasts", index), ("GET", "/broadcasts/live", live))
