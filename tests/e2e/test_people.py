"""A person is one record, whatever ids a payload gives: who said STOP gets no message at any address."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.meta import inbound_message, metadata, post_change, preference_change, seconds_now, status
from tests.support.patience import eventually
from tests.support.receiver import receiver
from tests.support.site import ACCESS_TOKEN, APP_SECRET, PHONE_NUMBER_ID, VERIFY_TOKEN, WABA_ID, Site, site
from wacrmd.clock import SECOND
from wacrmd.services.meta_events.ingest import store_notes
from wacrmd.simulator.people import user_id_of

pytestmark = pytest.mark.anyio

NUMBER = {
    "phone_number_id": PHONE_NUMBER_ID,
    "waba_id": WABA_ID,
    "access_token": ACCESS_TOKEN,
    "app_secret": APP_SECRET,
    "verify_token": VERIFY_TOKEN,
}

ALLOW = '[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]'
JANE, JIM = "+14155550123", "+14155550188"
JANE_ID, PARENT = user_id_of(JANE[1:]), "US.ENT.11815799212886844830"


async def sent_to(here: Site, *addresses: str) -> list[str]:
    """Wamids of a broadcast to these addresses, in their order, without its webhooks."""
    before = len(here.sim.ledger.entries)
    broadcast_id = await here.send([{"to": each} for each in addresses])
    await here.until_status(broadcast_id, "sent")
    entries = {entry.send.input: entry.wamid for entry in here.sim.ledger.entries[before:]}
    return [entries[each] for each in addresses]


async def reach(here: Site, *addresses: str) -> dict[str, Any]:
    """What a dry run to these addresses says."""
    answer = await here.api.post(
        "/api/v1/broadcasts?dry_run=true",
        json={"template_name": "hello", "recipients": [{"to": each} for each in addresses]},
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


async def suppressed(here: Site, *addresses: str) -> bool:
    """Whether nobody with these addresses would get a message, each asked for alone."""
    return all([(await reach(here, each))["accepted"] == 0 for each in addresses])


async def messages(here: Site, *found: dict[str, Any], contacts: list[dict[str, Any]] | None = None) -> None:
    """Post messages as Meta writes them."""
    value = {"messaging_product": "whatsapp", "metadata": metadata(), "messages": list(found)}
    answer = await post_change(here.hook, "messages", value | ({"contacts": contacts} if contacts else {}))
    assert answer.status_code == 200, answer.text


def text(body: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"wamid.{body}{len(more)}{seconds_now()}",
        "timestamp": str(seconds_now()),
        "type": "text",
        "text": {"body": body},
        **more,
    }


async def test_a_user_id_that_only_a_status_named_in_its_contacts_is_the_person(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False, user_ids=False) as here:
        (wamid,) = await sent_to(here, JANE)
        value = {
            "messaging_product": "whatsapp",
            "metadata": metadata(),
            "statuses": [
                {
                    "id": wamid,
                    "status": "delivered",
                    "timestamp": str(seconds_now()),
                    "recipient_id": JANE[1:],
                }
            ],
            "contacts": [{"wa_id": JANE[1:], "user_id": JANE_ID, "profile": {"name": "Jane"}}],
        }
        assert (await post_change(here.hook, "messages", value)).status_code == 200
        await inbound_message(here, "STOP", user_id=JANE_ID)
        assert await suppressed(here, JANE, JANE_ID)


async def test_a_stop_with_the_parent_id_of_a_recipient_who_was_addressed_by_it(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        await sent_to(here, PARENT)
        await messages(here, text("STOP", from_user_id=JANE_ID, from_parent_user_id=PARENT))
        assert await suppressed(here, PARENT, JANE_ID)


@pytest.mark.parametrize("wa_id", ["22507123456", "22997123456"])
async def test_a_stop_from_an_id_in_a_form_that_is_no_valid_number_any_more(
    tmp_path: Path, wa_id: str
) -> None:
    today = {"22507123456": "+2250707123456", "22997123456": "+2290197123456"}[wa_id]
    async with site(tmp_path, webhooks=False) as here:
        await inbound_message(here, "STOP", wa_id=wa_id)
        assert await suppressed(here, today)
        (optout,) = (await here.api.get("/api/v1/optouts")).json()["data"]
        assert optout["phone"] == today


async def test_two_forms_of_an_argentine_number_are_one_person(tmp_path: Path) -> None:
    with_nine, without = "+5491155551299", "+541155551299"
    async with site(tmp_path, webhooks=False) as here:
        found = await reach(here, with_nine, without)
        assert (found["accepted"], found["duplicates"]) == (1, 1)
        broadcast_id = await here.send([{"to": without}, {"to": with_nine}])
        await here.until_status(broadcast_id, "sent")
        assert len(here.sim.ledger.entries) == 1
        await inbound_message(here, "BAJA", wa_id=with_nine[1:])
        assert await suppressed(here, with_nine, without)


async def test_an_opt_out_holds_after_a_changed_number_in_any_order(tmp_path: Path) -> None:
    for order, folder in (
        (("stop", "change"), "a"),
        (("change", "stop"), "b"),
        (("change", "change", "stop"), "c"),
    ):
        (tmp_path / folder).mkdir()
        async with site(tmp_path / folder, webhooks=False) as here:
            await sent_to(here, JANE, JIM)
            changed = {
                "id": "wamid.sys",
                "from": JANE[1:],
                "timestamp": str(seconds_now()),
                "type": "system",
                "system": {"body": "Jane changed", "wa_id": JIM[1:], "type": "user_changed_number"},
            }
            for step in order:
                if step == "stop":
                    await inbound_message(here, "STOP", wa_id=JANE[1:])
                else:
                    await messages(here, changed)
            assert await suppressed(here, JANE, JIM), order


async def test_an_opt_out_holds_after_a_changed_user_id(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        await inbound_message(here, "STOP", user_id=JANE_ID)
        await messages(
            here,
            {
                "id": "wamid.sys",
                "timestamp": str(seconds_now()),
                "type": "system",
                "system": {
                    "type": "user_changed_user_id",
                    "user_id": "US.222",
                    "previous_user_id": JANE_ID,
                    "parent_user_id": "US.ENT.2",
                    "previous_parent_user_id": PARENT,
                },
            },
        )
        assert await suppressed(here, JANE_ID, "US.222", "US.ENT.2", PARENT)


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("days", [3, 1000], ids=["late", "of a time that cannot be"])
@pytest.mark.parametrize("first", ["stop", "change"])
async def test_an_opt_out_holds_after_a_changed_number_that_comes_after_our_message(
    tmp_path: Path, first: str, days: int
) -> None:
    """Our message has named who has the number now, and Meta's payloads are older."""
    at = seconds_now() - days * 24 * 3600
    changed = {
        "id": "wamid.sys",
        "from": JANE[1:],
        "timestamp": str(at),
        "type": "system",
        "system": {"body": "Jane changed", "wa_id": JIM[1:], "type": "user_changed_number"},
    }
    async with site(tmp_path, webhooks=False) as here:
        await sent_to(here, JANE)
        if first == "change":
            await messages(here, changed)
        await inbound_message(here, "STOP", wa_id=JIM[1:], user_id="US.555", at=at + 2)
        if first == "stop":
            await messages(here, changed)
        assert await suppressed(here, JANE, JIM, "US.555")


