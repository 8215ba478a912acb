"""The form of an upload, as a parser of forms reads it."""

from collections.abc import AsyncIterator
from email import message_from_bytes
from typing import Any

import pytest

from wacrmd.meta.upload_form import LEAST_PATIENCE_S, MAX_NAME, SLOWEST, FileToUpload, upload_form

pytestmark = pytest.mark.anyio


async def parts() -> AsyncIterator[bytes]:
    yield b"%PDF-"
    yield b"1.7"


async def form_of(file: FileToUpload) -> tuple[bytes, dict[str, Any]]:
    """The body, and its fields."""
    long = upload_form(file, "mark")
    body = b"".join([part async for part in long.parts])
    assert len(body) == long.length
    found: Any = message_from_bytes(b"Content-Type: multipart/form-data; boundary=mark\r\n\r\n" + body)
    return body, {part.get_param("name", header="content-disposition"): part for part in found.get_payload()}


async def test_a_file_goes_to_meta_as_a_form_with_its_type() -> None:
    body, fields = await form_of(FileToUpload("application/pdf", "Preise ü.pdf", 8, parts()))
    assert list(fields) == ["messaging_product", "type", "file"]
    assert fields["messaging_product"].get_payload() == "whatsapp"
    assert fields["type"].get_payload() == "application/pdf"
    assert (fields["file"].get_payload(), fields["file"].get_content_type()) == (
        "%PDF-1.7",
        "application/pdf",
    )
    assert 'filename="Preise ü.pdf"'.encode() in body


async def test_a_name_cannot_end_its_line_or_its_quotes() -> None:
    body, fields = await form_of(FileToUpload("text/plain", 'a"b\\c\r\nX: y\x7f' + "z" * 300, 8, parts()))
    assert fields["file"].get_filename() == ("a_b_c__X: y_" + "z" * 300)[:MAX_NAME]
    assert b"\r\nX:" not in body


def test_a_larger_file_may_take_longer() -> None:
    file = FileToUpload("application/pdf", "a.pdf", 10 * SLOWEST, parts())
    assert file.patience_s == LEAST_PATIENCE_S + 10
