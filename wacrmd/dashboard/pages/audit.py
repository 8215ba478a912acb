"""The audit log: who changed what, when, and in which way."""

import json
from typing import Any

from starlette.responses import Response

from wacrmd.dashboard.actions import BY_NAME
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.domain.actor import Via
from wacrmd.fields import JsonObject
from wacrmd.services.access.login import LOGIN, LOGOUT, PASSWORD

PER_PAGE = 50
PERIODS = (
    ("1h", "the last hour"),
    ("1d", "the last day"),
    ("7d", "the last 7 days"),
    ("30d", "the last 30 days"),
)
METHODS = sorted(
    [
        LOGIN,
        LOGOUT,
        PASSWORD,
        *(name for name, each in BY_NAME.items() if each.admin is not None and each.admin.audited),
    ]
)


async def index(visit: Visit) -> Response:
    """The newest changes, in pages."""
    chosen = {name: visit.param(name) for name in ("user", "method", "via", "since")}
    before = visit.param("before")
    found = await visit.perform("audit", **chosen, before=before, limit=PER_PAGE + 1)
    shown = found[::-1][:PER_PAGE]
    older = visit.address(before=str(shown[-1].id)) if len(found) > PER_PAGE else None
    return visit.page(
        "audit.html",
        entries=[(each, _params(each.params)) for each in shown],
        chosen=chosen,
        methods=[(name, f"{name.replace('.', ': ')}") for name in METHODS],
        ways=[(Via.COMMAND, "by a command"), (Via.DASHBOARD, "here")],
        periods=PERIODS,
        pages={"Newest": visit.address(before=None) if before else None, "Older": older},
    )


def _params(params: JsonObject) -> list[tuple[str, str]]:
    """The parameters as a person reads them."""
    return [(name.replace("_", " "), _text(value)) for name, value in params.items() if value is not False]


def _text(value: Any) -> str:
    if value is None or value in ("", []):  # it was set to nothing, which says something
        return "(empty)"
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return (
        value if isinstance(value, str) else "yes" if value is True else json.dumps(value, ensure_ascii=False)
    )


PAGES: tuple[Row, ...] = (("GET", "/audit", index),)
