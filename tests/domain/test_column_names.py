"""Names of columns in the languages of those who use WhatsApp."""

from tests.support.table import rows
from wacrmd.domain.column_names import columns_named, is_detail_name, is_generic_name, is_phone_name

PHONES = {
    "English": "Phone, phone_number, phoneNumber, PHONE NO., Mobile, Mobile Phone, Mobile No., Mobile #, Cell, Cell Phone, "
    "Telephone, Tel, WhatsApp, WhatsApp Number, Mobile (WhatsApp), Customer Phone, Contact phone, Phone 1 - Value",
    "programs": "MSISDN, wa_id, E164, number_e164, phone-number, Phone1",
    "Spanish": "Teléfono, TELEFONO, Teléfono móvil, Móvil, Celular, Número de celular, Núm. de teléfono, Tel. móvil",
    "Portuguese": "Telefone, Celular, Telemóvel, Nº do celular, Número de telefone, Fone, Telefone celular",
    "German": "Telefon, Mobil, Handy, Handynummer, Handy-Nr., Mobilnummer, Mobiltelefon, Telefonnummer, Rufnummer, "
    "Tel.-Nr., Telefon (mobil), WhatsApp-Nummer, Mobilfunknummer",
    "French": "Téléphone, Tél., Portable, Téléphone portable, N° de téléphone, Numéro de portable, Mobile, GSM",
    "Italian": "Telefono, Cellulare, Numero di cellulare, N. telefono, Tel. cellulare, Recapito telefonico",
    "Dutch": "Telefoon, Telefoonnummer, Mobiel, Mobiel nummer, GSM-nummer, Mobiele telefoon",
    "Indonesian": "No. HP, No HP, Nomor HP, Nomor Telepon, No. Telp, Telepon, Handphone, Ponsel, Nomor WhatsApp, No WA",
    "Turkish": "Telefon, Telefon Numarası, TELEFON NUMARASI, Cep Telefonu, Cep Tel, GSM No",
    "Arabic": "هاتف, الهاتف, رقم الهاتف, الجوال, رقم الجوال, موبايل, المحمول, واتساب, رقم الواتساب",
    "Hindi": "मोबाइल, मोबाइल नंबर, फ़ोन, फोन नंबर, व्हाट्सएप नंबर",
    "Russian": "Телефон, Номер телефона, Мобильный телефон, Моб. тел., Сотовый, Тел., ТЕЛЕФОН КЛИЕНТА",
    "Polish": "Telefon, Numer telefonu, Telefon komórkowy, Komórka, Nr tel., Tel. kom.",
    "shops and lists": "Default Address Phone, SMS Phone Number, Person - Phone, phone_sanitized, TELF1, Mob No, MobNo, Ph, "
    "PhNo, Ph. No., Mobile Number (with country code), Phone (incl. country code), billing_phone, Handy (mit Vorwahl), "
    "Teléfono (con prefijo), Celular (com DDD)",
    "Nordic and Slavic": "Puhelin, Puhelinnumero, Matkapuhelin, Telefonní číslo, Mobitel, Broj telefona, 06-nummer",
    "further": "联系电话, 行動電話, 연락처, Di động, Số di động, Cep No, Tel/Whats, Namba ya simu, Simu, Numero ng telepono",
    "people and places": "Guest Phone, Patient Mobile, Parent Mobile Number, Member Phone, Lead Phone, user_phone, "
    "Registered Mobile Number, Phone (required), Phone or Mobile, Mobile (iPhone), Mobile_Phone__c, Alternate Mobile, "
    "Other Phone, Telefon geschäftlich, Telefon privat, Teléfono trabajo, Tél. bureau, Telefone comercial, Рабочий телефон, "
    "Домашний телефон, Контактный телефон, Nomor WhatsApp Aktif, Cep Telefonu Numaranız, İletişim Numarası, رقم التواصل, "
    "手机号码（必填）, 收货人手机, 移动电话, お電話番号, 수취인연락처, Rufnr., Tfno., No. Telefon Bimbit, Nambari ya simu, "
    "Număr de telefon",
    "others": "手机, 手机号码, 電話番号, 携帯電話, 전화번호, 휴대폰, Số điện thoại, เบอร์โทรศัพท์, "
    "Τηλέφωνο, Κινητό, טלפון נייד",
}

OTHERS = (
    "Name, ID, Kundennummer, Kundennr., Customer Number, Customer No, Customer ID, Order No, Account number, "
    "Número de cliente, "
    "Numéro client, Numero cliente, Nomor Pelanggan, Müşteri No, رقم العميل, ग्राहक संख्या, Номер клиента, Numer klienta, "
    "Kontonummer, Código, PLZ, CEP, Email, Grund, Fax, Telefax, Tel/Fax, Phone Type, Phone 1 - Type, Phone model, "
    "Mobile opt in, "
    "Phone Country Code, Country code, SMS, SMS opt-in, Billing Address, Person, WhatsApp opt-in, WhatsApp "
    "Name, is_mobile, phone_valid, WhatsApp active, Owner Phone, Agent Phone, Sender Phone, "
    "phone_number_id, whatsapp_message_id, user_id, Contact, Contact No, 1, {{1}}, ., "
)


@rows("name", [name for names in PHONES.values() for name in names.split(", ")])
def test_the_usual_names_of_phone_numbers_are_known(name: str) -> None:
    for form in (name, name.upper(), name.lower(), f" {name} "):
        assert is_phone_name(form), form


@rows("name", OTHERS.split(", "))
def test_other_names_are_no_phone_numbers(name: str) -> None:
    assert not is_phone_name(name)


def test_generic_names_are_known_as_such() -> None:
    assert all(map(is_generic_name, ("Number", "Nummer", "SMS", "Número", "Contact No.", "Kontaktnummer")))
    assert not any(map(is_generic_name, ("Kundennummer", "Customer Number", "Phone", "Name", "")))


def test_names_of_notes_are_known() -> None:
    assert all(map(is_detail_name, ("detail", "Reason", "Grund", "Motivo", "Причина", "कारण")))
    assert not any(map(is_detail_name, ("Name", "phone", "")))


def test_columns_are_found_by_name_in_the_order_of_the_names() -> None:
    header = ["Name", "User ID", "TO", "phone", "to"]
    assert columns_named(header, ["phone", "to"]) == [3, 2, 4]
    assert columns_named(header, ["user_id"]) == [1]
    assert columns_named(header, ["detail"]) == []
