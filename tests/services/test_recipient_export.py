"""The CSV export of recipients: each field of a recipient is a column, and the format of the file does not change."""

from dataclasses import fields
from pathlib import Path

from wacrmd.domain.recipient import Recipient, RecipientStatus
from wacrmd.services.broadcasts.recipients import COLUMNS, csv_rows
from wacrmd.views.recipients import RecipientView

API = Path(__file__).parents[2] / "docs" / "api.md"
AT = 1_790_000_000_123


def test_the_bytes_of_an_export_stay_as_they_are() -> None:
    accepted = Recipient(
        id=1,
        to="+4915112345678",
        status=RecipientStatus.SENDING,
        wamid="wamid.A",
        attempts=1,
        sent_at=AT,
        delivered_at=AT + 1000,
        read_at=AT + 2000,
        replied_at=AT + 3000,
        failed_at=None,
        held="paused",
        pricing_category="=marketing",
        pricing_type="regular",
        pricing_model="PMP",
        pricing_billable=True,
        conversation_id="c1",
        conversation_expires_at=AT + 4000,
        broadcast_id=1,
        error_code=None,
        error_title=None,
        error_details=None,
        next_attempt_at=0,
    )
    failed = Recipient(
        id=2,
        to="US.1349120865530274",
        status=RecipientStatus.FAILED,
        wamid=None,
        attempts=3,
        sent_at=None,
        delivered_at=None,
        read_at=None,
        replied_at=None,
        failed_at=AT,
        held=None,
        broadcast_id=1,
        error_code=131026,
        error_title="=1+1",
        error_details='Not on "WhatsApp", ü',
        next_attempt_at=0,
    )
    assert ",".join(COLUMNS) == (
        "id,to,status,whatsapp_message_id,error_code,error_title,error_details,attempts,"
        "sent_at,delivered_at,read_at,replied_at,failed_at,held,pricing_category,pricing_type,pricing_model,"
        "pricing_billable,conversation_id,conversation_origin,conversation_expires_at"
    )
    assert csv_rows([accepted, failed]).decode() == (
        "1,+4915112345678,pending,wamid.A,,,,1,"
        "2026-09-21T14:13:20.123Z,2026-09-21T14:13:21.123Z,2026-09-21T14:13:22.123Z,2026-09-21T14:13:23.123Z,,"
        "paused,'=marketing,regular,PMP,true,c1,,2026-09-21T14:13:24.123Z\r\n"
        '2,US.1349120865530274,failed,,131026,\'=1+1,"Not on ""WhatsApp"", ü",3,'
        ",,,,2026-09-21T14:13:20.123Z,,,,,,,,\r\n"
    )


def test_the_documentation_names_all_columns() -> None:
    assert f"`{', '.join(COLUMNS)}`" in " ".join(API.read_text(encoding="utf-8").split())


def test_each_field_of_a_recipient_is_in_the_export() -> None:
    assert len(COLUMNS) == len(fields(RecipientView)) + 2 + 3 + 2  # parts of error, pricing, conversation
