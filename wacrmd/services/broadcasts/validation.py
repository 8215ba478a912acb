"""Whether the content of a broadcast fits its template as last synced from Meta; pure.

What is found here Meta would refuse for each recipient: 132000 (number of parameters), 132012 (kind of header), 131008
(empty or missing value), 132018 (line breaks), 132005 (too long), 132001, 132015 and 132016 (no such template, paused,
disabled); see docs/meta.md, Template components and Errors.
"""

from collections.abc import Iterable, Iterator, Mapping

from wacrmd.clock import iso
from wacrmd.domain.media import MediaFacts
from wacrmd.domain.media_in_content import media_problems
from wacrmd.domain.template import SyncedTemplate, TemplateContent
from wacrmd.errors import MAX_PROBLEMS, Problem
from wacrmd.services.broadcasts.component_checks import missing_raw, raw_problems, raw_texts
from wacrmd.services.broadcasts.content_checks import (
    MAX_HEADER,
    MAX_URL,
    button_problems,
    header_problems,
    length_problems,
    params_problems,
    text_problems,
)
from wacrmd.services.broadcasts.template_requirements import (
    MAX_BODY,
    TemplateRequirements,
    requirements_of,
)

UNSENDABLE = {
    "PENDING": "is still being reviewed by Meta",
    "REJECTED": "was rejected by Meta",
    "IN_APPEAL": "was rejected by Meta and is being appealed",
    "PAUSED": "is paused by Meta because of its quality",
    "DISABLED": "is disabled by Meta",
    "ARCHIVED": "is archived",
    "DELETED": "was deleted",
    "LIMIT_EXCEEDED": "was refused by Meta: the account has too many templates",
}
"""Statuses with which Meta refuses every send; with any other status wacrmd sends, and Meta decides."""


def problems(
    synced: SyncedTemplate,
    name: str,
    language: str,
    defaults: TemplateContent,
    contents: Iterable[tuple[int, TemplateContent]],
) -> list[Problem]:
    """What does not fit: `contents` has the content of each recipient with its index in `recipients`.

    A problem of the defaults is reported once, not for each recipient that uses them.
    """
    template = synced.template
    if template is None:
        if synced.languages:
            there = ", ".join(synced.languages)
            return [
                Problem("template_language", f"template {name!r} has no {language}: it exists in {there}")
            ]
        return [
            Problem(
                "template_name",
                f"there is no template {name!r} as of the last sync at {iso(synced.synced_at)}: correct the name, or"
                " sync the templates if it is new",
            )
        ]
    if (why := UNSENDABLE.get(template.status.upper())) is not None:
        reason = f" ({template.reason})" if template.reason and template.reason != "NONE" else ""
        return [Problem("template_name", f"template {name!r} in {language} {why}{reason}")]
    return _content_problems(requirements_of(template), defaults, contents)


def file_problems(
    known: Mapping[str, MediaFacts],
    defaults: TemplateContent,
    contents: Iterable[tuple[int, TemplateContent]],
) -> list[Problem]:
    """What is wrong with the files that are named by id, whatever the template; `known` are those of the account."""
    found = media_problems(defaults, known)
    for place, content in contents:
        if content.header is not None or content.components is not None:
            found += media_problems(content, known, f"recipients[{place}].")
        if len(found) > MAX_PROBLEMS:
            break
    return found


def address_problems(synced: SyncedTemplate, addresses: Iterable[tuple[int, str]]) -> list[Problem]:
    """Recipients by user id, with their index, of an authentication template: Meta refuses them with 131062."""
    template = synced.template
    if template is None or (template.category or "").upper() != "AUTHENTICATION":
        return []
    message = "Meta sends authentication templates to phone numbers only: give the person's number"
    return [
        Problem(f"recipients[{place}].to", message)
        for place, address in addresses
        if not address.startswith("+")
    ]


def parameter_problems(
    defaults: TemplateContent, contents: Iterable[tuple[int, TemplateContent]]
) -> list[Problem]:
    """What no template takes as a value, for a template of which nothing is known."""
    found = _value_problems(defaults, "")
    for place, content in contents:
        found += _value_problems(content, f"recipients[{place}].")
        if len(found) > MAX_PROBLEMS:
            break
    return found


def _value_problems(content: TemplateContent, path: str) -> list[Problem]:
    found: list[Problem] = []
    for where, text, longest in _texts(content):
        if text:  # whether an empty one is wrong depends on the template
            at = f"{path}{where}"
            found += text_problems(text, at) or length_problems("{{1}}", [text], longest, at)
    return found


def _texts(content: TemplateContent) -> Iterator[tuple[str, str, int]]:
    """Each text of a content, with its place and how long it may be in any template."""
    params = content.params or ()
    if isinstance(params, dict):
        yield from ((f"params.{name}", text, MAX_BODY) for name, text in params.items())
    else:
        yield from ((f"params[{place}]", text, MAX_BODY) for place, text in enumerate(params))
    if content.header and "text" in content.header:
        yield "header.text", str(content.header["text"]), MAX_HEADER
    for place, button in enumerate(content.buttons or ()):
        if button["type"] == "url" and "text" in button:
            yield f"buttons[{place}].text", str(button["text"]), MAX_URL
    for text in raw_texts(content.components or ()):
        yield "components", text, MAX_URL


def _content_problems(
    required: TemplateRequirements, defaults: TemplateContent, contents: Iterable[tuple[int, TemplateContent]]
) -> list[Problem]:
    shared: list[Problem] = []
    own: list[Problem] = []
    shared_header = shared_buttons = shared_raw_only = shared_raw = False
    for place, given in contents:
        if len(own) > MAX_PROBLEMS:
            break
        path = f"recipients[{place}]."
        if given.components is not None:
            own += raw_problems(required, given.components, path)
            continue
        has_own = given.params is not None or given.header is not None or given.buttons is not None
        if defaults.components is not None and not has_own:
            if not shared_raw:
                shared_raw = True
                shared += raw_problems(required, defaults.components, "")
            continue
        own += params_problems(required, given.params, f"{path}params")
        if given.header is not None:
            own += header_problems(required, given.header, f"{path}header")
        elif not shared_header:
            shared_header = True
            shared += header_problems(required, defaults.header, "header")
        if given.buttons is not None:
            own += button_problems(required, given.buttons, f"{path}buttons")
        elif not shared_buttons:
            shared_buttons = True
            shared += button_problems(required, defaults.buttons or [], "buttons")
        if not shared_raw_only:
            shared_raw_only = True
            shared += [missing_raw(kind, "components") for kind in required.raw_only]
    return shared + own
