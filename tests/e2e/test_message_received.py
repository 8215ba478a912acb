"""`message.received` says who wrote to whom, what, and which broadcast it answers."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.meta import metadata, post_change, seconds_now
from tests.support.received import NO_CONTENT
from tests.support.receiver import Receiver, receiver
from tests.support.site import PHONE_NUMBER_ID, Site, site

pytestmark = pytest.mark.anyio

ALLOW = '[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]'
JANE, JANE_ID, PARENT = "+14155550123", "US.13491208655302741918", "US.ENT.11815799212886844830"


async def received(
    here: Site, local: Receiver, message: dict[str, Any], contact: dict[str, Any]
) -> dict[str, Any]:
    """The event about a message that is posted as Meta writes it."""
    known = len(local.events())
    value = {
        "messaging_product": "whatsapp",
        "metadata": metadata(),
        "contacts": [contact],
        "messages": [{"timestamp": str(seconds_now()), **message}],
    }
    assert (await post_change(here.hook, "messages", value)).status_code == 200
    await local.until(lambda: len(local.events()) > known)
    data: dict[str, Any] = local.events()[-1]["data"]
    return data


async def test_an_event_has_everything_about_sender_number_and_broadcast(tmp_path: Path) -> None:
    async with receiver() as local, site(tmp_path, extra=ALLOW, webhooks=False) as here:
        await here.admin("webhook.add", account="shop", url=f"{local.url}/", events=["message.received"])
        broadcast_id = await here.send([{"to": JANE}])
        await here.until_status(broadcast_id, "sent")
        wamid = here.sim.ledger.entries[0].wamid
        contact = {
            "wa_id": JANE[1:],
            "user_id": JANE_ID,
            "parent_user_id": PARENT,
            "profile": {"name": "Jane", "username": "jane.doe"},
        }
        text = {"from": JANE[1:], "from_user_id": JANE_ID, "type": "text", "text": {"body": "Hi"}}
        data = await received(here, local, text | {"id": "in1", "context": {"id": wamid}}, contact)
        assert data == {
            "whatsapp_message_id": "in1",
            "from": JANE,
            "user_id": JANE_ID,
            "parent_user_id": PARENT,
            "wa_id": JANE[1:],
            "profile_name": "Jane",
            "username": "jane.doe",
            "number": {
                "id": here.number["id"],
                "phone_number_id": PHONE_NUMBER_ID,
                "display_phone": "+15550783881",
            },
            "group_id": None,
            "type": "text",
            "text": "Hi",
            "payload": None,
            "in_reply_to": wamid,
            "broadcast_id": broadcast_id,
            "recipient_id": 1,
            "attributed_by": "context",
            **NO_CONTENT,
            "message": data["message"],
        }
        assert data["message"] == text | {
            "id": "in1",
            "context": {"id": wamid},
            "timestamp": data["message"]["timestamp"],
        }
        data = await received(here, local, text | {"id": "in2"}, contact)
        assert (data["broadcast_id"], data["recipient_id"], data["attributed_by"]) == (
            broadcast_id,
            1,
            "newest",
        )
        data = await received(here, local, text | {"id": "in3", "context": {"id": "wamid.another"}}, contact)
        assert (data["broadcast_id"], data["recipient_id"], data["attributed_by"]) == (None, None, None)


async def test_edits_revokes_group_messages_and_errors_give_events_too(tmp_path: Path) -> None:
    async with receiver() as local, site(tmp_path, extra=ALLOW, webhooks=False) as here:
        await here.admin("webhook.add", account="shop", url=f"{local.url}/", events=["message.received"])
        head = {"from": "14152000003"}
        contact = {"wa_id": "14152000003"}
        edited = {"type": "text", "text": {"body": "I meant Tuesday"}}
        edit = {"type": "edit", "edit": {"original_message_id": "in0", "message": edited}}
        data = await received(here, local, head | edit | {"id": "in1"}, contact)
        assert (data["type"], data["text"], data["original_message_id"]) == ("edit", "I meant Tuesday", "in0")
        revoke = {"type": "revoke", "revoke": {"original_message_id": "in0"}}
        data = await received(here, local, head | revoke | {"id": "in2"}, contact)
        assert (data["type"], data["text"], data["original_message_id"]) == ("revoke", None, "in0")
        group = {"type": "text", "text": {"body": "hello all"}, "group_id": "Y2FwaV9ncm91cDox"}
        data = await received(here, local, head | group | {"id": "in3"}, contact)
        assert (data["group_id"], data["broadcast_id"]) == ("Y2FwaV9ncm91cDox", None)
        errors = [{"code": 131051, "title": "Message type unknown", "details": "Not supported"}]
        data = await received(
            here, local, head | {"id": "in4", "type": "unsupported", "errors": errors}, contact
        )
        assert data["errors"] == errors


async def test_events_of_a_person_who_hides_their_number_are_erased_with_them(tmp_path: Path) -> None:
    async with receiver() as local, site(tmp_path, extra=ALLOW, webhooks=False) as here:
        await here.admin("webhook.add", account="shop", url=f"{local.url}/", events=["message.received"])
        message = {"id": "in1", "from_parent_user_id": PARENT, "type": "text", "text": {"body": "My secret"}}
        data = await received(here, local, message, {"profile": {"name": "Jane"}})
        assert (data["from"], data["user_id"], data["parent_user_id"]) == (None, None, PARENT)
        erased = (await here.admin("erase", phone=PARENT, forget_optout=True))["erased"]
        assert erased["webhook_delivery"] == 1
