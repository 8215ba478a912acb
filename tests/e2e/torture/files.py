"""A file for the headers of some broadcasts: uploaded again after each answer that was lost, and always the same one."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.media.files import PNG

TEMPLATE = {
    "name": "picture",
    "language": "en_US",
    "category": "MARKETING",
    "components": [
        {"type": "HEADER", "format": "IMAGE"},
        {"type": "BODY", "text": "Hello {{1}}"},
    ],
}
"""The template that takes it."""


@dataclass
class Files:
    """Uploads the file; `media_id` is the id that the first answer has named."""

    problems: list[str]
    media_id: str | None = None

    async def picture(self, client: httpx.AsyncClient) -> dict[str, Any] | None:
        """The fields of a broadcast with the file; None while the daemon does not answer."""
        try:
            answer = await client.post("/api/v1/media", files={"file": ("spring.png", PNG)})
        except httpx.HTTPError:
            return None
        if answer.status_code != httpx.codes.CREATED:
            if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                self.problems.append(f"an upload was answered {answer.status_code}: {answer.text[:200]}")
            return None
        found = str(answer.json()["data"]["id"])
        if self.media_id not in (None, found):
            self.problems.append(f"the same file has the ids {self.media_id} and {found}")
        self.media_id = found
        return {"template_name": "picture", "header": {"image": {"id": found}}}
