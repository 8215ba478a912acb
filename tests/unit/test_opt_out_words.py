"""The default opt-out words: what people write to get no more messages, and what they write every day."""

import re

from tests.docs.pages import TOP
from tests.support.table import rows
from wacrmd.config import Config
from wacrmd.config.opt_out_words import DEFAULT_STOP_KEYWORDS, DEFAULT_WORDS
from wacrmd.domain.keywords import matching_keyword, normalized

PAGE = (TOP / "docs" / "optouts.md").read_text()


def opts_out(said: str) -> bool:
    return matching_keyword([said], Config().optout.stop_keywords) is not None


@rows(
    "said",
    [
        # the buttons of Meta's presets and samples
        *("Stop promotions", "Unsubscribe from Promos", "Unsubscribe from All", "Unsubscribe", "Opt-out"),
        *("Opt out of marketing", "Parar promoções", "Detener promociones", "Interrompi promozioni"),
        # the words of 47 CFR 64.1200(a)(10) and of SMS gateways
        *(
            "stop",
            "quit",
            "end",
            "revoke",
            "opt out",
            "cancel",
            "unsubscribe",
            "STOPALL",
            "Stop all",
            "OPTOUT",
        ),
        *(
            "Unsubscribe me",
            "Please stop.",
            "STOP please 🙏",
            "remove me",
            "Don’t message me",
            "ARRET",
            "Unsub",
        ),
        # other languages, with and without the accents
        *("Baja", "¡BAJA!", "darme de baja", "Cancelar suscripcion", "no mas mensajes", "Salir", "alto"),
        *("SAIR", "sair.", "Descadastrar", "cancelar inscrição", "nao quero receber", "PARAR PROMOCOES"),
        *("Stopp", "Abmelden", "keine Werbung mehr!", "Désabonner", "se desabonner", "ARRÊT", "stop pub"),
        *("Disiscrivimi", "afmelden", "Stoppen", "berhenti", "Berhenti langganan", "BATAL SEMUA"),
        *("RET", "durdur", "listeden çık", "LİSTEDEN ÇIK", "СТОП", "Стоп!", "отписаться", "Отпишите меня"),
        *("إيقاف", "ايقاف", "الغاء الاشتراك", "قف", "لغو11", "لغو ۱۱", "بند کرو", "بند كرو"),
        *("बंद करो", "बंद करें", "band karo", "বন্ধ করুন", "הסר", "הסירו אותי", "退订", "退訂", "ondoka"),
        *("rezygnacja", "Wypisz mnie", "zakończ", "Zrezygnuj", "UNREG", "stop langganan", "Berhenti promosi"),
        # the same words with what people put around them
        *("Please unsubscribe", "Opt out of marketing messages", "Stop promotional messages", "opt-out all"),
        *("Stop sending me messages", "Stop all messages", "cancel subscription", "QUIT ALL", "end all"),
        *("Cancel all", "Revoke all", "STOP UNSUBSCRIBE", "take me off your list", "Stop texting me!"),
        *("Se désinscrire", "Désinscrire", "désabonnez-moi", "Отписаться от всего", "Отписка от рассылки"),
        *("إيقاف الاشتراك", "ستوب", "استوپ", "स्टॉप", "স্টপ", "Annulla iscrizione", "Stop promozioni"),
        *("desinscribirme", "Dame de baja", "no quiero más mensajes", "não quero receber mensagens"),
        *("bitte abmelden", "Abmeldung", "Keine Nachrichten mehr", "schrijf mij uit"),
    ],
)
def test_a_usual_opt_out_is_taken_as_one(said: str) -> None:
    assert opts_out(said)


@rows(
    "said",
    [
        *(
            "yes",
            "no",
            "ok",
            "okay",
            "no thanks",
            "not interested",
            "later",
            "1",
            "2",
            "y",
            "n",
            "hi",
            "thanks",
        ),
        *("👍", "👎", "❤️", "🙏", "?", "...", "done", "close", "off", "out", "exit", "help", "info", "start"),
        *(
            "wait",
            "enough",
            "never mind",
            "remove",
            "pause",
            "cancel my order",
            "stop by tomorrow",
            "the end",
        ),
        *("how do I unsubscribe?", "can I cancel?", "don't stop", "non-stop", "weekend", "stop it"),
        *("sí", "no, gracias", "gracias", "basta", "cancelar", "fin", "para", "pare", "no", "hola", "bajo"),
        *("sim", "não", "td", "tudo bem", "obrigado", "chega", "remover", "fim"),
        *("ja", "nein", "danke", "ende", "abbrechen", "genug", "fertig", "aus", "weg"),
        *("oui", "non", "merci", "annuler", "fin", "stop ou encore"),
        *("sì", "grazie", "annulla", "fine", "cancella", "uit", "nee", "genoeg", "klaar"),
        *("tidak", "batal", "keluar", "cukup", "sudah", "ya", "tamam", "hayır", "iptal", "evet", "yok"),
        *("да", "нет", "хватит", "отмена", "не надо", "لا", "نعم", "إلغاء", "شكرا", "خلاص", "כן", "לא", "די"),
        *(
            "בטל",
            "नहीं",
            "हाँ",
            "बंद",
            "रुको",
            "नही चाहिए",
            "হ্যাঁ",
            "না",
            "বন্ধ",
            "نہیں",
            "بند",
            "لغو",
            "रोको",
            "نه",
            "۱۱",
            "11",
        ),
        *("不", "不要", "停", "好", "取消", "hapana", "acha", "toka", "nie", "dość", "koniec", "tak"),
    ],
)
def test_an_everyday_answer_is_no_opt_out(said: str) -> None:
    assert not opts_out(said)


def test_each_word_is_there_once() -> None:
    forms = [normalized(word) for words in DEFAULT_WORDS.values() for word in words]
    assert sorted(forms) == sorted(set(forms))
    assert Config().optout.stop_keywords == DEFAULT_STOP_KEYWORDS


def test_the_words_are_documented_with_a_source() -> None:
    table = PAGE.partition("## The default words")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|`]+) \| (`.+`) \| (.+) \|$", table, re.MULTILINE)
    documented = {name: tuple(re.findall(r"`([^`]+)`", words)) for name, words, _ in rows}
    assert documented == DEFAULT_WORDS
    assert all("http" in source for _, _, source in rows)


def test_what_was_left_out_is_left_out() -> None:
    table = PAGE.partition("### Words that are left out")[2].partition("\n## ")[0]
    left_out = re.findall(r"`([^`]+)`", "\n".join(re.findall(r"^\|.*\|$", table, re.MULTILINE)))
    assert len(left_out) > 20
    assert [word for word in left_out if opts_out(word)] == []
