"""A key file that is changed while the daemon runs does not matter until the next start; `doctor` says so before."""

import json
import shutil
from pathlib import Path

import pytest

from tests.operator.conftest import Wacrmd
from tests.support.site import people, site
from wacrmd import key_file

pytestmark = pytest.mark.anyio


async def said(wacrmd: Wacrmd, *options: str | Path) -> dict[str, str]:
    """The finding about the key file."""
    _, out, _ = await wacrmd(*options, "doctor", "--json")
    (found,) = [each for each in json.loads(out)["checks"] if each["check"] == "key file"]
    return dict(found)


async def test_the_daemon_goes_on_and_the_doctor_says_what_is_wrong(tmp_path: Path, wacrmd: Wacrmd) -> None:
    path, copy = tmp_path / "wacrmd.db.key", tmp_path / "copy"
    async with site(tmp_path) as here:
        shutil.copy2(path, copy)
        own = key_file.read(path)[0].fingerprint
        found = await said(wacrmd)
        assert (found["state"], found["detail"]) == ("ok", f"{path} has the key of the database, {own}")
        path.unlink()
        found = await said(wacrmd)
        assert found["state"] == "fail"
        assert found["detail"].startswith(f"the key file {path} is missing: put back your copy of it")
        assert found["detail"].endswith(f"({tmp_path}/wacrmd.db needs the key {own})")
        assert "before the daemon is stopped" in found["advice"]
        key_file.create(path)
        other = key_file.read(path)[0].fingerprint
        found = await said(wacrmd)
        assert found["detail"].startswith(f"the key file {path} has the key {other}, and")
        assert f"needs the key {own}" in found["detail"]
        await here.until_status(await here.send(people(5)), "sent")
        await here.admin("webhook.add", account="shop", url="http://93.184.215.14/")
        await here.sim.idle()
        shutil.copy2(copy, path)
        assert (await said(wacrmd))["state"] == "ok"


async def test_without_a_daemon_the_doctor_compares_key_file_and_database(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    async with site(tmp_path):
        pass
    path, config = tmp_path / "wacrmd.db.key", tmp_path / "config.toml"
    config.write_text(
        f'[storage]\npath = "{tmp_path}/wacrmd.db"\n[admin]\nsocket = "{tmp_path}/admin.sock"\n'
    )
    own = key_file.read(path)[0].fingerprint
    assert (await said(wacrmd, "--config", config))["state"] == "ok"
    path.unlink()
    key_file.create(path)
    found = await said(wacrmd, "--config", config)
    assert (found["state"], f"needs the key {own}" in found["detail"]) == ("fail", True)
