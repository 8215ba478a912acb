"""The files that the content of a message names by wacrmd's own ids; pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from wacrmd.domain.media import ID, MediaFacts, MediaKind, with_article
from wacrmd.domain.template import TemplateContent
from wacrmd.errors import Problem
from wacrmd.fields import JsonObject

MAX_DEPTH = 8
"""Component objects: a carousel has cards, they have components, and these have parameters."""
_INNER = ("cards", "components", "parameters")


class Named(NamedTuple):
    """A file that a content names: where, as which kind, by which id (in small letters)."""

    path: str
    kind: MediaKind
    uuid: str


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file as a message names it to Meta."""

    meta_id: str
    file_name: str


def named_in(content: TemplateContent) -> list[Named]:
    """The files of a content, with their places."""
    found = list(_in_media(content.header, "header")) if content.header else []
    if content.components is not None:
        found += _in_components(content.components, "components", MAX_DEPTH)
    return found


def ids_in(contents: Iterable[TemplateContent]) -> set[str]:
    """The ids of the files of all contents."""
    return {named.uuid for content in contents for named in named_in(content)}


def media_problems(
    content: TemplateContent, known: Mapping[str, MediaFacts], path: str = ""
) -> list[Problem]:
    """What is wrong with the files that a content names; `known` are those of the account, by id."""
    found: list[Problem] = []
    for named in named_in(content):
        at = f"{path}{named.path}.id"
        if (media := known.get(named.uuid)) is None:
            message = "there is no file with this id (any more): upload it, and use the id that this gives"
            found.append(Problem(at, message))
        elif media.kind is not named.kind:
            message = (
                f"this file is {with_article(media.kind)} ({media.mime_type}), not {with_article(named.kind)}"
            )
            found.append(Problem(at, message))
        elif media.refusal is not None:
            found.append(Problem(at, f"Meta does not take this file: {media.refusal}"))
    return found


def with_meta_ids(content: TemplateContent, files: Mapping[str, SentFile]) -> TemplateContent:
    """The content with Meta's ids; raises LookupError for a file that is not among these.

    A document without a `filename` gets the name of its file: else people see none.
    """
    if content.header is None and content.components is None:
        return content
    return TemplateContent(
        content.params,
        _replaced(content.header, files) if content.header else content.header,
        content.buttons,
        _replaced_in(content.components, files, MAX_DEPTH) if content.components else content.components,
    )


def _in_media(given: Mapping[str, Any], path: str) -> Iterator[Named]:
    for kind in MediaKind:
        value = given.get(kind)
        if isinstance(value, dict) and isinstance(uuid := value.get("id"), str) and ID.fullmatch(uuid):
            yield Named(f"{path}.{kind}", kind, uuid.lower())


def _in_components(given: object, path: str, depth: int) -> Iterator[Named]:
    if not isinstance(given, list) or not depth:
        return
    for place, part in enumerate(given):
        if isinstance(part, dict):
            at = f"{path}[{place}]"
            yield from _in_media(part, at)
            for name in _INNER:
                yield from _in_components(part.get(name), f"{at}.{name}", depth - 1)


def _replaced(given: JsonObject, files: Mapping[str, SentFile]) -> JsonObject:
    changed = dict(given)
    for named in _in_media(given, ""):
        file, value = files[named.uuid], {**given[named.kind]}
        value["id"] = file.meta_id
        if named.kind is MediaKind.DOCUMENT:
            value.setdefault("filename", file.file_name)
        changed[named.kind] = value
    return changed


def _replaced_in(given: Any, files: Mapping[str, SentFile], depth: int) -> Any:
    if not isinstance(given, list) or not depth:
        return given
    changed = []
    for part in given:
        if not isinstance(part, dict):
            changed.append(part)
            continue
        inner = {name: _replaced_in(part[name], files, depth - 1) for name in _INNER if name in part}
        changed.append(_replaced(part, files) | inner)
    return changed
