"""Setting up with the commands of docs/operations.md and Meta's test number."""

import json
from pathlib import Path

import pytest

from tests.operator.conftest import Wacrmd, wacrmd
from tests.support.site import WABA_ID, site

__all__ = ["wacrmd"]

pytestmark = pytest.mark.anyio

OTHER = "106540352242923"
META_TEST_NUMBER = "+15550783881"
"""Meta gives test numbers in +1 555, which no numbering plan knows."""


async def test_the_number_of_a_meta_test_account_is_accepted_as_display_phone(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    async with site(tmp_path) as here:
        for name in ("access-token", "app-secret", "verify-token"):
            (tmp_path / name).write_text("word\n")
        secrets = [part for name in ("access-token", "app-secret", "verify-token")
                   for part in (f"--{name}-file", str(tmp_path / name))]  # fmt: skip
        add = ["--json", "number", "add", "--account", "shop", "--no-check", "--phone-number-id", OTHER]
        code, out, err = await wacrmd(
            *add, "--waba-id", WABA_ID, "--display-phone", "+1 555-078-3881", *secrets
        )
        assert (code, err) == (0, "")
        assert json.loads(out)["display_phone"] == META_TEST_NUMBER
        with pytest.raises(Exception, match="display_phone"):
            await here.admin("number.set", id=OTHER, display_phone="no number")


async def test_adding_an_account_answers_its_id_and_name(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path):
        code, out, _ = await wacrmd("--json", "account", "add", "second")
        assert code == 0
        assert set(json.loads(out)) == {"id", "name"}
        assert json.loads(out)["name"] == "second"
