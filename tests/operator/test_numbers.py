"""Accounts and numbers as an administrator manages them while the daemon runs."""

import hashlib
import hmac
import json
from pathlib import Path

import pytest

from tests.operator.conftest import Wacrmd
from tests.support.clock import ShiftClock
from tests.support.site import (
    ACCESS_TOKEN,
    APP_SECRET,
    PHONE_NUMBER_ID,
    VERIFY_TOKEN,
    WABA_ID,
    Site,
    people,
    site,
)
from wacrmd.admin.protocol import RpcError
from wacrmd.clock import HOUR

pytestmark = pytest.mark.anyio

OTHER = "106540352242923"


def secrets(folder: Path, token: str = ACCESS_TOKEN) -> list[str]:
    options = []
    for name, content in (("access-token", token), ("app-secret", "new secret"), ("verify-token", "word")):
        (folder / name).write_text(content + "\n")
        options += [f"--{name}-file", str(folder / name)]
    return options


async def test_accounts_are_renamed_and_removed_when_they_own_nothing(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path) as here:
        code, out, _ = await wacrmd("account", "rename", "shop", "store")
        assert (code, out) == (0, "Account shop is now called store.\n")
        assert (await here.admin("account.list"))[0]["name"] == "store"
        code, _, err = await wacrmd("account", "remove", "store", "--yes")
        assert code == 1
        assert "still has 1 number: wacrmd number remove" in err
        await here.admin("account.add", name="empty")
        assert (await wacrmd("account", "remove", "empty", "--yes"))[0] == 0
        await here.admin("account.add", name="other")
        with pytest.raises(RpcError, match="already"):
            await here.admin("account.rename", name="other", new="STORE")


