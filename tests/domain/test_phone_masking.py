"""Phone numbers are hidden in texts in all the forms in which people and Meta write them; what is none stays."""

import pytest

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
        ("to=%2B14155550123&x=1", "to=%2B14155•••0123&x=1"),
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
    ],
)
def test_a_number_is_hidden_however_it_is_written(text: str, masked: str) -> None:
    assert mask_phones(text) == masked


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
    ],
)
def test_what_is_no_number_stays(text: str) -> None:
    assert mask_phones(text) == text
