"""Country codes in a column of their own: joined to the number beside them, or the line is refused; never left out."""

import pytest

from wacrmd.domain.optout_file import OptOutFile
from wacrmd.domain.recipient_file import read_recipients
from wacrmd.domain.text_file import split_lines


def read_both(header: str, line: str) -> tuple[str, str | None]:
    """The address and the problem of a line, as the import of opt-outs and the sending of a broadcast read it."""
    text = f"{header}\n{line}\n"
    (row,) = OptOutFile(split_lines(text))
    sheet = read_recipients([text.encode()])
    problem = sheet.rejected[0].reason if sheet.rejected else None
    assert problem == row.problem
    if problem is None:
        assert sheet.rows[0].to == row.address
    return row.address, problem


INDIA = "+919876543210"
JOINED = {
    ("Name,CountryCode,Phone", "A,91,9876543210"): INDIA,
    ("Country Code,Phone", "+91,9876543210"): INDIA,
    ("Country Code,Mobile", "IN,9876543210"): INDIA,
    ("country_code,phone", "0091,09876543210"): "+919876543210",
    ("Default Address Country Code,Phone", "in,98765 43210"): "+919876543210",
    ("Phone,ISD Code", "9876543210,91.0"): INDIA,
    ("ISD,Phone", "'+91,9876543210"): INDIA,
    ("Dial code,Phone", "India (+91),9876543210"): INDIA,
    ("Ländervorwahl;Handy", "49;0151 23456001"): "+4915123456001",
    ("Vorwahl;Handy", "+49;0151 23456001"): "+4915123456001",
    ("Prefijo;Móvil", "0034;612345678"): "+34612345678",
    ("DDI,Celular", "55,(11) 96123-4567"): "+5511961234567",
    ("País,Celular", "55,11961234567"): "+5511961234567",
    ("Country,Phone", "GB,07400 123456"): "+447400123456",
    ("Country,Phone", "UK,07400 123456"): "+447400123456",
    ("Код страны;Телефон", "7;8 912 345-67-89"): "+79123456789",
    ("countrycode,phone", "91,9876543210"): INDIA,
    ("cc,phone", "91,9876543210"): INDIA,
    ("country,phone", "DE,4915123456001"): "+4915123456001",
    ("country,phone", "MX,55 2345 6789"): "+525523456789",
    ("country,phone", "BR,(11) 96123-4567"): "+5511961234567",
    ("country,phone", "US,14155552671"): "+14155552671",
    ("Number,CountryCode", "9876543210,91"): INDIA,
    ("Country,Phone", "ID,81234567890"): "+6281234567890",
    ("Country,Phone", "TR,5321234567"): "+905321234567",
    ("International Code,Phone", "91,9876543210"): INDIA,
    ("Intl. prefix,Phone", "91,9876543210"): INDIA,
    ("CountryCode,Phone", "49.0,15123456001.0"): "+4915123456001",
}


@pytest.mark.parametrize(("given", "address"), JOINED.items(), ids=str)
def test_a_code_is_joined_to_the_number_beside_it(given: tuple[str, str], address: str) -> None:
    assert read_both(*given) == (address, None)


@pytest.mark.parametrize(
    ("header", "line", "address"),
    [
        ("CountryCode,Phone", "49,+4915123456001", "+4915123456001"),
        ("CountryCode,Phone", ",+4915123456001", "+4915123456001"),
        ("CountryCode,Phone", "US,+4915123456001", "+4915123456001"),
        ("CountryCode,Phone", "49,4915123456001", "+4915123456001"),
        ("Country,Phone", "Germany,015123456001", "015123456001"),
        ("Prefix,Phone", "Mr.,015123456001", "015123456001"),
        ("Area Code,Phone", "415,4155550123", "4155550123"),
        ("DDD,Celular", "11,+5511961234567", "+5511961234567"),
        ("Code,Phone", "1001,9876543210", "9876543210"),
        ("Code,Phone", "91,12345", "12345"),
        ("Points,Phone", "+20,9876543210", "9876543210"),
        ("Points,Phone", "91,9876543210", "9876543210"),
        ("Code,Phone", "91,+4915123456001", "+4915123456001"),
    ],
)
def test_a_number_that_needs_no_code_stays_what_it_is(header: str, line: str, address: str) -> None:
    assert read_both(header, line) == (address, None)