async def test_the_id_that_comes_with_a_changed_number_is_the_same_person_though_our_message_named_the_old_one_later(
    tmp_path: Path,
) -> None:
    at = seconds_now() - 3 * 24 * 3600
    changed = {
        "id": "wamid.sys",
        "from": JANE[1:],
        "timestamp": str(at + 1),
        "type": "system",
        "system": {"body": "Jane changed", "wa_id": JIM[1:], "type": "user_changed_number"},
    }
    async with site(tmp_path, webhooks=False) as here:
        await sent_to(here, JANE)
        await inbound_message(here, "STOP", wa_id=JANE[1:], at=at)
        await messages(here, changed)
        await inbound_message(here, "Hello", wa_id=JIM[1:], user_id="US.555", at=at + 2)
        assert await suppressed(here, JANE, JIM, "US.555")


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("first", ["stop", "change"])
async def test_a_stop_by_the_phone_alone_is_that_of_who_has_it_since_before(
    tmp_path: Path, first: str
) -> None:
    async with site(tmp_path, webhooks=False) as here:
        await sent_to(here, JANE, JIM)
        now = seconds_now()
        changed = {
            "id": "wamid.sys",
            "from": JANE[1:],
            "timestamp": str(now + 1),
            "type": "system",
            "system": {"body": "Jane changed", "wa_id": JIM[1:], "type": "user_changed_number"},
        }
        if first == "change":
            await messages(here, changed)
        await inbound_message(here, "STOP", wa_id=JIM[1:], at=now + 2)
        if first == "stop":
            await messages(here, changed)
        assert await suppressed(here, JANE, JIM)


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("field", ["messages", "user_id_update"])
async def test_an_opt_out_holds_after_a_changed_user_id_as_meta_told_it_before(
    tmp_path: Path, field: str
) -> None:
    """The old id stood only in the sentence of the system message, and in a field of its own."""
    told = {
        "messages": {
            "id": "wamid.sys",
            "timestamp": str(seconds_now()),
            "type": "system",
            "system": {
                "type": "user_changed_user_id",
                "user_id": "US.222",
                "body": f"User Jane changed from {JANE_ID} to US.222",
            },
        },
        "user_id_update": {
            "wa_id": JANE[1:],
            "user_id": {"previous": JANE_ID, "current": "US.222"},
            "timestamp": str(seconds_now()),
        },
    }
    async with site(tmp_path, webhooks=False) as here:
        await inbound_message(here, "STOP", user_id=JANE_ID)
        value = {"messaging_product": "whatsapp", "metadata": metadata(), field: [told[field]]}
        assert (await post_change(here.hook, field, value)).status_code == 200
        assert await suppressed(here, JANE_ID, "US.222")


