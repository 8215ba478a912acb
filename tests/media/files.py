"""Small files of each kind, and what tests do with them."""

import io
import json
import zipfile
from typing import Any

import httpx

from tests.support.site import Site

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(64)
MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(64)
NONE = 0xFFFFFFFF
"""No entry, in the directory of an old Office file."""
PDF = b"%PDF-1.7\n%\xe2\xe3\n" + bytes(64)


def office(folder: str) -> bytes:
    """The beginning of a document of Word (`word`), Excel (`xl`) or PowerPoint (`ppt`)."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("[Content_Types].xml", "<Types/>")
        file.writestr(f"{folder}/document.xml", "<x/>")
    return made.getvalue()


def old_office(*streams: str, inside: str | None = None) -> bytes:
    """The beginning of a compound file with these streams in its root, and one within a storage."""
    entries: list[tuple[str, int, int]] = [
        ("Root Entry", NONE, 1)
    ]  # name, the next one to the right, the first inside
    names = [*streams, "\x05SummaryInformation"]
    for at, name in enumerate(names, start=1):
        entries.append((name, at + 1 if at < len(names) else NONE, NONE))
    if inside is not None:
        entries[-1] = ("ObjectPool", NONE, len(entries))
        entries.append((inside, NONE, NONE))
    header = bytearray(512)
    header[:8], header[30:32], header[48:52] = (
        bytes.fromhex("d0cf11e0a1b11ae1"),
        (9).to_bytes(2, "little"),
        (2).to_bytes(4, "little"),
    )
    made = bytes(header) + bytes(1024)  # two sectors before the directory
    for name, right, child in entries:
        text = (name + "\0").encode("utf-16-le")
        made += text.ljust(64, b"\0") + len(text).to_bytes(2, "little") + b"\x01\x01"
        made += b"".join(each.to_bytes(4, "little") for each in (NONE, right, child)) + bytes(48)
    return made


async def upload(
    here: Site, content: bytes = PNG, name: str = "spring.png", kind: str | None = None, **fields: str
) -> httpx.Response:
    """`POST /api/v1/media`."""
    file = (name, content, kind) if kind is not None else (name, content)
    return await here.api.post("/api/v1/media", files={"file": file}, data=fields)


async def uploaded(here: Site, *given: Any, **more: Any) -> Any:
    """The data of an upload that is taken."""
    answer = await upload(here, *given, **more)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def headers_sent(here: Site) -> list[Any]:
    """The header's file of each message that Meta has, in order."""
    found = []
    for entry in here.sim.ledger.entries:
        components = json.loads(entry.body)["template"]["components"]
        parameter = next(each for each in components if each["type"] == "header")["parameters"][0]
        found.append(parameter[parameter["type"]])
    return found