@pytest.mark.parametrize(
    ("header", "line", "said"),
    [
        ("CountryCode,Phone", "91,12345", "has 91 in column CountryCode, to which 12345 does not fit"),
        ("CountryCode,Phone", "999,9876543210", "has 999 in column CountryCode, which is no country code"),
        (
            "CountryCode,Phone",
            "India,9876543210",
            "has India in column CountryCode, which is no country code",
        ),
        ("CountryCode,Phone", ",9876543210", "has nothing in column CountryCode"),
        ("CountryCode,Phone", "91,+4915123456001", "has 91 in column CountryCode, to which +4915123456001"),
        ("CountryCode,Phone", "XX,9876543210", "has XX in column CountryCode, which is no country code"),
        ("Country,Phone", "IN,12345", "has IN in column Country, to which 12345 does not fit"),
        ("Land;Telefon", "AT;0151 23456001", "has AT in column Land, to which 0151 23456001 does not fit"),
        (
            "Country Code,Phone",
            "DE,03012345678",
            "has DE in column Country Code, to which 03012345678 does not",
        ),
        ("Country,Phone", "MX,12015550123", "has MX in column Country, to which 12015550123 does"),
        ("Country,Phone", "DE,15123456001", "may be +15123456001 or +4915123456001"),
        ("Country,Phone", "US,4792345678", "may be +14792345678 or +4792345678"),
        ("Country,Phone", "DE,33612345678", "has DE in column Country, to which 33612345678 does not fit"),
        ("Vorwahl;Telefon", "30;2312345678", "has 30 in column Vorwahl, perhaps an area code"),
        ("Vorwahl;Telefon", "0151;23456001", "has 0151 in column Vorwahl, perhaps an area code"),
        ("DDD,Celular", "49,991234567", "has an area code in column DDD"),
        ("Prefix,Phone", "30,2312345678", "has 30 in column Prefix, perhaps an area code"),
        ("Country Code,ISD,Phone", "IN,999,9876543210", "has 999 in column ISD"),
        ("Country Code,ISD,Phone", "IN,1,9876543210", "has 1 in column ISD, to which 9876543210 does"),
        ("Country Code,ISD,Phone", "ID,91,8123456789", "may be +62"),
        ("CountryCode,Phone", "49,33612345678", "may be +33612345678 or +4933612345678"),
        ("Code,Phone", "91,9876543210", "has 91 in column Code, perhaps its country code"),
        ("A,Phone", "+91,9876543210", "has +91 in column A, perhaps its country code"),
        ("Kod;Telefon", "0090;5321234567", "has 0090 in column Kod, perhaps its country code"),
    ],
)
def test_a_code_that_does_not_fit_refuses_the_line(header: str, line: str, said: str) -> None:
    _, problem = read_both(header, line)
    assert problem is not None
    assert problem.startswith(said)
    assert "with + and its country code" in problem


def test_a_user_id_needs_no_code() -> None:
    assert read_both("CountryCode,Phone", "91,US.13491208655302741918") == ("US.13491208655302741918", None)


def test_a_code_is_no_parameter_and_a_country_may_be_one() -> None:
    sheet = read_recipients([b"1,CountryCode,Phone,2\nA,91,9876543210,B\n"])
    assert (sheet.columns, sheet.rows[0].params, sheet.numbered) == (["1", "2"], ["A", "B"], True)
    sheet = read_recipients([b"Country,Phone\nIN,9876543210\n"])
    assert (sheet.rows[0].to, sheet.rows[0].params) == ("+919876543210", ["IN"])


def test_the_column_that_the_caller_named_gets_its_code_too() -> None:
    (row,) = OptOutFile(split_lines("a,CountryCode,b\n1,91,9876543210\n"), column="b")
    assert row.address == "+919876543210"


@pytest.mark.parametrize(
    "name", ["Discount Code", "PLZ", "Post Code", "Country Manager", "Name", "Phone", ""]
)
def test_other_columns_are_no_country_codes(name: str) -> None:
    (row,) = OptOutFile(split_lines(f"{name},Mobile\n91,9876543210\n"), column="mobile")
    assert (row.address, row.problem) == ("9876543210", None)
