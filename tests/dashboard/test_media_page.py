"""The page of files for the headers of messages: what each is, where Meta has it, upload and delete."""

from typing import Any

import httpx
import pytest

from tests.dashboard.client import SAME_ORIGIN, Browser
from tests.dashboard.conftest import VisitAs
from tests.dashboard.markup import MARKUP, assert_shown_as_text
from tests.support.patience import eventually_told
from tests.support.site import NUMBER, Site, people

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n"
NOBODY = "00000000-0000-4000-8000-000000000000"


async def send_file(
    browser: Browser, content: bytes, name: str = "spring.png", **fields: str
) -> httpx.Response:
    files = {"file": (name, content, "application/octet-stream")}
    return await browser.http.post("/media/new", files=files, data=fields, headers=SAME_ORIGIN)


async def stored(here: Site) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await here.admin("media.list")
    return found


async def test_a_file_is_uploaded_listed_used_and_deleted(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("operator")
    assert "There is no file" in (await browser.get("/media")).text
    answer = await send_file(browser, PNG + bytes(3000), "spring offer.png")
    assert "Stored: spring offer.png" in await browser.follow(answer)
    (file,) = await stored(here)

    async def is_at_meta() -> bool:
        (known,) = await stored(here)
        return any(each["meta_id"] for each in known["uploads"])

    await eventually_told(is_at_meta)
    (file,) = await stored(here)
    page = (await browser.get("/media")).text
    for said in (
        "image, PNG",
        "3.0\N{NARROW NO-BREAK SPACE}kB",
        file["id"],
        file["made_by"],
        "until <time",
        "nothing",
    ):
        assert said in page
    assert file["uploads"][0]["meta_id"] not in page, "it is of no use to anybody here"

    scheduled = await here.send(people(1), header={"image": {"id": file["id"]}}, draft=True)
    page = (await browser.get("/media")).text
    assert f'href="/broadcasts/{scheduled}"' in page
    assert f"/media/{file['id']}/remove" not in page
    refused = await browser.submit(f"/media/{file['id']}/remove")
    assert (refused.status_code, "is needed by" in refused.text) == (409, True)
    await here.api.delete(f"/api/v1/broadcasts/{scheduled}")

    async def is_free() -> bool:
        return not (await stored(here))[0]["used_by"]

    await eventually_told(is_free)
    assert "Delete spring offer.png?" in (await browser.get(f"/media/{file['id']}/remove")).text
    assert "Deleted: spring offer.png" in await browser.change(f"/media/{file['id']}/remove")
    assert await stored(here) == []


async def test_a_file_that_cannot_be_used_says_why_beside_the_field(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("operator")
    for content, name, status, said in (
        (b"GIF89a", "a.gif", 422, "a GIF image: save it as PNG"),
        (b"", "a.png", 422, "it is empty"),
        (PNG + bytes(6 << 20), "a.png", 413, "Meta takes images of at most 5.0 MB"),
    ):
        answer = await send_file(browser, content, name)
        assert (answer.status_code, said in answer.text.split('id="file-error"')[1]) == (status, True), name
    answer = await send_file(browser, PNG, account="nobody")
    assert (answer.status_code, 'id="account-error"' in answer.text) == (404, False)
    answer = await send_file(browser, PNG, **{"from": "999"})
    assert answer.status_code in (400, 404, 422)
    nothing = await browser.http.post(
        "/media/new", files={"file": ("", b"", "image/png")}, data={"account": "shop"}, headers=SAME_ORIGIN
    )
    assert (nothing.status_code, "choose a file" in nothing.text) == (422, True)
    assert await stored(here) == []


async def test_what_became_of_a_file_at_meta_is_said(here: Site, visit_as: VisitAs) -> None:
    here.sim.change(media_error_code=131053)
    browser = await visit_as("operator")
    await browser.follow(await send_file(browser, PNG + bytes(10), MARKUP[:100]))

    async def is_refused() -> bool:
        (known,) = await stored(here)
        return any(each["error"] for each in known["uploads"])

    await eventually_told(is_refused)
    page = (await browser.get("/media")).text
    assert 'class="warn"' in page
    (file,) = await stored(here)
    assert_shown_as_text(page, file["file_name"])


async def test_each_sees_the_files_of_the_own_accounts_and_a_viewer_changes_none(
    here: Site, visit_as: VisitAs
) -> None:
    await here.admin("account.add", name="rival")
    await here.admin("number.add", **NUMBER | {"account": "rival", "phone_number_id": "2", "waba_id": "99"})
    sender, rival = await visit_as("sender", "shop"), await visit_as("sender", "rival")
    await sender.follow(await send_file(sender, PNG, "ours.png"))
    (file,) = await stored(here)
    assert "ours.png" in (await sender.get("/media")).text
    assert "ours.png" not in (await rival.get("/media")).text
    assert (await rival.submit(f"/media/{file['id']}/remove")).status_code in (403, 404)
    assert "/remove" not in (await sender.get("/media")).text, "a sender deletes no file"
    assert (await sender.submit(f"/media/{file['id']}/remove")).status_code == 403

    viewer = await visit_as("viewer")
    page = (await viewer.get("/media")).text
    assert ("ours.png" in page, "/media/new" in page) == (True, False)
    assert "ours.png" not in (await viewer.get("/media?account=rival")).text
    for answer in (
        await viewer.get("/media/new"),
        await send_file(viewer, PNG),
        await viewer.get(f"/media/{file['id']}/remove"),
        await viewer.submit(f"/media/{file['id']}/remove"),
    ):
        assert answer.status_code == 403
    assert len(await stored(here)) == 1


async def test_a_file_that_is_gone_is_said(visit_as: VisitAs) -> None:
    browser = await visit_as("operator")
    assert (await browser.get(f"/media/{NOBODY}/remove")).status_code == 404
    assert (await browser.submit(f"/media/{NOBODY}/remove")).status_code == 404