async def test_adding_a_number_asks_meta_and_shows_its_name_and_quality(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    async with site(tmp_path, quality_rating="YELLOW") as here:
        line = ["number", "add", "--account", "shop", "--phone-number-id", OTHER, "--waba-id", WABA_ID]
        code, out, err = await wacrmd(*line, *secrets(tmp_path, "EAAwrong"))
        assert code == 1
        assert "Meta refuses this token for this number" in err
        assert "--no-check" in err
        assert len(await here.admin("number.list")) == 1
        here.sim.change(access_token="EAAother")
        code, out, _ = await wacrmd(*line, *secrets(tmp_path, "EAAother"))
        assert code == 0
        assert "Simulated Business; quality YELLOW, limit TIER_UNLIMITED" in out


async def test_a_number_is_added_with_a_warning_if_meta_is_unreachable(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    async with site(
        tmp_path, extra='[meta]\ngraph_url = "http://127.0.0.1:9"\nconnect_timeout_s = 1\n'
    ) as here:
        line = ["number", "add", "--account", "shop", "--phone-number-id", OTHER, "--waba-id", WABA_ID]
        code, out, err = await wacrmd(*line, *secrets(tmp_path))
        assert code == 0
        assert f"Number {OTHER} added to shop" in out
        assert "warning: the token could not be checked" in err
        assert len(await here.admin("number.list")) == 2
        code, out, _ = await wacrmd("number", "check", OTHER)
        assert code == 0
        assert "could not be checked" in out


async def test_a_number_is_added_with_a_warning_if_metas_answer_is_unexpected(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    """From a stand-in for Meta that only accepts sends, or for an id that Meta does not show to this token."""
    async with site(tmp_path, phone_numbers=(PHONE_NUMBER_ID,)) as here:
        line = ["number", "add", "--account", "shop", "--phone-number-id", OTHER, "--waba-id", WABA_ID]
        code, _, err = await wacrmd(*line, *secrets(tmp_path))
        assert code == 0
        assert "does not exist" in err
        assert len(await here.admin("number.list")) == 2


async def test_a_check_lists_problems_with_advice(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(
        tmp_path,
        quality_rating="RED",
        messaging_limit="TIER_250",
        can_send_message="BLOCKED",
        number_status="DISCONNECTED",
    ) as here:
        code, out, _ = await wacrmd("number", "check", PHONE_NUMBER_ID, "--json")
        found = json.loads(out)
        assert code == 1
        states = {one["check"]: one["state"] for one in found["checks"]}
        assert states["token"] == "ok"
        assert states["connection"] == states["health"] == "fail"
        assert states["quality"] == states["limit"] == states["rate"] == "warn"
        assert all(one["advice"] for one in found["checks"] if one["state"] != "ok")
        assert found["number"]["quality"] == "RED"
        shown = await here.admin("number.show", id=here.number["id"][:8])
        assert (shown["limit_tier"], shown["verified_name"]) == ("TIER_250", "Simulated Business")
        assert shown["health"]["can_send_message"] == "BLOCKED"
        assert (await wacrmd("number", "show", PHONE_NUMBER_ID))[0] == 0


async def test_a_missing_subscription_is_found_and_repaired(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path) as here:
        here.sim._state.subscribed.discard(WABA_ID)
        code, out, _ = await wacrmd("number", "check", PHONE_NUMBER_ID)
        assert code == 1
        assert "no app is subscribed" in out
        code, out, _ = await wacrmd("number", "check", PHONE_NUMBER_ID, "--subscribe")
        assert code == 0
        assert "webhooks go to the app Simulated App" in out


async def test_a_refused_token_fails_the_check(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path) as here:
        here.sim.change(access_token="EAAanother")
        code, out, _ = await wacrmd("number", "check", PHONE_NUMBER_ID)
        assert code == 1
        assert out.splitlines()[1].startswith("FAIL  token")


async def test_a_new_rate_takes_effect_at_once(tmp_path: Path, wacrmd: Wacrmd) -> None:
    """At two a second these would take longer than the time limit; the running job uses the new rate."""
    async with site(tmp_path, messages_per_second=2) as here:
        broadcast_id = await here.send(people(200))
        await here.until(broadcast_id, lambda shown: shown["sent_count"] > 0)
        code, out, _ = await wacrmd("number", "set", PHONE_NUMBER_ID, "--messages-per-second", "500")
        assert (code, out) == (0, f"Number {PHONE_NUMBER_ID}: messages per second changed.\n")
        await here.until_status(broadcast_id, "sent")
        await here.admin("number.set", id=PHONE_NUMBER_ID, messages_per_second=0, label="Main")
        (number,) = await here.admin("number.list")
        assert (number["messages_per_second"], number["label"]) == (80, "Main")


async def test_a_paused_number_sends_nothing_until_it_is_resumed(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path) as here:
        code, out, _ = await wacrmd("number", "pause", PHONE_NUMBER_ID, "--reason", "shop is closed")
        assert code == 0
        assert out == f"Number {PHONE_NUMBER_ID} is paused.\n"
        broadcast_id = await here.send(people(5))
        shown = await here.show(broadcast_id)
        assert shown["hold"]["reason"] == "number_paused"
        assert "shop is closed" in shown["hold"]["detail"]
        assert (await wacrmd("number", "resume", PHONE_NUMBER_ID))[0] == 0
        await here.until_status(broadcast_id, "sent")


async def post_signed(here: Site, secret: str) -> int:
    body = b'{"object":"whatsapp_business_account","entry":[]}'
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    answer = await here.hook.post("/webhooks/meta", content=body, headers={"X-Hub-Signature-256": signature})
    return answer.status_code


async def test_an_old_app_secret_is_valid_during_its_overlap_and_a_verify_token_is_replaced_at_once(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        options = secrets(tmp_path)[2:]
        code, _, err = await wacrmd("number", "set", PHONE_NUMBER_ID, *options, "--overlap-hours", "2")
        assert code == 0
        assert "for 2 more hours" in err
        assert await post_signed(here, APP_SECRET) == 200
        assert await post_signed(here, "new secret") == 200
        assert (await here.admin("number.show", id=PHONE_NUMBER_ID))["old_app_secret_until"]
        clock.advance(3 * HOUR)
        assert await post_signed(here, APP_SECRET) == 401
        assert await post_signed(here, "new secret") == 200
        for word, status in ((VERIFY_TOKEN, 403), ("word", 200)):
            query = {"hub.mode": "subscribe", "hub.verify_token": word, "hub.challenge": "7"}
            assert (await here.hook.get("/webhooks/meta", params=query)).status_code == status


async def test_a_rotated_token_is_used_for_the_next_message(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path) as here:
        here.sim.change(access_token="EAAnew")
        line = ["number", "set", PHONE_NUMBER_ID, *secrets(tmp_path, "EAAwrong")[:2]]
        code, _, err = await wacrmd(*line)
        assert code == 1
        assert "Meta refuses this token" in err
        (tmp_path / "access-token").write_text("EAAnew")
        code, out, _ = await wacrmd(*line)
        assert code == 0
        assert "access token changed" in out
        await here.until_status(await here.send(people(2)), "sent")
        assert len(here.sim.ledger.entries) == 2
        code, _, err = await wacrmd("number", "set", PHONE_NUMBER_ID)
        assert code == 2
        assert "Nothing to change" in err


async def test_a_number_with_unfinished_broadcasts_is_not_removed(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path, messages_per_second=1) as here:
        broadcast_id = await here.send(people(20))
        code, _, err = await wacrmd("number", "remove", PHONE_NUMBER_ID, "--yes")
        assert code == 1
        assert broadcast_id[:8] in err
        await here.admin("broadcast.cancel", id=broadcast_id)
        await here.until(broadcast_id, lambda shown: shown["pending_count"] == 0)
        assert (await wacrmd("number", "remove", PHONE_NUMBER_ID, "--yes"))[0] == 0
        assert await here.admin("number.list") == []
        assert await post_signed(here, APP_SECRET) == 401
        answer = await here.post(people(1))
        assert answer.json()["error"]["code"] == "whatsapp_not_configured"
