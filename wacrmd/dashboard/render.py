"""Pages from templates, and the files that they load; every text is escaped."""

import hashlib
import mimetypes
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from wacrmd.clock import SECOND, Millis, iso, parse_iso
from wacrmd.dashboard import plan_words, words_of_meta
from wacrmd.domain.country_names import name_of
from wacrmd.domain.plain_words import plainly
from wacrmd.errors import sized
from wacrmd.services.failures import meaning_of
from wacrmd.views.numbers import AccountNumber

PACKAGE = "wacrmd.dashboard"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file that pages load: its content does not change while its address does not."""

    content: bytes
    media_type: str
    url: str


@cache
def static_files() -> dict[str, StaticFile]:
    """The files by their names."""
    found = {}
    for each in sorted(resources.files(PACKAGE).joinpath("static").iterdir(), key=lambda path: path.name):
        content = each.read_bytes()
        digest = hashlib.sha256(content).hexdigest()[:16]
        kind = mimetypes.guess_type(each.name)[0] or "application/octet-stream"
        text = "; charset=utf-8" if kind.startswith("text/") else ""
        found[each.name] = StaticFile(content, kind + text, f"/static/{digest}/{each.name}")
    return found


async def static(request: Request) -> Response:
    """Answer with one of the files."""
    file = static_files().get(request.path_params["name"])
    if file is None or file.url != request.url.path:
        return Response(status_code=404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(file.content, media_type=file.media_type, headers=headers)


def page(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page, from its template and what it shows."""
    return HTMLResponse(_environment().get_template(template).render(**values), status_code=status)


def parts(template: str) -> Any:
    """The macros of a template by name: each makes a part of a page, which is put into it while somebody looks."""
    return _environment().get_template(template).module


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader(PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "counted": counted,
        "country": name_of,
        "number": number,
        "one_of": one_of,
        "people": people,
        "day": day,
        "disk_size": sized,  # as the checks write it on the same page
        "folding": folding,
        "isolated": isolated,
        "lasting": lasting,
        "mood": mood,
        "pairs": pairs,
        "percent": percent,
        "plainly": plainly,
        "reason": reason,
        "said": said,
        "size": size,
        "stage": stage,
        "moment": moment,
        "words": words,
        **plan_words.FILTERS,
        **words_of_meta.FILTERS,
    }
    made.globals["static"] = lambda name: static_files()[name].url
    return made


def number(value: float) -> str:
    """A number with narrow spaces between its thousands."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def short_name(sender: AccountNumber) -> str:
    """What a number is called where there is little room, and whether it was removed."""
    name = sender.label or sender.display_phone or sender.phone_number_id
    return name if sender.removed_at is None else f"{name} (removed)"


def counted(count: int, noun: str, nouns: str | None = None) -> str:
    """So many of them, in words: `1 row`, `2 rows`; `nouns` are those that do not end in s."""
    return f"{number(count)} {noun if count == 1 else nouns or noun + 's'}"


def people(count: int) -> str:
    """So many people, in words."""
    return counted(count, "person", "people")


def one_of(noun: str) -> str:
    """One of its kind, in words: `an image`."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


LONG_WORD = 16
_CHARACTER = r"(?>.(?:[\u0300-\u036f\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]|\u200d.)*+)"
"""With its accents, or an emoji with its parts."""
_LONG_WORD = re.compile(rf"\S{{{LONG_WORD + 1},}}")
_PIECE = re.compile(
    rf"{_CHARACTER}{{1,{LONG_WORD - 1}}}[-_./@]|{_CHARACTER}{{1,{LONG_WORD}}}",
)


