"""What a file is by its content, and whether Meta takes it."""

from typing import Any

import pytest

from tests.media.files import JPEG, MP4, PDF, PNG, office, old_office
from tests.support.table import rows
from wacrmd.domain.media import LARGEST, MIME_TYPES, MediaKind, Sample, mime_type_of, name_of, size_problem
from wacrmd.domain.old_office import directory_at

OFFICE = "application/vnd.openxmlformats-officedocument"
OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(64)
MIB = 1 << 20


@rows(
    ("content", "name", "declared", "found"),
    [
        (JPEG, "a.jpg", "", "image/jpeg"),
        (JPEG, "a.png", "image/jpg", "image/jpeg"),
        (JPEG, "a", "IMAGE/JPEG; q=1", "image/jpeg"),
        (PNG, "a", "application/octet-stream", "image/png"),
        (MP4, "a.mp4", "video/mp4", "video/mp4"),
        (b"\x00\x00\x00\x18ftyp3gp4" + bytes(9), "a", "video/3gp", "video/3gpp"),
        # What Python and Apache call every file .3gp, and what old Windows calls a JPEG.
        (b"\x00\x00\x00\x18ftyp3gp4" + bytes(9), "a.3gp", "audio/3gpp", "video/3gpp"),
        (JPEG, "a.jpg", "image/pjpeg", "image/jpeg"),
        (b"\x00\x00\x00\x18ftyp3gr6" + bytes(9), "a", "", "video/3gpp"),
        (b"\x00\x00\x00\x18ftyp3gs7" + bytes(9), "a", "", "video/3gpp"),
        (b"\x00\x00\x00\x18ftypisom" + bytes(9), "a", "", "video/mp4"),
        (PDF, "a.pdf", "application/x-pdf", "application/pdf"),
        (b"\xef\xbb\xbf \n%PDF-1.4", "a.pdf", "", "application/pdf"),
        (office("word"), "a.docx", "", f"{OFFICE}.wordprocessingml.document"),
        (office("xl"), "a.xlsx", f"{OFFICE}.spreadsheetml.sheet", f"{OFFICE}.spreadsheetml.sheet"),
        (office("ppt"), "a.pptx", "application/zip", f"{OFFICE}.presentationml.presentation"),
        (OLE, "a.DOC", "", "application/msword"),
        (OLE, "b.a.xls", "", "application/vnd.ms-excel"),
        (OLE, "a.ppt", "", "application/vnd.ms-powerpoint"),
        # the streams of an old Office file count, not its name
        (old_office("WordDocument", "1Table"), "a.xls", "", "application/msword"),
        (old_office("1Table", "Workbook"), "a", "", "application/vnd.ms-excel"),
        (old_office("Book"), "a.doc", "", "application/vnd.ms-excel"),
        (old_office("Current User", "PowerPoint Document"), "a.doc", "", "application/vnd.ms-powerpoint"),
        (old_office("WordDocument", inside="Workbook"), "a.doc", "", "application/msword"),
        (old_office("MatOST"), "a.ppt", "", "application/vnd.ms-powerpoint"),
        (old_office("WordDocument", "Workbook"), "a.doc", "", "application/msword"),
        (old_office("WordDocument")[:1700], "a.xls", "", "application/vnd.ms-excel"),  # it is cut off
        ("Grüße".encode(), "a.txt", "", "text/plain"),
        ("Viele Grüße".encode()[:-2], "a", "text/plain; charset=utf-8", "text/plain"),
    ],
)
def test_a_file_is_what_its_content_says(content: bytes, name: str, declared: str, found: str) -> None:
    place = directory_at(content)
    directory = b"" if place is None else content[place:]
    assert mime_type_of(Sample(content, content[-9:], name, declared, directory)) == found
    assert found in MIME_TYPES


