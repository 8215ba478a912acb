"""The usual names of a column of phone numbers, in the languages of those who use WhatsApp most. Pure.

A name is known by its words: all of them must be here, and one must be a word for a phone. So `Mobile (WhatsApp)` is known,
and `WhatsApp opt-in`, `Phone type` and `Customer number` are not.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

_PHONE_WORDS = (
    # English, and what programs call it
    "phone phones phonenumber phoneno telephone telephonenumber tel telno mobile mobiles mobilephone mobilenumber mobileno "
    "cell cells cellphone cellnumber cellno cellular handset whatsapp whatsappnumber whatsappno wa waid wanumber msisdn "
    "e164 smartphone landline whatsappid whats mob mobno ph phno telf "
    # Spanish, Portuguese, Italian, French
    "tfno telefono telefonos telefonico telefonica movil moviles celular celulares cel fono wasap guasap "
    "telefone telefones telemovel telemoveis fone zap zapzap cellulare cellulari cell "
    "portable portables mobiles gsm telefon tels "
    # German, Dutch, Scandinavian
    "handy handys handynr handynummer handynummern mobil mobilnr mobilnummer mobilnummern mobiltelefon mobiltelefonnummer "
    "mobilfunk mobilfunknr mobilfunknummer mobilrufnummer rufnummer rufnummern telefonnr telefonnummer telefonnummern "
    "telnr telnummer telefonnum fon rufnr festnetz festnetznummer festnetznr whatsappnr whatsappnummer natel "
    "06nummer telefoon telefoonnr telefoonnummer telefoonnummers mobiel mobiele mobieltje mobielnummer "
    "mobielnr gsmnummer gsmnr "
    "mobilenummer telefonnumret tlf tlfnr "
    # Indonesian, Malay, Turkish
    "telepon telp telpon hp nohp nohape nomorhp handphone ponsel nowa nomorwa notelp notelepon telefonbimbit bimbit "
    "cepno ceptel ceptelefonu telefonu telefonunuz telefonno telefonnumarasi telefonnumaraniz gsmno iletisimnumarasi "
    # Polish, Czech, Romanian, Hungarian
    "telefonu telefonow telefony komorka komorkowy komorkowa komorkowe komorkowego mobilni mobilny telefonszam mobilszam "
    "telefonni telefona mobitel mobitela "
    # Finnish, Swahili, Tagalog
    "puhelin puhelinnumero puhelinnro puhelimen matkapuhelin matkapuhelinnumero matkapuhelinnro gsmnumero "
    "simu telepono selpon "
    "nambariyasimu "
    # Russian and its neighbours
    "телефон телефона телефоны телефонов тел моб мобильный мобильного мобильные мобильник сотовый сотового сот ватсап вацап "
    "вотсап мобільний телефону "
    # Arabic, Persian, Urdu, Hebrew
    "رقمالتواصل "
    "هاتف الهاتف هاتفي جوال الجوال موبايل الموبايل محمول المحمول نقال النقال خلوي الخلوي تلفون التلفون تليفون التليفون "
    "واتساب الواتساب واتس الواتس تلفن موبایل همراه فون موبائل טלפון נייד הנייד סלולרי ווצאפ וואטסאפ "
    # Hindi, Bengali
    "मोबाइल मोबाईल फोन दूरभाष टेलीफोन व्हाट्सएप व्हाट्सऐप वाट्सएप মোবাইল ফোন "
    # Greek, Vietnamese, Thai, Chinese, Japanese, Korean
    "τηλεφωνο κινητο dienthoai sodienthoai sdt didong sodidong เบอร์โทร เบอร์โทรศัพท์ โทรศัพท์ เบอร์มือถือ มือถือ "
    "手机 手机号 手机号码 手機 手機號碼 电话 电话号码 電話 電話號碼 電話番号 携帯 携帯電話 携帯番号 携帯電話番号 "
    "联系电话 行動電話 行动电话 移动电话 聯絡電話 お電話番号 "
    "收货人手机 收货人电话 收件人手机 收件人电话 联系人手机 联系人电话 客户手机 客户电话 "
    "수취인연락처 수취인전화번호 전화 연락처 전화번호 휴대폰 휴대폰번호 휴대전화 핸드폰 핸드폰번호"
)
"""Words for a phone; some are two words that people write as one."""

_OTHER_WORDS = (
    # number, and the little words around it
    "number numbers no nr num n nbr nro numero numeros nummer nummern nomor nomer nomero numara numarasi numaraniz "
    "numer cislo broj namba nambari numar numarul ya ng "
    "номер номера رقم ارقام أرقام شماره نمبر מספר नंबर नम्बर संख्या नं क्रमांक নম্বর αριθμος số so หมายเลข 番号 号码 號碼 번호 "
    "de do da di del della du des der das die le la el lo of the d für fur for per "
    # whose, and which one of several
    "customer customers client clients cliente clientes kunde kunden contact contacts contacto contato contatto kontakt "
    "recipient empfanger my your his her usuario utilisateur pelanggan musteri клиента العميل "
    "primary main principal haupt home work business office private personal privat dienstlich privado personale "
    "international internacional internazionale national full formatted value fisso recapito cep kom person "
    "default address billing shipping sms sanitized aktif registered mandatory required 必填 or c iphone "
    # people of a list, and of a company
    "user guest patient member lead buyer student parent subscriber subscribers consumer mitglied "
    "mieter gast teilnehmer geschaftlich firma buro zuhause bureau travail domicile professionnel pro perso personnel "
    "trabajo casa oficina particular trabalho comercial residencial ufficio lavoro werk zakelijk prive "
    "kantor rumah ev praca domowy sluzbowy контактный рабочий рабочего домашний домашнего личный основной другой "
    "العمل المنزل additional alternate alternative other weitere otro outro autre second secondary "
)
"""Words that may stand beside a word for a phone."""

_GENERIC_NAMES = (
    "number numbers nummer nummern numero numeros nomor numara номер رقم नंबर 番号 号码 "
    "sms kontaktnummer kontaktnr contactnumber contactno contactnumbers numerodecontacto numerodecontato recipient"
)
"""Names that may also mean a customer number: a phone in such a column needs its `+`."""

_DETAIL_NAMES = (
    "detail details reason reasons note notes comment comments remark remarks grund notiz notizen bemerkung bemerkungen "
    "kommentar anmerkung motivo razon nota notas observacion observaciones comentario observacao obs motif raison remarque "
    "commentaire reden opmerking opmerkingen alasan keterangan catatan sebep aciklama neden powod uwagi notatka "
    "причина комментарий примечание السبب سبب ملاحظة ملاحظات कारण टिप्पणी"
)
"""Names of a column with a note about the person."""

_WITH = "with incl including inc mit inkl con avec com met"
_CODES = "country area calling code codes prefix vorwahl landervorwahl prefijo codigo de pais indicatif ddd ddi landcode the"
"""Words behind the name which say that the numbers have their codes: one of `_WITH`, and then these."""

MAX_NAME = 100
"""Characters of a name that are looked at."""

_WORD = re.compile(r"[^\W_]+")
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])")
_LETTERS = str.maketrans("ıłøđ", "ilod")
"""Letters with a stroke, or without a dot, which Unicode does not take apart."""


def is_phone_name(name: str) -> bool:
    """Whether a column of this name has phone numbers."""
    return any(_is_phone(words) for words in _readings(name))


def is_generic_name(name: str) -> bool:
    """Whether a column of this name has numbers, perhaps of phones."""
    return any("".join(words) in GENERIC_NAMES for words in _readings(name))


def is_detail_name(name: str) -> bool:
    """Whether a column of this name has notes."""
    return any("".join(words) in DETAIL_NAMES for words in _readings(name))


def columns_named(header: Sequence[str], names: Iterable[str]) -> list[int]:
    """The places of the columns with one of these names, in the order of `names`.

    Upper and lower case are equal, and a space is an underscore: `User ID` is `user_id`.
    """
    written = [same_name(cell) for cell in header]
    return [at for name in names for at, found in enumerate(written) if found == name]


def same_name(name: str) -> str:
    """The form in which two names of columns are equal."""
    return name.strip().casefold().replace(" ", "_")


def plain_names(name: str) -> tuple[tuple[str, ...], ...]:
    """The words of a name in lower case and without accents, in each way in which they may be told apart."""
    return _readings(name)


def _is_phone(words: tuple[str, ...]) -> bool:
    words = _without_addition(words)
    if "".join(words) in PHONE_WORDS:
        return True
    known = [word in PHONE_WORDS for word in words]
    return any(known) and all(
        is_phone or word in OTHER_WORDS or word.isdecimal()
        for is_phone, word in zip(known, words, strict=True)
    )


def _without_addition(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words before `(with country code)`."""
    at = next((at for at, word in enumerate(words) if at and word in _WITH_WORDS), len(words))
    return words[:at] if set(words[at + 1 :]) <= _CODE_WORDS else words


def _readings(name: str) -> tuple[tuple[str, ...], ...]:
    """The words of a name, also those of `mobilePhone`, where a capital begins a word."""
    return _words(name[:MAX_NAME]), _words(_CAPITAL.sub(" ", name[:MAX_NAME]))


@lru_cache(maxsize=1024)
def _words(name: str) -> tuple[str, ...]:
    """The words of a name: lower case, and no marks over, under and around the letters."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold()).translate(_LETTERS)
    return tuple(_WORD.findall("".join(char for char in plain if unicodedata.category(char)[0] != "M")))


def _all(words: str) -> frozenset[str]:
    return frozenset("".join(_words(word)) for word in words.split())


_WITH_WORDS = _all(_WITH)
_CODE_WORDS = _all(_CODES)
PHONE_WORDS = _all(_PHONE_WORDS)
OTHER_WORDS = _all(_OTHER_WORDS)
GENERIC_NAMES = _all(_GENERIC_NAMES)
DETAIL_NAMES = _all(_DETAIL_NAMES)
