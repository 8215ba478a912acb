"""A Python client that is generated from the OpenAPI document does the main job: send, follow, read, opt out."""

import sys
from pathlib import Path

import anyio
import pytest

from tests.clients.document import write_document
from tests.support.site import site

pytestmark = pytest.mark.anyio

GENERATE = "from openapi_python_client.cli import app; app()"

MAIN_JOB = """
import sys
import time
from uuid import UUID

from client import AuthenticatedClient
from client.api.broadcasts import get_broadcasts, get_broadcasts_id, get_broadcasts_id_recipients, post_broadcasts
from client.api.me import get_me
from client.api.optouts import get_optouts, post_optouts
from client.models import ErrorBody, NewBroadcast, NewOptOut, NewRecipient

url, key = sys.argv[1:]
with AuthenticatedClient(base_url=url, token=key) as client:
    account = get_me.sync(client=client).data.account
    assert account.name == "shop", account
    body = NewBroadcast(
        template_name="hello",
        recipients=[
            NewRecipient(to="+14155550123", params=["Jane"]),
            NewRecipient(to="+14155550124", params=["Jim", 7]),
            NewRecipient(to="12"),
        ],
    )
    created = post_broadcasts.sync(client=client, body=body, idempotency_key="one").data
    assert (created.accepted, created.rejected, created.rejections[0].index) == (2, 1, 2), created
    again = post_broadcasts.sync_detailed(client=client, body=body, idempotency_key="one")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert isinstance(created.broadcast_id, UUID) and again.parsed.data.broadcast_id == created.broadcast_id
    while (shown := get_broadcasts_id.sync(created.broadcast_id, client=client).data).delivered_count < 2:
        time.sleep(0.02)  # a client without the event stream polls
    assert shown.status == "sent" and shown.created_at.tzinfo is not None, shown
    pages, cursor = [], None
    while True:
        page = get_broadcasts_id_recipients.sync(
            created.broadcast_id, client=client, limit=1, **({"cursor": cursor} if cursor else {})
        )
        pages += page.data
        cursor = page.meta.next_cursor
        if cursor is None:
            break
    assert sorted(each.to for each in pages) == ["+14155550123", "+14155550124"], pages
    assert [each.id for each in get_broadcasts.sync(client=client).data] == [created.broadcast_id]
    asked = get_broadcasts_id_recipients._get_kwargs(created.broadcast_id, excel=True)  # it parses JSON alone
    export = client.get_httpx_client().request(**asked)
    assert export.content.decode("utf-8-sig").startswith("sep=,"), export
    post_optouts.sync(client=client, body=NewOptOut(phone="+14155550123"))
    (optout,) = get_optouts.sync(client=client).data
    assert optout.phone == "+14155550123", optout
    refused = post_broadcasts.sync(client=client, body=NewBroadcast(template_name="hello", recipients=[]))
    assert isinstance(refused, ErrorBody) and refused.error.code == "bad_request", refused
with AuthenticatedClient(base_url=url, token="wacrm_live_wrong") as client:
    refused = get_me.sync(client=client)
    assert isinstance(refused, ErrorBody) and refused.error.code == "unauthorized", refused
print("done")
"""


@pytest.mark.exhaustive(only=True)
async def test_a_generated_python_client_does_the_main_job(tmp_path: Path) -> None:
    document = write_document(tmp_path)
    made = await anyio.run_process(
        [
            *(sys.executable, "-c", GENERATE, "generate", "--meta", "none", "--fail-on-warning"),
            *("--path", str(document), "--output-path", str(tmp_path / "client")),
        ],
        check=False,
        env={"PATH": str(Path(sys.executable).parent)},
    )
    assert made.returncode == 0, (made.stdout + made.stderr).decode()
    async with site(tmp_path) as here:
        url = f"http://{here.running.api_address}"
        run = await anyio.run_process(
            [sys.executable, "-c", MAIN_JOB, url, here.key], check=False, cwd=tmp_path
        )
        assert run.stdout == b"done\n", run.stderr.decode()