@rows(
    ("content", "name", "declared", "words"),
    [
        (b"GIF89a", "a.png", "", "GIF image"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "a.webp", "", "found a WebP image: save it as JPEG$"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "a.wav", "", "found something else"),
        (b"RAFF\x00\x00\x00\x00WEBPVP8 ", "a.webp", "", "found something else"),
        (b"\x00\x00\x00\x18ftypM4A ", "a.m4a", "", "sound"),
        (b"\x00\x00\x00\x18ftypqt  ", "a.mov", "", "QuickTime"),
        (b"\x00\x00\x00\x18ftypheic", "a.heic", "", "HEIC"),
        (b"PK\x03\x04 photos/a.jpg", "a.zip", "", "found a ZIP file$"),
        (old_office("!_StringData"), "a.msi", "", r"\.doc, \.xls or \.ppt$"),
        (OLE, "a.msi", "", r"^it is an old Office file: its name must end in \.doc, \.xls or \.ppt$"),
        (b"name,phone\n", "a.csv", "text/csv", "something else"),
        (b"abc\x00", "a.txt", "", "found a text that is not in UTF-8: save it so$"),
        (b"Hi", "a.txt", "x" * 200, f"declared as {'x' * 100}, and"),
        (b"\xff\xfea\x00", "a.txt", "", "not in UTF-8"),
        (b"caf\xe9", "a.txt", "", "not in UTF-8"),
        (b"<svg>", "a.svg", "image/svg+xml", "something else"),
        (PNG, "a.png", "image/jpeg", "declared as image/jpeg, and its content is image/png"),
        (PDF, "a.jpg", "image/jpeg", "declared as image/jpeg"),
        (b"Hi", "a.txt", "application/pdf", "declared as application/pdf"),
    ],
)
def test_what_meta_does_not_take_is_told_in_words(
    content: bytes, name: str, declared: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        mime_type_of(Sample(content, content, name, declared))


def test_the_folder_of_an_office_file_may_stand_at_its_end() -> None:
    sample = Sample(b"PK\x03\x04[Content_Types].xml", b"PK\x01\x02 word/document.xml", "a.docx")
    assert mime_type_of(sample) == f"{OFFICE}.wordprocessingml.document"


@rows(
    ("kind", "size", "largest", "words"),
    [
        ("image/png", 0, 100 * MIB, "it is empty"),
        ("image/png", 1024, 1024, None),
        ("image/png", 3000, 2000, "3000 bytes, and [limits] max_media_bytes allows 2000 bytes"),
        ("image/png", 5 * MIB, 100 * MIB, None),
        (
            "image/png",
            5 * MIB + 1,
            100 * MIB,
            "5242881 bytes, and Meta takes images of at most 5242880 bytes",
        ),
        ("image/png", 6 * MIB, 100 * MIB, "6.0 MB, and Meta takes images of at most 5.0 MB"),
        ("video/mp4", 16 * MIB + 1, 100 * MIB, "videos of at most 16777216 bytes"),
        ("application/pdf", 100 * MIB, 100 * MIB, None),
        ("application/pdf", 100 * MIB + 1, 200 * MIB, "documents of at most 104857600 bytes"),
        ("application/pdf", 2 * MIB, 1 * MIB, "max_media_bytes allows 1.0 MB"),
        ("image/png", 1025, 1024, "1025 bytes, and [limits] max_media_bytes allows 1024 bytes"),
    ],
)
def test_a_size_is_compared_with_metas_and_with_the_configured_one(
    kind: str, size: int, largest: int, words: Any
) -> None:
    problem = size_problem(kind, size, largest)
    assert (problem is None) == (words is None)
    assert words is None or str(problem).endswith(words)


@rows(
    ("given", "name"),
    [
        ("Frühling 🌸.pdf", "Frühling 🌸.pdf"),
        ("a\x00\x1b[31mb\u202egnp.pdf", "a__[31mb_gnp.pdf"),
        (" a.pdf\n", "a.pdf_"),
        ("", "file"),
        ("   ", "file"),
        ("..", "file"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("x" * 300, "x" * 200),
        ("x" * 196 + ".pdf", "x" * 196 + ".pdf"),
        ("x" * 197 + ".pdf", "x" * 196 + ".pdf"),
        ("x" * 196 + " " * 9 + "." + "y" * 40, "x" * 196),
        ("x" * 300 + "." + "y" * 10, "x" * 189 + "." + "y" * 10),
        ("x" * 300 + "." + "y" * 11, "x" * 200),
        (" a", "a"),
        ("X..", "X.."),
    ],
)
def test_a_name_has_nothing_that_no_name_has_and_keeps_its_extension(given: str, name: str) -> None:
    assert name_of(given) == name


def test_each_kind_has_types_and_a_limit() -> None:
    assert set(MIME_TYPES.values()) == set(LARGEST) == set(MediaKind)
