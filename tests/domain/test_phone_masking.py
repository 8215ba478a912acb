"""Phone numbers are hidden in texts in all the forms in which people and Meta write them; what is none stays."""

import json
from collections.abc import Callable
from time import process_time_ns
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.table import rows
from wacrmd.domain.phone_masking import mask_phones


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("to +14155550123, from +5511987654321", "to +1415•••0123, from +5511•••4321"),
        ("recipient 14155550123 is not valid", "recipient 14155•••0123 is not valid"),
        ("'14155550123'", "'14155•••0123'"),
        ("14155550123@c.us", "14155•••0123@c.us"),
        ("tel:14155550123.", "tel:14155•••0123."),
        ("14155550123,4915123456789", "14155•••0123,49151•••6789"),
        ("GET /api/v1/optouts/14155550123", "GET /api/v1/optouts/14155•••0123"),
        ("to=%2B14155550123&x=1", "to=+1415•••0123&x=1"),
        ("+1 (415) 555-0123", "+1415•••0123"),
        ("1-415-555-0123 called", "14155•••0123 called"),
        ("0049 171 1234567", "00491•••4567"),
        ("0171/1234567", "01711•••4567"),
        ("01711234567", "01711•••4567"),
        (
            "(#131009) Parameter value is not valid: 919876543210",
            "(#131009) Parameter value is not valid: 91987•••3210",
        ),
        ("ref 14155550123-2:1", "ref 14155•••0123-2:1"),
        ("5215512345678", "52155•••5678"),
        ("+49 15112345678", "+4915•••5678"),
        ("91 9876543210", "91987•••3210"),
        ("+49(0)15112345678", "+4901•••5678"),
        ("(415) 555-0123", "(415•••23"),
        ("415.555.0123", "415•••23"),
        ("(11) 98765-4321", "(11987•••4321"),
        ("_+4915112345678_ *+4915112345678*", "_+4915•••5678_ *+4915•••5678*"),
    ],
)
def test_a_number_is_hidden_however_it_is_written(text: str, masked: str) -> None:
    assert mask_phones(text) == masked


@rows(
    "number",
    [
        "+49\xa0151\xa012345678",
        "49\u202f151\u202f12345678",
        "+49\u2011151\u201112345678",
        "+49\u200b151\u200b12345678",
        "\u202a+4915112345678\u202c",
        "+٤٩١٥١١٢٣٤٥٦٧٨",
        "４９１５１１２３４５６７８",
        "+४९१५११२३४५६७८",
    ],
)
@rows(
    "written",
    [
        str,
        repr,
        ascii,
        json.dumps,
        quote,
        quote_plus,
        lambda text: quote(quote(text)),
        lambda text: repr(text.encode()),
    ],
)
@rows("before", ["", "to=", "Call\n", "1, "])
def test_a_number_in_any_script_is_hidden_however_it_is_escaped(
    number: str, written: Callable[[str], str], before: str
) -> None:
    masked = mask_phones(written(f"{before}{number}\n"))
    assert "4915•••5678" in masked or "49151•••5678" in masked, masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("49 151 12345678 3 times", "49151•••5678 3 times"),
        ("row 3 49 151 12345678", "row 3 49151•••5678"),
        ("49 151 12345678 49 151 12345679", "49151•••5678 49151•••5679"),
        ("0151 12345678 0151 12345679", "01511•••5678 01511•••5679"),
        ("+49 151 12345678 2026-11-30 12:00", "+4915•••5678 2026-11-30 12:00"),
        ("2026-11-30 4915112345678", "2026-11-30 49151•••5678"),
        ("10.20.30.40 4915112345678 0.25", "10.20.30.40 49151•••5678 0.25"),
        ("1.5 +4915112345678 12ab", "1.5 +4915•••5678 12ab"),
    ],
)
def test_what_stands_beside_a_number_neither_saves_nor_joins_it(text: str, masked: str) -> None:
    assert mask_phones(text) == masked


@pytest.mark.exhaustive(enough=5)
@pytest.mark.parametrize(
    "piece",
    [
        "+",
        "(",
        "1(",
        "1 ",
        "1-",
        "12 ",
        "123 ",
        "\\",
        "\\n",
        "%",
        "%20",
        "\\xa0",
        "1\xa0",
        "0.",
        "١",
        "2026-",
    ],
)
def test_a_text_is_read_in_linear_time(piece: str) -> None:
    def took(times: int) -> int:
        begun = process_time_ns()
        mask_phones(piece * times)
        return process_time_ns() - begun

    short, long = (min(took(times) for _ in range(3)) for times in (500, 4_000))
    assert long < 30 * max(short, 100_000)  # 8 times, and 64 times for a square


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-30T11:48:44.495Z",
        "at 2026-11-30 11:48:44 from 127.0.0.1:37397",
        "wacrmd-20261130-114844.db",
        "10.20.30.40 - - 200 1024",
        "4d03e0b1-f963-4f93-8413-e5a018a35832",
        "12345678-1234-1234-1234-123456789012",
        "Object with ID '106540352242922' does not exist",
        "https://graph.facebook.com/v25.0/106540352242922/messages",
        "wamid.HBgLMTQxNTU1NTAxMjM",
        "1795000000000 ms, 1700000000 s",
        "0.1415555012 and 3.1415926535",
        "HTTP 503 after 30 s, 12 of 1000, code 131053",
        "0x7f14155550123",
        "a1e14155550123",
        "30.11.2026 12:55:19, 39098.155409 s",
        "wacrmd 1.2.3+20261130",
        "2026-11-30T12:55:19+01:00",
        "12345678/98765432, 1 234 567, 100000:65536",
        "1 2 3 4 5 6 7 8 9",
        "(1073741824 bytes), (131030) 12",
    ],
)
def test_what_is_no_number_stays(text: str) -> None:
    assert mask_phones(text) == text


MARKS = "\\%xuF0+()-. \n\xa0\u200b\ud800٤漢"
PARTS = (
    "\\x",
    "25",
    "%d9",
    "\\xc2\\xa0",
    "\\u0664",
    "a4",
    "4915112345678",
    "2026-11-30",
    "10.0.0.1",
    "ffffffff-",
)


@given(st.lists(st.sampled_from(MARKS) | st.sampled_from(PARTS), max_size=20).map("".join))
def test_what_is_not_hidden_stays_as_it_is_in_any_text(text: str) -> None:
    masked = mask_phones(text)
    assert masked == text or "•••" in masked
