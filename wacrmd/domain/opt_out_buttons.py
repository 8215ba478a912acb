"""Buttons as opt-outs: what a payload says, and quick replies that look like an opt-out but are none of the words. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wacrmd.domain.keywords import matching_keyword, normalized, words_of
from wacrmd.domain.template import Template, TemplateContent
from wacrmd.domain.template_parts import objects, parts, upper
from wacrmd.fields import JsonObject

ADVICE = "Add its text to [optout] stop_keywords, or send it with the payload STOP."

_COMMANDS = frozenset(("cancel", "end", "quit", "revoke", "alto", "parar", "detener", "salir", "sair"))
"""Keywords that an app may also choose as the name of something else that a button does."""

_MAX_INDEX = 10
"""Digits of a button's index: Python refuses to read very long numbers."""

Place = tuple[int | None, int]
"""Where a button is: its carousel card, None outside of one, and its index there."""


def _starts(*phrases: str) -> tuple[str, ...]:
    """The phrases in the form in which `_looks_like_opt_out` compares the beginnings of words."""
    return tuple(f" {' '.join(words_of(phrase))}" for phrase in phrases)


_OPT_OUTS = _starts(
    *("stop", "unsub", "opt out", "optout", "opt me out", "remove me", "leave me alone", "do not disturb"),
    *("don't send", "do not send", "don't message", "do not message", "don't contact", "do not contact"),
    *("desuscri", "desinscri", "desabon", "detener", "descadastr"),
    *("abmeld", "abbestell", "austrag", "arret", "disiscri", "cancellami", "interrompi"),
    *("afmeld", "uitschrijv", "berhenti", "hentikan", "abonelikten", "listeden", "durdur"),
    *("отпис", "відпис", "стоп", "rezygn", "wypis", "jiondoe"),
)
_WHOLE_WORDS = frozenset(("baja", "parar", "salir", "sair", "iptal", "ret"))
"""Words of which the beginning is not enough: "bajan los precios"."""

_REFUSALS = _starts(
    *("no more", "no longer", "cancel", "remove", "quit", "turn off", "mute", "block", "less", "enough"),
    *(
        "don't want",
        "do not want",
        "no quiero",
        "no más",
        "não quero",
        "chega",
        "keine",
        "non voglio",
        "basta",
    ),
    *("annul", "ne plus", "batal", "jangan", "geen", "не хочу", "не надо", "nie chcę", "istemiyorum"),
)
_SENT = _starts(
    *("messag", "mensaje", "mensag", "nachricht", "bericht", "pesan", "mesaj", "wiadomo", "сообщ", "рассыл"),
    *("promo", "offer", "ofert", "angebot", "offre", "aanbied", "реклам", "news", "updates", "marketing"),
    *(
        "advert",
        "ads",
        "werbung",
        "publi",
        "reklam",
        "subscri",
        "suscri",
        "inscri",
        "abon",
        "abbon",
        "langganan",
    ),
)
_ANYWHERE = tuple(
    map(
        normalized,
        (
            *("إيقاف", "أوقف", "توقف", "إلغاء الاشتراك", "لغو", "بند کر", "הסר", "הסיר"),
            *("बंद कर", "बन्द कर", "रोक", "বন্ধ", "退订", "退訂", "取消订阅", "取消訂閱", "停止"),
        ),
    )
)
"""Parts of words in scripts that write without gaps or put letters before a word."""


@dataclass(frozen=True, slots=True)
class QuickReply:
    """A quick reply of a template."""

    place: Place
    text: str

    def warning(self) -> str:
        """What is wrong with it if a tap on it is no opt-out."""
        return (
            f'the quick reply "{self.text}" looks like an opt-out, but a tap on it opts nobody out. {ADVICE}'
        )


def payload_keyword(payload: str | None, text: str | None, keywords: Sequence[str]) -> str | None:
    """The keyword that a tapped button's payload says, whole or up to its first colon, after which apps may add data.

    A word that is also the name of another command says nothing below a text that does not look like an opt-out: a tap on
    "Cancel the appointment" with the payload `CANCEL:17` is about the appointment.
    """
    if not payload:
        return None
    found = matching_keyword((payload, payload.partition(":")[0]), keywords)
    is_command = found is not None and normalized(found) in _COMMANDS
    return None if is_command and text and not _looks_like_opt_out(text) else found


def missed_opt_outs(template: Template, keywords: Sequence[str]) -> list[QuickReply]:
    """The quick replies of a marketing template that look like an opt-out and are none of the keywords."""
    if (template.category or "").upper() != "MARKETING":
        return []
    return [
        reply
        for reply in _quick_replies(template.components)
        if _looks_like_opt_out(reply.text) and matching_keyword([reply.text], keywords) is None
    ]


def template_warnings(template: Template, keywords: Sequence[str]) -> list[str]:
    """One sentence for each text of `missed_opt_outs`."""
    return list(dict.fromkeys(reply.warning() for reply in missed_opt_outs(template, keywords)))


def broadcast_warnings(
    template: Template, keywords: Sequence[str], contents: Iterable[TemplateContent]
) -> list[str]:
    """The warnings that hold for a broadcast: not those for buttons that get a keyword as payload for each recipient."""
    missed = missed_opt_outs(template, keywords)
    if not missed:
        return []
    given = [_payloads(content) for content in contents]

    def opts_out(reply: QuickReply) -> bool:
        payloads = (each.get(reply.place) for each in given)
        return bool(given) and all(payload_keyword(each, reply.text, keywords) for each in payloads)

    return list(dict.fromkeys(reply.warning() for reply in missed if not opts_out(reply)))


def _looks_like_opt_out(text: str) -> bool:
    each = words_of(text)
    words = f" {' '.join(each)}"
    if not _WHOLE_WORDS.isdisjoint(each) or any(start in words for start in _OPT_OUTS):
        return True
    if any(start in words for start in _REFUSALS) and any(start in words for start in _SENT):
        return True
    whole = normalized(text)
    return any(part in whole for part in _ANYWHERE)


def _quick_replies(components: list[JsonObject]) -> Iterator[QuickReply]:
    """Those of a template as Meta lists it, also on carousel cards."""
    for card, part in parts(components):
        if upper(part.get("type")) == "BUTTONS":
            for index, button in enumerate(objects(part.get("buttons"))):
                text = button.get("text")
                if upper(button.get("type")) == "QUICK_REPLY" and isinstance(text, str):
                    yield QuickReply((card, index), text)


def _payloads(content: TemplateContent) -> dict[Place, str]:
    """The payloads that a recipient's quick replies get, from `buttons` or from raw components."""
    found: dict[Place, str] = {}
    for button in content.buttons or ():
        if button.get("type") == "quick_reply":
            found[None, button["index"]] = button["payload"]
    for card, part in parts(content.components or []):
        index = str(part.get("index"))
        if upper(part.get("type")) == "BUTTON" and upper(part.get("sub_type")) == "QUICK_REPLY":
            for parameter in objects(part.get("parameters")):
                if (
                    index.isdecimal()
                    and len(index) < _MAX_INDEX
                    and isinstance(parameter.get("payload"), str)
                ):
                    found[card, int(index)] = parameter["payload"]
    return found
