"""What Meta's analytics of templates say about clicks, as types; pure.

The shape is in docs/meta.md, Template analytics. A value of another type counts as absent.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from wacrmd.clock import DAY
from wacrmd.domain.template_clicks import Clicks, LinkClicks
from wacrmd.fields import JsonObject
from wacrmd.meta.untrusted import as_id, as_objects, as_text, as_time, as_word

ENABLED_FIELD = "is_enabled_for_insights"
"""The field of a business account that says whether it has analytics of templates."""

MAX_TEMPLATES = 10
"""Templates that one request may ask for."""

MAX_BUTTONS = 30
"""Different texts of buttons of a template on a day: a template has up to 10 buttons, a carousel 20."""
MAX_TEXT = 100
"""Characters kept of the text of a button; Meta allows 25."""
MAX_COUNT = 10**12

PEOPLE, CLICKS = "unique_url_button", "url_button"
"""The types of counts that are read. Those of quick replies are counted from the replies, which say who tapped."""


def clicks_of(items: Iterable[JsonObject], template_ids: Collection[str], days: range) -> list[LinkClicks]:
    """The clicks on links of these templates on these days; each template, day and text once.

    A carousel may have a text on several cards: counts of the same type are added up, those of different types never. If a
    day comes twice, as it may on two pages, the greater counts hold.
    """
    found: dict[tuple[str, int, str], Clicks] = {}
    texts = defaultdict[tuple[str, int], set[str]](set)
    for point in (point for item in items for point in as_objects(item.get("data_points"))):
        template_id, day = as_id(point.get("template_id")), as_time(point.get("start"), -DAY) // DAY
        if template_id is None or template_id not in template_ids or day not in days:
            continue
        for button, counts in _buttons(point).items():
            known = texts[template_id, day]
            if button in known or len(known) < MAX_BUTTONS:
                known.add(button)
                key = (template_id, day, button)
                found[key] = _greater(found.get(key, counts), counts)
    return [LinkClicks(*key, counts) for key, counts in found.items()]


def _buttons(point: JsonObject) -> dict[str, Clicks]:
    sums: dict[str, dict[str, int]] = defaultdict(dict)
    for each in as_objects(point.get("clicked")):
        kind, count = as_word(each.get("type")), _count(each.get("count"))
        if kind in (PEOPLE, CLICKS) and count is not None:
            text = " ".join((as_text(each.get("button_content")) or "").split())[:MAX_TEXT]
            sums[text][kind] = min(sums[text].get(kind, 0) + count, MAX_COUNT)
    return {text: Clicks(each.get(PEOPLE), each.get(CLICKS)) for text, each in sums.items()}


def _count(value: Any) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value <= MAX_COUNT else None


def _greater(one: Clicks, other: Clicks) -> Clicks:
    return Clicks(_most(one.people, other.people), _most(one.clicks, other.clicks))


def _most(one: int | None, other: int | None) -> int | None:
    return max((each for each in (one, other) if each is not None), default=None)
