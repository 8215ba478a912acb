"""Templates, opt-outs and outbound webhooks on the command line."""

import json
from pathlib import Path

import pytest

from tests.operator.conftest import Wacrmd
from tests.support.meta import inbound_message
from tests.support.site import people, phones, site
from wacrmd.admin.protocol import RpcError
from wacrmd.domain import optout_parts

pytestmark = pytest.mark.anyio

TEMPLATES = (
    {
        "id": "1",
        "name": "greeting",
        "language": "en_US",
        "status": "APPROVED",
        "category": "MARKETING",
        "parameter_format": "NAMED",
        "components": [{"type": "BODY", "text": "Hi {{first_name}} from {{city}}"}],
    },
    {
        "id": "2",
        "name": "old",
        "language": "en_US",
        "status": "PAUSED",
        "category": "MARKETING",
        "components": [{"type": "BODY", "text": "Hi {{1}}"}],
    },
)


async def test_a_button_that_would_not_opt_out_is_told(tmp_path: Path, wacrmd: Wacrmd) -> None:
    buttons = {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Leave me alone"}]}
    sale = TEMPLATES[0] | {"name": "sale", "components": [*TEMPLATES[0]["components"], buttons]}
    async with site(tmp_path, templates=(sale,)):
        await wacrmd("template", "sync")
        code, out, err = await wacrmd("template", "list")
        assert (code, len(out.splitlines())) == (0, 2)
        assert 'warning: sale (en_US): the quick reply "Leave me alone" looks like an opt-out' in err
        file = tmp_path / "people.csv"
        file.write_text("to,city,first_name\n+14155550123,Ulm,Jo\n")
        line = ["broadcast", "create", "--csv", file, "--template", "sale", "--dry-run"]
        code, _, err = await wacrmd(*line)
        assert code == 0
        assert 'warning: the quick reply "Leave me alone"' in err


async def test_templates_are_read_listed_and_a_csv_is_checked_against_them(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    async with site(tmp_path, templates=TEMPLATES) as here:
        code, out, _ = await wacrmd("template", "sync", "--account", "shop")
        assert code == 0
        assert out.startswith("2 templates: ")
        code, out, _ = await wacrmd("template", "list")
        assert [line.split()[0] for line in out.splitlines()[1:]] == ["greeting", "old"]
        file = tmp_path / "people.csv"
        file.write_text("to,city,first_name\n+14155550123,Ulm,Jo\n")
        line = ["broadcast", "create", "--csv", file, "--template"]
        code, out, _ = await wacrmd(*line, "greeting", "--yes")
        assert code == 0
        assert "  Hi Jo from Ulm\n" in out
        (made,) = await here.admin("broadcast.list")
        await here.until_status(made["id"], "sent")
        sent = json.loads(here.sim.ledger.entries[0].body or b"")["template"]["components"][0]["parameters"]
        assert {(one["parameter_name"], one["text"]) for one in sent} == {
            ("first_name", "Jo"),
            ("city", "Ulm"),
        }
        code, out, err = await wacrmd(*line, "old", "--yes")
        assert code == 1
        assert "problem: template_name: template 'old' in en_US is paused" in err
        assert "Nothing is sent" in err
        file.write_text("to,first_name\n+14155550123,Jo\n")
        code, _, err = await wacrmd(*line, "greeting", "--dry-run")
        assert code == 1
        assert "city" in err
        assert len(await here.admin("broadcast.list")) == 1
        here.sim.change(access_token="EAAanother")
        code, _, err = await wacrmd("template", "sync")
        assert code == 1
        assert "business account" in err


async def test_people_opt_out_and_in_again(tmp_path: Path, wacrmd: Wacrmd) -> None:
    gone = phones(1)[0]
    async with site(tmp_path) as here:
        code, out, _ = await wacrmd(
            "optout", "add", gone, "--account", "shop", "--detail", "asked on the phone"
        )
        assert (code, out) == (0, f"{gone} is opted out (operator).\n")
        assert (await here.post(people(2))).json()["data"]["suppressed"] == 1
        _, out, _ = await wacrmd("optout", "list")
        assert "asked on the phone" in out
        await here.admin("account.add", name="other")
        code, _, err = await wacrmd("optout", "remove", gone)
        assert (code, "name one of the accounts (other, shop)" in err) == (1, True)
        await here.admin("account.remove", name="other")
        assert (await wacrmd("optout", "add", gone))[0] == 0
        _, out, _ = await wacrmd("optout", "export", "--account", "shop")
        assert gone in out.splitlines()[1]
        code, out, _ = await wacrmd("optout", "remove", gone, "--account", "shop")
        assert code == 0
        assert (await here.post(people(2))).json()["data"]["suppressed"] == 0
        code, _, err = await wacrmd("optout", "remove", gone, "--account", "shop")
        assert code == 1
        assert "not found" in err
        with pytest.raises(RpcError, match="expected a phone number"):
            await here.admin("optout.add", account="shop", phone="nobody")


async def test_a_file_of_opt_outs_is_imported_in_parts_and_errors_keep_their_line_numbers(
    tmp_path: Path, wacrmd: Wacrmd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optout_parts, "PART_BYTES", 2000)
    numbers = phones(500)
    lines = ["phone,note", *(f"{number},x" for number in numbers)]
    lines.insert(300, "12,y")
    file = tmp_path / "stop.csv"
    file.write_text("\n".join(lines) + "\n")
    async with site(tmp_path) as here:
        code, out, err = await wacrmd("optout", "import", file, "--account", "shop")
        assert code == 1
        assert out == "500 people opted out, 0 had opted out before. Rejected lines: 1.\n"
        assert err.startswith("line 301: ")
        code, out, _ = await wacrmd("optout", "import", file, "--account", "shop", "--json")
        assert {name: json.loads(out)[name] for name in ("added", "known", "rejected")} == {
            "added": 0,
            "known": 500,
            "rejected": 1,
        }
        assert len(await here.admin("optout.list", limit=1000)) == 500
        code, out, _ = await wacrmd("optout", "export")
        assert len(out.splitlines()) == 501
        file.write_text("phone\n12\n")
        assert (await wacrmd("optout", "import", file, "--account", "shop"))[0] == 1


async def test_webhooks_are_added_listed_changed_and_removed(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path, extra='[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]\n') as here:
        url = "http://127.0.0.1:9/hook"
        code, out, err = await wacrmd("webhook", "add", "--account", "shop", "--url", url)
        assert code == 0
        assert "whsec_" in out
        assert "cannot be shown again" in err
        (made,) = await here.admin("webhook.list")
        assert "whsec_" not in json.dumps(made)
        assert len(made["events"]) == 7
        code, out, _ = await wacrmd("webhook", "set", made["id"][:8], "--event", "broadcast.sent")
        assert code == 0
        await here.until_status(await here.send(people(1)), "sent")
        (delivery,) = await here.admin("webhook.deliveries", id=made["id"][:8])
        assert delivery["event"] == "broadcast.sent"
        code, out, _ = await wacrmd("webhook", "deliveries", made["id"][:8])
        assert delivery["id"] in out
        code, out, _ = await wacrmd("webhook", "resend", delivery["id"])
        assert code == 0
        assert (await wacrmd("webhook", "set", made["id"][:8], "--off"))[1].endswith("is off.\n")
        code, _, err = await wacrmd("webhook", "resend", delivery["id"])
        assert code == 1
        assert "not active" in err
        assert (await wacrmd("webhook", "list"))[0] == 0
        assert (await wacrmd("webhook", "set", made["id"]))[0] == 2
        assert (await wacrmd("webhook", "remove", made["id"][:8], "--yes"))[0] == 0
        assert await here.admin("webhook.list") == []
        with pytest.raises(RpcError, match="not public"):
            await here.admin("webhook.add", account="shop", url="http://10.0.0.1/")


async def test_an_optout_names_the_broadcast_that_it_answered(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path, webhooks=False) as here:
        broadcast_id = await here.send(people(1))
        await here.until_status(broadcast_id, "sent")
        await inbound_message(here, "STOP", wa_id=phones(1)[0][1:])
        _, out, _ = await wacrmd("optout", "list")
        assert "ANSWERED BROADCAST" in out
        assert broadcast_id in out


async def test_opt_outs_are_searched_by_a_number_by_its_first_digits_and_by_source(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    async with site(tmp_path) as here:
        await here.admin("account.add", name="bakery", country="DE")
        for phone in ("+14155550123", "+14155550124"):
            await here.admin("optout.add", account="shop", phone=phone)
        await here.admin("optout.import", account="bakery", csv="phone\n+4915123456789\n")

        async def found(*options: str) -> list[str]:
            code, out, err = await wacrmd("--json", "optout", "list", *options)
            assert code == 0, err
            return [row["phone"] for row in json.loads(out)]

        assert await found("--search", "1 (415) 555-0124") == ["+14155550124"]
        assert await found("--search", "+141555") == ["+14155550123", "+14155550124"]
        assert await found("--search", "+141555", "--limit", "1") == ["+14155550123"]
        assert await found("--search", "0151 234") == ["+4915123456789"]
        assert await found("--search", "0151 23456789", "--source", "operator", "--account", "bakery") == []
        assert await found("--source", "import") == ["+4915123456789"]
        code, out, err = await wacrmd("optout", "list", "--search", "+49160")
        assert (code, out, err.strip()) == (0, "", "Nobody like this has opted out.")
        code, _, err = await wacrmd("optout", "list", "--search", "Jane", "--account", "shop")
        assert code == 1
        assert "first digits" in err
