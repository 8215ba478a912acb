"""Meta's analytics of templates: what was sent, delivered, read and clicked, by days of UTC, from the ledger. Pure."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wacrmd.simulator.graph_errors import GraphError
from wacrmd.simulator.ledger import Entry
from wacrmd.simulator.marketing import MARKETING_MESSAGES
from wacrmd.simulator.options import Options
from wacrmd.simulator.templates import id_of, slice_of
from wacrmd.simulator.updates import random_numbers

DAY_S = 86_400
MAX_TEMPLATES, MAX_DAYS = 10, 90
PAGE_POINTS = 30
PRODUCTS = {"CLOUD_API": False, "MARKETING_MESSAGES_API_FOR_WHATSAPP": True}
SECOND_CLICK = 0.25
"""Share of the people who click that click twice."""


@dataclass(slots=True)
class _Point:
    """What became of a template on a day."""

    reached: Counter[str] = field(default_factory=Counter)
    people: int = 0
    clicks: int = 0


def analytics_of(
    options: Options, entries: Iterable[Entry], query: Mapping[str, str], now_s: int, url: str
) -> dict[str, Any] | GraphError:
    """A page of the answer, or Meta's refusal (docs/meta.md, Template analytics).

    A message counts on the day on which it was sent. `clicked_share` of those that were read are clicked, on the first link.
    """
    if not options.insights:
        return GraphError(100, "Template analytics are not confirmed for this account (simulated)")
    ids = _ids(query.get("template_ids", ""))
    start, end = (int(query[name]) if query.get(name, "").isdecimal() else None for name in ("start", "end"))
    if not ids or len(ids) > MAX_TEMPLATES:
        return GraphError(100, f"Param template_ids must be an array of 1 to {MAX_TEMPLATES} ids")
    if start is None or end is None or end < start or query.get("granularity", "").upper() != "DAILY":
        return GraphError(100, "Params start, end and granularity=DAILY are required")
    product = query.get("product_type", "CLOUD_API").upper()
    if product not in PRODUCTS:
        return GraphError(100, f"Param product_type must be one of {{{', '.join(PRODUCTS)}}}")
    first = max(start // DAY_S, now_s // DAY_S - MAX_DAYS)
    points: dict[tuple[str, int], _Point] = defaultdict(_Point)
    templates = {(each.get("name"), each.get("language")): each for each in options.templates}
    for entry in entries:
        template = templates.get((entry.send.template, entry.send.language))
        day = entry.at_ms // 1000 // DAY_S
        if template is None or id_of(template) not in ids or not first <= day <= end // DAY_S:
            continue
        if (entry.endpoint == MARKETING_MESSAGES) == PRODUCTS[product]:
            _count(points[id_of(template), day], entry, options)
    shown = [
        _shown(template_id, day, point, _link(templates.values(), template_id))
        for (template_id, day), point in sorted(points.items())
    ]
    page, paging = slice_of(shown, query, url, PAGE_POINTS)
    return {
        "data": [{"granularity": "DAILY", "product_type": product.lower(), "data_points": page}],
        **({"paging": paging} if paging else {}),
    }


def _count(point: _Point, entry: Entry, options: Options) -> None:
    point.reached["sent"] += "failed" not in entry.statuses
    point.reached["delivered"] += "delivered" in entry.statuses
    point.reached["read"] += "read" in entry.statuses
    clicked, again = random_numbers(options.seed, f"{entry.send.input}/{entry.send.template}/click")[:2]
    if "read" in entry.statuses and clicked < options.clicked_share:
        point.people += 1
        point.clicks += 1 + (again < SECOND_CLICK)


def _shown(template_id: str, day: int, point: _Point, link: str | None) -> dict[str, Any]:
    shown = {
        "template_id": template_id,
        "start": day * DAY_S,
        "end": (day + 1) * DAY_S,
        **point.reached,
    }
    if link is None:
        return shown
    counts = {"url_button": point.clicks, "unique_url_button": point.people}
    return shown | {
        "clicked": [{"type": kind, "button_content": link, "count": count} for kind, count in counts.items()]
    }


def _link(templates: Iterable[Mapping[str, Any]], template_id: str) -> str | None:
    """The text of the first link of a template; only those of these categories are counted."""
    for template in templates:
        if id_of(template) == template_id and template.get("category", "MARKETING") in (
            "MARKETING",
            "UTILITY",
        ):
            for part in template.get("components", ()):
                for button in part.get("buttons", ()):
                    if button.get("type") == "URL":
                        return str(button.get("text"))
    return None


def _ids(text: str) -> list[str]:
    """The ids of an array such as `[1,2]` or `["1","2"]`."""
    try:
        found = json.loads(text)
    except ValueError:
        return []
    return [str(each) for each in found] if isinstance(found, list) else []
