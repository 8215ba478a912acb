"""Warnings about quick replies that look like an opt-out and would not be taken as one."""

from typing import Any

import pytest

from tests.support.table import rows
from tests.support.templates import approved
from wacrmd.config.opt_out_words import DEFAULT_STOP_KEYWORDS
from wacrmd.domain.opt_out_buttons import (
    broadcast_warnings,
    missed_opt_outs,
    payload_keyword,
    template_warnings,
)
from wacrmd.domain.template import Template, TemplateContent

WORDS = ("STOP", "STOP PROMOTIONS", "BAJA")


def template(*buttons: str, category: str | None = "MARKETING", kind: str = "QUICK_REPLY") -> Template:
    row = {"type": "BUTTONS", "buttons": quick(*buttons, kind=kind)}
    return approved({"type": "BODY", "text": "Hello"}, row, category=category)


def quick(*texts: str, kind: str = "QUICK_REPLY") -> list[dict[str, Any]]:
    return [{"type": kind, "text": text} for text in texts]


def missed(given: Template) -> list[str]:
    return [reply.text for reply in missed_opt_outs(given, WORDS)]


@rows(
    "text",
    [
        *("Stop these messages", "Unsubscribe", "Opt-out", "Opt out of marketing", "Stopp", "Please stop 🙏"),
        *("No more messages", "Don’t send me offers", "Cancel my subscription", "I don't want offers"),
        *("Remove me", "Enough promotions", "Do not contact me"),
        *("Darme de baja", "Cancelar suscripción", "No quiero recibir promociones", "Detener"),
        *("Sair", "Não quero receber ofertas", "Parar promoções", "Descadastrar"),
        *("Abmelden", "Keine Werbung mehr", "Se désabonner", "Ne plus recevoir de messages", "ARRÊT"),
        *(
            "Disiscrivimi",
            "Interrompi promozioni",
            "Afmelden",
            "Geen berichten meer",
            "Berhenti berlangganan",
        ),
        *("Listeden çık", "İPTAL", "RET", "Отписаться", "Не хочу рассылку", "Відписатися", "Wypisz mnie"),
        *(
            "إيقاف العروض",
            "إلغاء الاشتراك",
            "بند کریں",
            "لغو اشتراک",
            "הסירו אותי",
            "बंद करें",
            "退订",
            "停止接收",
        ),
    ],
)
def test_a_button_that_looks_like_an_opt_out_is_missed(text: str) -> None:
    assert missed(template("Shop now", text)) == [text]


@pytest.mark.parametrize(
    "text",
    [
        *("Stop", "STOP!", "stop promotions", "¡Baja!"),  # taken as an opt-out
        *(
            "Shop now",
            "Yes",
            "No",
            "No thanks",
            "Not interested",
            "Later",
            "Top offers",
            "Tell me more",
            "Exit",
        ),
        *(
            "Cancel",
            "Cancel the appointment",
            "End of season offers",
            "Don't miss this offer",
            "More messages",
        ),
        *(
            "Cancelar",
            "No, gracias",
            "Comprar",
            "Mehr erfahren",
            "Nein",
            "Plus de promos",
            "Retail",
            "Bajan los precios",
        ),
        *("Да", "Нет", "لا", "عروض", "लिस्ट", "查看", ""),
    ],
)
def test_another_button_is_not(text: str) -> None:
    assert missed(template(text)) == []


@pytest.mark.parametrize("category", ["UTILITY", "AUTHENTICATION", "", None])
def test_only_marketing_templates_are_looked_at(category: str | None) -> None:
    assert missed(template("Unsubscribe", category=category)) == []
    assert missed(template("Unsubscribe", category="marketing", kind="quick_reply")) == ["Unsubscribe"]


def test_only_quick_replies_are_looked_at() -> None:
    assert missed(template("Unsubscribe", kind="URL")) == []


def test_a_button_on_a_carousel_card_is_looked_at() -> None:
    cards = [
        {"components": [{"type": "BUTTONS", "buttons": quick("Buy")}]},
        {"components": [{"type": "BUTTONS", "buttons": quick("Buy", "Unsubscribe")}]},
    ]
    (reply,) = missed_opt_outs(approved({"type": "CAROUSEL", "cards": cards}), WORDS)
    assert (reply.place, reply.text) == ((1, 1), "Unsubscribe")


