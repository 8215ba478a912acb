"""A site without an account: each form that needs one says what to do."""

from functools import partial

import pytest

from tests.dashboard.conftest import VisitAs
from tests.support.site import Site
from wacrmd.store.database import Tx

pytestmark = pytest.mark.anyio

FORMS = ("/keys/new", "/webhooks/new", "/numbers/new", "/optouts/new", "/optouts/import", "/users/new")


async def test_forms_that_need_an_account_say_how_to_add_one(here: Site, visit_as: VisitAs) -> None:
    admin = await visit_as("admin")
    said = "wacrmd account add NAME"
    for path in FORMS:
        assert said not in (await admin.get(path)).text, path
    for table in ("app_secret", "number"):  # a number that is removed keeps its row
        await here.running.ctx.db.write(partial(_empty, table=table))
    for key in await here.admin("key.list"):
        await here.admin("key.revoke", id=key["id"])
    await here.admin("account.remove", name="shop")
    for path in FORMS:
        assert said in (await admin.get(path)).text, path


def _empty(tx: Tx, *, table: str) -> None:
    tx.execute(f"DELETE FROM {table}")
