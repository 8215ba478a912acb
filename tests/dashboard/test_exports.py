"""Who takes people's data away as a file is in the audit log, from pages and by commands."""

import pytest

from tests.dashboard.conftest import VisitAs
from tests.support.site import Site, people
from wacrmd.admin.protocol import RpcError
from wacrmd.domain.summed_calls import EXPORTS_AT_ONCE

pytestmark = [pytest.mark.anyio, pytest.mark.exhaustive(only=True)]


async def entries(here: Site) -> list[tuple[object, ...]]:
    """What the audit has about files."""
    methods = ("broadcast.export", "optout.export")
    return [
        (each["user"], each["via"], each["method"], each["params"], each["result"])
        for each in await here.admin("audit")
        if each["method"] in methods
    ]


async def test_files_of_people_are_in_the_audit_with_the_name_of_who_took_them(
    here: Site, visit_as: VisitAs
) -> None:
    broadcast = await here.send(people(3))
    await here.until_status(broadcast, "sent")
    await here.admin("optout.add", account="shop", phone="+14155550199")
    ann = await visit_as("viewer", "shop")
    assert (await ann.get(f"/broadcasts/{broadcast}/export?excel=1")).status_code == 200
    assert (await ann.get("/optouts/export.csv?account=shop")).status_code == 200
    found = [
        ("viewer-shop", "dashboard", "broadcast.export", {"id": broadcast, "excel": True}, "ok"),
        ("viewer-shop", "dashboard", "optout.export", {"account": "shop", "excel": False}, "ok"),
    ]
    assert await entries(here) == found
    assert "broadcast: export" in (await (await visit_as("admin")).get("/audit")).text


async def test_commands_that_write_them_out_are_audited_alike(here: Site) -> None:
    broadcast = await here.send(people(1))
    await here.admin("broadcast.export", id=broadcast)
    with pytest.raises(RpcError):
        await here.admin("broadcast.export", id="nothing")
    ((_, via, method, params, result),) = await entries(here)
    assert (via, method, params, result) == ("command", "broadcast.export", {"id": broadcast}, "ok")


async def test_whoever_takes_very_many_does_not_fill_the_disk(here: Site, visit_as: VisitAs) -> None:
    """Who may only read can ask for them all day: of a minute the first are written, and then their number."""
    ann = await visit_as("viewer", "shop")
    for _ in range(EXPORTS_AT_ONCE + 20):
        await ann.get("/optouts/export.csv?account=shop")
    for _ in range(EXPORTS_AT_ONCE + 20):
        await here.admin("optout.export", account="shop")
    assert len(await entries(here)) == 2 * EXPORTS_AT_ONCE