@pytest.mark.parametrize(
    "components",
    [
        [],
        [{}],
        [{"type": None}],
        [{"type": "BUTTONS"}],
        [{"type": "BUTTONS", "buttons": {"text": "Stop it"}}],
        [
            {
                "type": "BUTTONS",
                "buttons": ["Stop it", {"type": "QUICK_REPLY"}, {"type": 1, "text": "Stop it"}],
            }
        ],
        [{"type": "CAROUSEL", "cards": None}],
        [{"type": "CAROUSEL", "cards": [None, {"components": "Stop it"}]}],
    ],
)
def test_components_of_an_unknown_shape_are_passed_over(components: list[dict[str, Any]]) -> None:
    assert missed(approved(*components)) == []


def test_a_warning_names_the_button_once_and_says_what_to_do() -> None:
    cards = [{"components": [{"type": "BUTTONS", "buttons": quick("Opt out")}]}] * 3
    (warning,) = template_warnings(approved({"type": "CAROUSEL", "cards": cards}), WORDS)
    assert '"Opt out"' in warning
    assert "stop_keywords" in warning
    assert template_warnings(template("Opt out"), (*WORDS, "OPT-OUT")) == []


def button(payload: str, index: int = 1) -> TemplateContent:
    return TemplateContent(buttons=[{"index": index, "type": "quick_reply", "payload": payload}])


def raw(payload: Any, index: Any = "1", **more: Any) -> TemplateContent:
    parameters = [{"type": "payload", "payload": payload}]
    part = {"type": "button", "sub_type": "quick_reply", "index": index, "parameters": parameters}
    return TemplateContent(components=[part | more])


@pytest.mark.parametrize(
    ("contents", "warned"),
    [
        ([], True),
        ([TemplateContent()], True),
        ([button("STOP")], False),
        ([button("STOP:spring")], False),
        ([raw("stop")], False),
        ([raw("stop", index=1)], False),
        ([button("STOP"), raw("BAJA")], False),
        ([button("STOP"), TemplateContent()], True),
        ([button("STOP"), button("OTHER")], True),
        ([button("STOP", index=0)], True),
        ([raw("STOP", index=None)], True),
        ([raw(None)], True),
        ([raw("STOP", parameters=None)], True),
        ([raw("STOP", sub_type="url")], True),
    ],
)
def test_a_broadcast_is_warned_unless_each_button_gets_a_keyword(
    contents: list[TemplateContent], warned: bool
) -> None:
    assert bool(broadcast_warnings(template("Shop", "Opt out"), WORDS, contents)) == warned
    assert broadcast_warnings(template("Shop", "Stop"), WORDS, contents) == []


def test_the_payload_of_a_card_is_that_of_its_own_button() -> None:
    def card(at: int, payload: str) -> dict[str, Any]:
        return {"card_index": at, "components": (raw(payload, index="0").components or [])}

    shown = [{"components": [{"type": "BUTTONS", "buttons": quick("Opt out")}]}] * 2
    carousel = approved({"type": "CAROUSEL", "cards": shown})
    both = TemplateContent(components=[{"type": "carousel", "cards": [card(0, "STOP"), card(1, "STOP")]}])
    one = TemplateContent(components=[{"type": "carousel", "cards": [card(0, "STOP"), card(1, "MORE")]}])
    assert broadcast_warnings(carousel, WORDS, [both]) == []
    assert len(broadcast_warnings(carousel, WORDS, [one])) == 1


@pytest.mark.parametrize(
    ("payload", "text", "keyword"),
    [
        ("STOP:bc_17", "Leave me alone", "STOP"),
        ("stop", "More", "STOP"),
        ("UNSUBSCRIBE", None, "UNSUBSCRIBE"),
        ("CANCEL", "No more messages please", "CANCEL"),
        ("CANCEL", None, "CANCEL"),
        ("CANCEL", "Cancel the appointment", None),
        ("cancel:17", "Cancelar la cita", None),
        ("end", "End of the month", None),
        ("salir", "Menú principal", None),
        ("yes", "Stop", None),
        ("", "Stop", None),
        (None, "Stop", None),
    ],
)
def test_a_payload_says_stop_unless_it_may_be_another_command(
    payload: str | None, text: str | None, keyword: str | None
) -> None:
    assert payload_keyword(payload, text, DEFAULT_STOP_KEYWORDS) == keyword
