"""Drafts whose people have files in their headers."""

import json
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from tests.media.files import MP4, PDF, PNG, headers_sent, uploaded
from tests.support.patience import eventually_told
from tests.support.site import Site, people, site
from wacrmd.admin.client import AdminClient
from wacrmd.admin.protocol import RpcError

pytestmark = pytest.mark.anyio


async def give(here: Site, draft: str, recipients: list[dict[str, Any]], folder: Path) -> None:
    """Give a draft its people as JSON lines, and let it be checked."""
    file = folder / "people.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in recipients))

    def call() -> None:
        with AdminClient(here.socket) as client, file.open("rb") as opened:
            given = {"id": draft, "name": "people.jsonl", "format": "jsonl"}
            client.call("draft.upload", given, [opened.fileno()])

    await anyio.to_thread.run_sync(call)
    await here.admin("draft.check", id=draft)

    async def is_checked() -> bool:
        return bool((await here.admin("draft.show", id=draft))["state"] != "checking")

    await eventually_told(is_checked)


async def test_each_person_of_a_draft_may_have_a_file_of_their_own(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        one, two = await uploaded(here, PDF, "one.pdf"), await uploaded(here, PDF + b"2", "two.pdf")
        video = await uploaded(here, MP4, "a.mp4")
        draft = (await here.admin("draft.create", account="shop", template_name="hello"))["id"]
        ids = (one["id"], two["id"], video["id"], "11111111-2222-4333-8444-555555555555")
        own = [{**each, "header": {"document": {"id": ids[at]}}} for at, each in enumerate(people(4))]
        await give(here, draft, own, tmp_path)
        shown = await here.admin("draft.show", id=draft)
        reasons = [each["message"] for each in shown["check"]["rejections"]]
        assert ["is a video" in reasons[0], "there is no file" in reasons[1], len(reasons)] == [True, True, 2]
        for each in (one, two):
            with pytest.raises(RpcError, match="needed by Draft"):
                await here.admin("media.remove", id=each["id"])
        assert (await here.admin("media.remove", id=video["id"]))["kind"] == "video"
        await here.admin("draft.send", id=draft)
        await here.until_status(draft, "sent")
        names = {each["filename"]: each["id"] for each in headers_sent(here)}
        taken = {file.file_name: file.id for file in here.sim.media}
        assert names == {name: taken[name] for name in ("one.pdf", "two.pdf")}
        await here.admin("media.remove", id=one["id"])
        again = await here.admin("draft.again", id=draft, whom="all")
        await here.admin("draft.check", id=again["id"])


async def test_a_draft_of_a_program_has_files_too_and_one_made_again_has_none_that_is_gone(
    tmp_path: Path,
) -> None:
    async with site(tmp_path) as here:
        made = await uploaded(here, PNG, "a.png")
        header = {"image": {"id": made["id"]}}
        draft = await here.send(people(2), header=header, draft=True)
        more = [{**people(1, 50)[0], "header": header}]
        added = await here.api.post(f"/api/v1/broadcasts/{draft}/recipients", json={"recipients": more})
        assert added.status_code < 300, added.text
        with pytest.raises(RpcError, match="needed by"):
            await here.admin("media.remove", id=made["id"])
        sent = await here.api.post(f"/api/v1/broadcasts/{draft}/send")
        assert sent.status_code == 202, sent.text
        await here.until_status(draft, "sent")
        assert headers_sent(here) == [{"id": here.sim.media[0].id}] * 3
        await here.admin("media.remove", id=made["id"])
        with pytest.raises(RpcError, match="there is no file with this id"):
            await here.admin("draft.create", account="shop", template_name="hello", header=header)
        again = await here.admin("draft.again", id=draft, whom="all")
        assert again["content"] == {}