async def test_a_number_that_gets_another_holder_keeps_its_opt_out_until_that_person_lifts_it(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, webhooks=False) as here:
        now = seconds_now()
        await inbound_message(here, "STOP", wa_id=JANE[1:], user_id=JANE_ID, at=now)
        await inbound_message(here, "Hello", wa_id=JANE[1:], user_id="US.222", at=now + 1)
        assert await suppressed(here, JANE, JANE_ID, "US.222")
        listed = (await here.api.get("/api/v1/optouts")).json()["data"]
        assert {each["detail"] for each in listed} == {
            "STOP",
            "An earlier holder of this phone number opted out; the number has another user id since",
        }
        await preference_change(here, "resume", wa_id=JANE[1:], user_id="US.222", at=now + 2)
        assert not await suppressed(here, JANE)
        assert await suppressed(here, JANE_ID), "the first person has not opted in"
        await inbound_message(here, "Late", wa_id=JANE[1:], user_id=JANE_ID, at=now)
        assert not await suppressed(here, JANE), "an old message changes no holder"


async def test_a_changed_number_that_meta_tells_again_is_not_taken_from_its_next_holder(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, webhooks=False) as here:
        now = seconds_now()
        changed = {"type": "user_changed_number", "wa_id": JIM[1:], "body": "…"}
        system = {
            "id": "wamid.s",
            "from": JANE[1:],
            "timestamp": str(now),
            "type": "system",
            "system": changed,
        }
        await inbound_message(here, "STOP", wa_id=JANE[1:], user_id=JANE_ID, at=now)
        await messages(here, system)
        await inbound_message(here, "Hello", wa_id=JIM[1:], user_id="US.44", at=now + 1)
        await inbound_message(here, "Hello", wa_id=JIM[1:], user_id="US.555", at=now + 2)
        await preference_change(here, "resume", wa_id=JIM[1:], user_id="US.555", at=now + 3)
        await messages(here, system)
        assert not await suppressed(here, JIM)
        assert await suppressed(here, JANE, JANE_ID, "US.44")


