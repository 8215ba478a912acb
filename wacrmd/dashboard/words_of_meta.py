"""Meta's words in plain English, for people who are no programmers; a word that is not known stays as it is. Pure."""

import math
from collections.abc import Callable, Mapping

from wacrmd.domain.messaging_limit import limit_people

TEMPLATE_STATUSES: Mapping[str, tuple[str, str]] = {
    "APPROVED": ("approved", ""),
    "PENDING": ("waits for Meta", "Meta looks at it: mostly within a day."),
    "REJECTED": ("rejected", "Change it in WhatsApp Manager and submit it again, or appeal there."),
    "PAUSED": (
        "paused by Meta",
        "People blocked or reported it too often. Meta lets it send again after some hours.",
    ),
    "DISABLED": ("disabled by Meta", "People blocked or reported it again and again. Use another template."),
    "IN_APPEAL": ("in appeal", "Meta looks at the appeal."),
    "PENDING_DELETION": ("being deleted", "It cannot be sent any more."),
    "DELETED": ("deleted", "It cannot be sent any more."),
    "ARCHIVED": ("archived", "Take it out of the archive in WhatsApp Manager to send it."),
    "LIMIT_EXCEEDED": ("over the limit", "The business account has too many templates: delete some."),
}
"""The status of a template in words, and what it means for whoever wants to send it."""

_QUALITIES = {
    "GREEN": "high",
    "YELLOW": "medium",
    "RED": "low",
    "UNKNOWN": "not rated yet",
    "NA": "not rated yet",
}
_COLOURS = {"GREEN": "good", "YELLOW": "warn", "RED": "bad"}


def template_status(status: str) -> str:
    """The status of a template."""
    return TEMPLATE_STATUSES.get(status, (_lower(status), ""))[0]


def template_advice(status: str) -> str:
    """What the status of a template means; empty if nothing is to be said."""
    return TEMPLATE_STATUSES.get(status, ("", ""))[1]


def template_colour(status: str) -> str:
    """Whether the status of a template lets it be sent: a class of the stylesheet."""
    if status == "APPROVED":
        return "good"
    return "warn" if status in ("PENDING", "PAUSED", "IN_APPEAL") else "bad"


def quality(rating: str | None) -> str:
    """A quality rating."""
    return "not rated yet" if rating is None else _QUALITIES.get(rating.upper(), _lower(rating))


def quality_colour(rating: str | None) -> str:
    """A class of the stylesheet for a quality rating."""
    return _COLOURS.get((rating or "").upper(), "dim")


def limit(tier: str | None) -> str:
    """A messaging limit."""
    people = limit_people(tier)
    if people is None:
        return "not known" if tier is None else _lower(tier)
    return (
        "no limit"
        if people == math.inf
        else f"{people:,.0f} people in 24 hours".replace(",", "\N{NARROW NO-BREAK SPACE}")
    )


def health_problems(health: object) -> list[str]:
    """What Meta's `health_status` of a number says against sending, a sentence each."""
    entities = health.get("entities") if isinstance(health, Mapping) else None
    found = []
    for entity in entities if isinstance(entities, list) else ():
        errors = entity.get("errors") if isinstance(entity, Mapping) else None
        for error in errors if isinstance(errors, list) else ():
            if isinstance(error, Mapping):
                said = (error.get("error_description"), error.get("possible_solution"))
                text = " ".join(each for each in said if isinstance(each, str))
                found.append(f"{entity.get('entity_type', 'Meta')}: {text or error.get('error_code')}")
    return found


def _lower(word: str) -> str:
    return word.replace("_", " ").lower()


FILTERS: Mapping[str, Callable[..., object]] = {
    "template_status": template_status,
    "template_advice": template_advice,
    "template_colour": template_colour,
    "quality": quality,
    "quality_colour": quality_colour,
    "limit": limit,
    "health_problems": health_problems,
}
"""For the templates of the pages."""