_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that turn what follows them around, also beyond the text in which they stand."""
_OVERRIDES = re.compile("[\u202a-\u202e]")
"""Those of them that `isolated` does not write."""


def isolated(text: object) -> str:
    """A text that somebody wrote, for a sentence, a title or an attribute: its direction stays its own."""
    written = str(text)
    return written if written.isascii() else f"\u2068{_DIRECTIONS.sub('', written)}\u2069"


_AS_IT_IS = Markup("<bdi>{}</bdi>")
_ENGLISH = Markup('<bdi dir="ltr">{}</bdi>')


def folding(text: object) -> Markup:
    """A text that somebody wrote, for an element of a page: a long word may fold, and its direction stays its own.

    With `overflow-wrap` alone, one long word would let the short words of all other columns break too, or push those
    columns out of the window.
    """
    return _folded(_DIRECTIONS.sub("", str(text)), _AS_IT_IS)


def _folded(written: str, directed: Markup) -> Markup:
    found, end = [], 0
    for word in _LONG_WORD.finditer(written):
        found.append(escape(written[end : word.start()]))
        found.append(Markup("<wbr>").join(_PIECE.findall(word.group())))
        end = word.end()
    folded = Markup().join([*found, escape(written[end:])])
    return folded if written.isascii() else directed.format(folded)


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", re.ASCII)
"""What `iso` writes."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def moment(at: Millis, *, seconds: bool = False) -> Markup:
    """A time as an element: `30 Nov 2026, 19:53 UTC`. A script shows it in the zone of whoever looks."""
    exact = datetime.fromtimestamp(at // SECOND, UTC)
    clock = f"{exact:%H:%M:%S}" if seconds else f"{exact:%H:%M}"
    shown = f"{exact.day} {_MONTHS[exact.month - 1]} {exact.year}, {clock} UTC"
    return Markup('<time datetime="{}">{}</time>').format(iso(at), shown)


def day(at: Millis) -> str:
    """The day of a time in UTC: `2026-11-30`."""
    return iso(at)[:10]


_MOODS = {
    "good": ("sending", "delivered", "read", "replied"),
    "warn": ("paused", "uncertain"),
    "bad": ("failed",),
}


def mood(status: StrEnum) -> str:
    """A class of the stylesheet for the status of a broadcast or of a recipient."""
    return next((name for name, words in _MOODS.items() if status.value in words), "dim")


def reason(code: int) -> str:
    """One of Meta's codes with what it means."""
    meaning = meaning_of(code)
    return str(code) if meaning is None else f"{code} ({meaning})"


def lasting(seconds: float) -> str:
    """About how long something lasts, in words: a second at least."""
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{round(seconds / unit)}\N{NARROW NO-BREAK SPACE}{name}"
    return f"{max(1, round(seconds))}\N{NARROW NO-BREAK SPACE}s"


def size(count: int) -> str:
    """The size of a file, as people know it."""
    for unit, name in ((1_000_000, "MB"), (1_000, "kB")):
        if count >= unit:
            return f"{count / unit:.1f}\N{NARROW NO-BREAK SPACE}{name}"
    return f"{count} bytes"


def percent(part_of: int, whole: int) -> str:
    """A share in percent, rounded down: 100 % means all."""
    return f"{100 * part_of // whole if whole else 0}\N{NARROW NO-BREAK SPACE}%"


def words(name: object) -> str:
    """A name of the program as words: `number_paused` is `number paused`."""
    return str(getattr(name, "value", name)).replace("_", " ")


def said(text: str | None) -> Markup:
    """A sentence of the daemon, with its times as elements, which pages show in the zone of whoever looks.

    It runs from left to right, also where it begins with a word of somebody that does not; a long word may fold.
    """
    written, end = _OVERRIDES.sub("", text or ""), 0
    found: list[Markup] = []
    for time in _TIME.finditer(written):
        try:
            shown = moment(parse_iso(time[0]))
        except ValueError:  # it only looks like a time
            continue
        found += (_folded(written[end : time.start()], _ENGLISH), shown)
        end = time.end()
    return Markup().join([*found, _folded(written[end:], _ENGLISH)])


_STAGES = {"pending": "waiting"}


def stage(status: object) -> str:
    """The status of a recipient in words."""
    return _STAGES.get(str(status), words(status))


def pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """Options of a choice whose values are what is read."""
    return [(name, name) for name in names]