async def test_two_recipients_who_turn_out_to_be_one_person_get_one_message(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        await here.admin("number.set", id=here.number["id"], messages_per_second=1)
        broadcast_id = await here.send([{"to": "+14155550100"}, {"to": JANE}, {"to": JANE_ID}])
        await inbound_message(here, "Hello", wa_id=JANE[1:], user_id=JANE_ID)
        await here.until_status(broadcast_id, "sent")
        shown = await here.show(broadcast_id)
        assert (shown["sent_count"], shown["cancelled_count"]) == (2, 1)
        (cancelled,) = (
            await here.api.get(f"/api/v1/broadcasts/{broadcast_id}/recipients?status=cancelled")
        ).json()["data"]
        assert cancelled["to"] == JANE_ID
        assert cancelled["error"]["title"] == "The same person gets this message at another address"


async def test_people_are_not_joined_by_a_name_or_by_the_end_of_a_number(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        other = "+525512345678"
        contacts = [
            {"profile": {"name": "Jane"}, "wa_id": "12025550123"},
            {"profile": {"name": "Jane"}, "wa_id": JANE[1:]},
        ]
        await messages(here, text("STOP", **{"from": "12025550123"}), contacts=contacts)
        assert await suppressed(here, "+12025550123")
        assert not await suppressed(here, JANE)
        await inbound_message(here, "STOP", wa_id="5512345678", message_id="wamid.short")
        assert not await suppressed(here, other)


async def test_who_quotes_our_message_is_its_recipient(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False, user_ids=False) as here:
        (wamid,) = await sent_to(here, JANE)
        await inbound_message(here, "STOP", user_id=JANE_ID, context=wamid)
        assert await suppressed(here, JANE, JANE_ID)
        (optout,) = (await here.api.get("/api/v1/optouts")).json()["data"]
        assert optout["broadcast_id"] is not None


async def test_an_export_and_an_erasure_take_the_whole_person(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        await inbound_message(here, "Hello", user_id=JANE_ID)
        await sent_to(here, JANE)
        await sent_to(here, JANE_ID)
        found = await here.admin("export-person", phone=JANE_ID)
        assert sorted(each["to"] for each in found["messages"]) == sorted([JANE, JANE_ID])
        assert {each["address"] for each in found["addresses"]} == {JANE, JANE_ID}
        assert [each["event"] for each in found["changes"]] == ["merged"]
        await here.admin("erase", phone=JANE)
        assert (await here.admin("export-person", phone=JANE_ID))["messages"] == []


async def test_statuses_of_a_number_that_was_removed_and_added_again(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        broadcast_id = await here.send([{"to": JANE}])
        await here.until_status(broadcast_id, "sent")
        (entry,) = here.sim.ledger.entries
        await here.admin("number.remove", id=here.number["id"])
        await here.admin("number.add", account="shop", **NUMBER)
        await status(here, entry.wamid, "delivered", recipient_id=JANE[1:])
        await inbound_message(here, "Thank you", wa_id=JANE[1:])
        shown = await here.show(broadcast_id)
        assert (shown["delivered_count"], shown["replied_count"]) == (1, 1)


async def test_a_reply_by_user_id_before_the_answer_that_names_it_counts(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False, hold_answers=True) as here:
        broadcast_id = await here.send([{"to": JANE}])
        await eventually(lambda: len(here.sim.ledger.entries) == 1)
        await inbound_message(here, "Yes", user_id=JANE_ID)
        assert (await here.show(broadcast_id))["replied_count"] == 0
        here.sim.change(hold_answers=False)
        await here.until(broadcast_id, lambda shown: shown["replied_count"] == 1)


async def test_a_signup_after_an_opt_out_is_an_opt_in(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        now = seconds_now()
        await preference_change(here, "stop", wa_id=JANE[1:], at=now)
        assert await suppressed(here, JANE)
        await preference_change(here, "signup", wa_id=JANE[1:], at=now + 1)
        assert not await suppressed(here, JANE)
        await preference_change(here, "stop", wa_id=JANE[1:], at=now)
        assert not await suppressed(here, JANE), "an old stop that comes late"


async def test_an_edited_message_counts_with_its_new_text(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        broadcast_id = await here.send([{"to": JANE}])
        await here.until_status(broadcast_id, "sent")
        (entry,) = here.sim.ledger.entries
        edited = {
            "id": "wamid.in6",
            "from": JANE[1:],
            "timestamp": str(seconds_now()),
            "type": "edit",
            "edit": {
                "original_message_id": "wamid.in5",
                "message": {"context": {"id": entry.wamid}, "type": "text", "text": {"body": "STOP"}},
            },
        }
        await messages(here, edited)
        assert await suppressed(here, JANE)
        assert (await here.show(broadcast_id))["replied_count"] == 0


@pytest.mark.exhaustive(enough=3)
@pytest.mark.parametrize(
    "message",
    [
        {"type": "revoke", "revoke": {"original_message_id": "wamid.theirs"}},
        {"type": "text", "text": {"body": "hello all"}, "group_id": "Y2FwaV9ncm91cDox"},
        {"type": "reaction", "reaction": {"message_id": "wamid.else", "emoji": "👍"}},
        {"type": "reaction", "reaction": {"message_id": "wamid.else"}},
        {"type": "reaction", "reaction": {"emoji": "👍"}},
        {"type": "system", "system": {"type": "user_identity_changed", "body": "…"}},
        {"type": "text", "text": {"body": "when do you open?"}, "timestamp": str(seconds_now() - 7200)},
        {"type": "request_welcome"},
    ],
    ids=lambda each: str(each.get("type")),
)
async def test_what_nobody_wrote_to_us_after_the_broadcast_is_no_reply(
    tmp_path: Path, message: dict[str, Any]
) -> None:
    async with site(tmp_path, webhooks=False) as here:
        broadcast_id = await here.send([{"to": JANE}])
        await here.until_status(broadcast_id, "sent")
        base = {"id": "wamid.no-reply", "from": JANE[1:], "timestamp": str(seconds_now())}
        await messages(here, base | message)
        assert (await here.show(broadcast_id))["replied_count"] == 0
        await inbound_message(here, "Now", wa_id=JANE[1:])
        assert (await here.show(broadcast_id))["replied_count"] == 1


async def test_a_reaction_to_our_message_is_a_reply_unless_it_was_taken_back(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        (wamid,) = await sent_to(here, JANE)
        broadcast = (await here.api.get("/api/v1/broadcasts")).json()["data"][0]["id"]
        for emoji, replied in ((None, 0), ("👍", 1)):
            reaction = {"message_id": wamid} | ({"emoji": emoji} if emoji else {})
            head = {"id": f"wamid.{emoji}", "from": JANE[1:], "timestamp": str(seconds_now())}
            await messages(here, head | {"type": "reaction", "reaction": reaction})
            assert (await here.show(broadcast))["replied_count"] == replied


async def test_a_late_reply_counts_for_the_broadcast_before_which_it_was_not_written(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        first = await here.send([{"to": JANE}])
        await here.until_status(first, "sent")
        written = seconds_now()
        clock = here.running.ctx.clock
        await here.running.ctx.db.write(
            lambda tx: tx.execute("UPDATE recipient SET sent_at = ?", (clock.now() - 60 * SECOND,)).rowcount
        )
        second = await here.send([{"to": JANE}])
        await here.until_status(second, "sent")
        await inbound_message(here, "Yes", wa_id=JANE[1:], at=written - 10)
        assert [(await here.show(each))["replied_count"] for each in (first, second)] == [1, 0]


async def test_a_reply_by_a_user_id_that_only_a_later_status_names_counts_once(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False, user_ids=False) as here:
        (wamid,) = await sent_to(here, JANE)
        await messages(here, text("Yes", from_user_id=JANE_ID))
        await messages(
            here,
            {
                **text("Later", from_user_id=JANE_ID),
                "type": "reaction",
                "reaction": {"message_id": "x", "emoji": "!"},
            },
        )
        broadcast = (await here.api.get("/api/v1/broadcasts")).json()["data"][0]["id"]
        assert (await here.show(broadcast))["replied_count"] == 0
        for word in ("sent", "delivered", "sent"):
            await status(here, wamid, word, recipient_id=JANE[1:], recipient_user_id=JANE_ID)
        assert (await here.show(broadcast))["replied_count"] == 1


async def test_a_status_without_our_token_that_comes_before_the_answer_names_the_person(
    tmp_path: Path,
) -> None:
    """It is a status of an unknown message then, and later ones need not name the person again."""
    async with site(tmp_path, webhooks=False, user_ids=False, hold_answers=True) as here:
        broadcast_id = await here.send([{"to": JANE}])
        await eventually(lambda: len(here.sim.ledger.entries) == 1)
        (entry,) = here.sim.ledger.entries
        await status(here, entry.wamid, "sent", recipient_id=JANE[1:], recipient_user_id=JANE_ID)
        here.sim.change(hold_answers=False)
        await here.until_status(broadcast_id, "sent")
        await inbound_message(here, "STOP", user_id=JANE_ID)
        assert await suppressed(here, JANE, JANE_ID)


async def test_a_status_of_a_message_of_another_app_stores_nobody(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        await status(here, "wamid.another", "sent", recipient_id=JANE[1:], recipient_user_id=JANE_ID)
        assert (await here.admin("export-person", phone=JANE))["addresses"] == []


async def test_a_stop_that_names_its_writer_by_a_quote_alone_is_an_opt_out(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        (wamid,) = await sent_to(here, JANE_ID)
        await messages(here, text("STOP", context={"id": wamid}))
        assert await suppressed(here, JANE_ID)


async def test_a_return_that_comes_before_the_older_stop_counts(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        now = seconds_now()
        await preference_change(here, "resume", wa_id=JANE[1:], at=now)
        await preference_change(here, "stop", wa_id=JANE[1:], at=now - 10)
        assert not await suppressed(here, JANE)
        await preference_change(here, "stop", wa_id=JANE[1:], at=now + 1)
        assert await suppressed(here, JANE)


async def test_a_number_that_gets_another_holder_tells_local_apps_of_its_opt_out(tmp_path: Path) -> None:
    async with receiver() as local, site(tmp_path, extra=ALLOW, webhooks=False) as here:
        await here.admin("webhook.add", account="shop", url=f"{local.url}/", events=["contact.opted_out"])
        now = seconds_now()
        await inbound_message(here, "STOP", wa_id=JANE[1:], user_id=JANE_ID, at=now)
        await inbound_message(here, "Hello", wa_id=JANE[1:], user_id="US.222", at=now + 1)
        await local.until(lambda: len(local.events()) == 2)
        told = {
            (each["data"]["phone"], each["data"]["user_id"]) for each in local.events()
        }  # sent side by side
        assert told == {(JANE, JANE_ID), (JANE, "US.222")}


async def test_a_message_for_no_number_is_logged_and_counted(tmp_path: Path) -> None:
    value = {"messaging_product": "whatsapp", "messages": [text("STOP", **{"from": JANE[1:]})]}
    with capture_logs() as events:
        async with site(tmp_path, webhooks=False) as here:
            assert (await post_change(here.hook, "messages", value)).status_code == 200
            await store_notes(here.running.ctx)
            rows = await here.running.ctx.db.read(
                lambda tx: tx.execute("SELECT field, subject FROM account_event").fetchall()
            )
    assert rows == [("messages", None)]
    assert [each["subject"] for each in events if each["event"] == "meta_webhook_number_unknown"] == [None]


async def test_who_changed_the_number_says_stop_with_the_user_id_that_came_with_it(tmp_path: Path) -> None:
    """Meta's system message need not name the ids, and the answer to the send has named the old one."""
    async with site(tmp_path, webhooks=False) as here:
        await sent_to(here, JANE)
        now = seconds_now()
        system = {"type": "user_changed_number", "wa_id": JIM[1:], "body": "Jane changed"}
        await messages(
            here,
            {
                "id": "wamid.s",
                "from": JANE[1:],
                "timestamp": str(now),
                "type": "system",
                "system": system,
            },
        )
        await inbound_message(here, "STOP", wa_id=JIM[1:], user_id="US.555", at=now + 1)
        assert await suppressed(here, JANE, JANE_ID, JIM, "US.555")
        await preference_change(here, "resume", user_id="US.555", at=now + 2)
        assert [(await reach(here, each))["accepted"] for each in (JANE, JIM)] == [1, 1]


async def test_a_message_of_our_own_number_is_no_reply(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        broadcast_id = await here.send([{"to": JANE}])
        await here.until_status(broadcast_id, "sent")
        (entry,) = here.sim.ledger.entries
        ours = str(metadata()["display_phone_number"])
        await inbound_message(here, "Hello", wa_id=ours, context=entry.wamid)
        assert (await here.show(broadcast_id))["replied_count"] == 0
