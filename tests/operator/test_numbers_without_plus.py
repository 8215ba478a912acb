"""Numbers without +: the account's default country, and warnings about guesses, by API and command with a whole site."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.operator.conftest import Wacrmd
from tests.support.site import Site, site
from wacrmd.admin.protocol import RpcError

pytestmark = pytest.mark.anyio

LOST_ZERO = """to,name
81234567890,Budi (ID 0812-3456-7890)
51987654321,Ana (BR 51 98765-4321)
(646) 345-6789,Joe (NYC)
4792345678,Sue (Arkansas 479-234-5678)
"""
FLOATS = "to,name,amount\n628123456789.0,Budi,10.0\n628123456780.0,Sri,5.5\n"
FAULTS = (
    "to,name\n+4915123456041,A\n4.91512E+11,B\n+49151,C\n+4915123456042 ext 5,D\n+49 151 23456043 (2),E\n"
)


def body(*numbers: str) -> dict[str, Any]:
    return {"template_name": "hello", "recipients": [{"to": number} for number in numbers]}


async def us_number(here: Site) -> None:
    await here.admin("number.set", id=here.number["id"], display_phone="+1 415 555 2671")


async def sent(here: Site, answer: dict[str, Any]) -> set[str | None]:
    await here.until_status(answer["broadcast_id"], "sent")
    return {entry.send.input for entry in here.sim.ledger.entries}


async def test_guesses_are_shown_before_they_are_sent_and_named_in_the_answer(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(LOST_ZERO)
    line = ["broadcast", "create", "--csv", file, "--template", "hello"]
    async with site(tmp_path) as here:
        await us_number(here)
        code, out, err = await wacrmd(*line, "--dry-run")
        assert code == 0
        assert [row.split()[-1] for row in out.splitlines()[:1]] == ["name"]
        for written, phone in (
            ("81234567890", "+81234567890"),
            ("51987654321", "+51987654321"),
            ("(646) 345-6789", "+6463456789"),
            ("4792345678", "+4792345678"),
        ):
            assert any(written in row and phone in row for row in out.splitlines())
            assert f"({written}): sent as {phone}: no + or 00" in err
        assert "4 numbers without +: JP, PE, NZ, NO; your own number is US" in err
        assert "wacrmd account set shop --country CODE" in err
        code, out, _ = await wacrmd("--json", *line, "--yes")
        assert [(one["index"], one["sent_as"]) for one in json.loads(out)["warnings"]] == [
            (0, "+81234567890"),
            (1, "+51987654321"),
            (2, "+6463456789"),
            (3, "+4792345678"),
        ]


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize(
    ("country", "expected"),
    [
        ("ID", "+6281234567890"),
        ("BR", "+5551987654321"),
        ("US", "+16463456789"),
        ("US", "+14792345678"),
    ],
)
async def test_a_default_country_reads_the_numbers_of_its_people(
    tmp_path: Path, wacrmd: Wacrmd, country: str, expected: str
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(LOST_ZERO)
    async with site(tmp_path):
        code, out, _ = await wacrmd("account", "set", "shop", "--country", country.lower())
        assert (code, re.search(rf"default country +{country}\n", out) is not None) == (0, True)
        _, out, _ = await wacrmd(
            "--json", "broadcast", "create", "--csv", file, "--template", "hello", "--dry-run"
        )
        dry = json.loads(out)
        assert expected in dry["sent_as"]
        warnings = [one["message"] for one in dry["warnings"] if one["sent_as"] == expected]
        if expected == "+16463456789":  # (646) 345-6789 is grouped as people there write it
            assert warnings == []
            return
        assert f"read as a number of {country}; with + it would be +" in warnings[0]
        if country == "ID":
            assert f"the account's country is {country}" in dry["warnings_summary"]


async def test_a_number_that_a_program_took_for_an_amount_reaches_its_person(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(FLOATS)
    async with site(tmp_path) as here:
        code, out, _ = await wacrmd(
            "--json", "broadcast", "create", "--csv", file, "--template", "hello", "--yes"
        )
        assert code == 0
        assert await sent(here, json.loads(out)) == {"+628123456789", "+628123456780"}
        answer = (
            await here.api.post("/api/v1/broadcasts", json=body("628123456781,00", "628123456781"))
        ).json()["data"]
        assert (answer["accepted"], answer["duplicates"]) == (1, 1)


async def test_what_is_no_number_is_refused_by_line_with_the_reason(tmp_path: Path, wacrmd: Wacrmd) -> None:
    file = tmp_path / "people.csv"
    file.write_text(FAULTS)
    async with site(tmp_path):
        code, _, err = await wacrmd("broadcast", "create", "--csv", file, "--template", "hello", "--dry-run")
    assert code == 1, "not every line was taken"
    assert "line 3 (4.91512E+11): " in err
    assert "line 4 (+49151): not a valid phone number: is " in err
    assert "line 5 (+4915123456042 ext 5): not a valid phone number: has an extension" in err
    assert "line 6 (+49 151 23456043 (2)): not a valid phone number: has brackets at its end" in err


async def test_a_dry_run_over_http_shows_each_number_as_it_would_be_sent(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await us_number(here)
        given = body("+1 (415) 555-2671", "0151 23456789", "4915123456789", "US.1349")
        answer = (await here.api.post("/api/v1/broadcasts?dry_run=true", json=given)).json()["data"]
        assert answer["sent_as"] == ["+14155552671", None, "+4915123456789", "US.1349"]
        assert answer["warnings"] == [
            {
                "index": 2,
                "to": "4915123456789",
                "sent_as": "+4915123456789",
                "message": "no + or 00: read as a number of DE",
            }
        ]
        assert "has no country code" in answer["rejections"][0]["reason"]


async def test_warnings_are_no_more_than_a_thousand(tmp_path: Path) -> None:
    async with site(tmp_path, extra="[limits]\nmax_recipients = 2000\n") as here:
        given = body(*(f"4915123{at:06}" for at in range(1200)))
        answer = (await here.api.post("/api/v1/broadcasts?dry_run=true", json=given)).json()["data"]
        assert (answer["accepted"], len(answer["warnings"])) == (1200, 1000)


async def test_the_opt_out_list_reads_numbers_as_broadcasts_do(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path) as here:
        await here.admin("account.set", name="shop", country="ID")
        added = await here.api.post("/api/v1/optouts", json={"phone": "0812-3456-7890"})
        assert added.json()["data"]["phone"] == "+6281234567890"
        imported = await here.admin(
            "optout.import", csv='phone\n81234567891\n628123456789.0\n\'+4915123456789\n="4915123456010"\n'
        )
        assert (imported["added"], imported["rejected"]) == (4, 0)
        code, _, _ = await wacrmd("optout", "add", "0812 3456 7892")
        assert code == 0
        listed = {one["phone"] for one in await here.admin("optout.list")}
        assert listed == {
            "+4915123456010",
            "+6281234567890",
            "+6281234567891",
            "+628123456789",
            "+4915123456789",
            "+6281234567892",
        }
        assert [
            one["params"]["phone"] for one in await here.admin("audit") if one["method"] == "optout.add"
        ] == ["+6281234567892"]
        answer = await here.api.post("/api/v1/broadcasts", json=body("81234567890", "+62 812 3456 7891"))
        assert answer.status_code == 400
        assert (await here.api.delete("/api/v1/optouts/81234567890")).json()["data"][
            "phone"
        ] == "+6281234567890"
        refused = await here.api.post("/api/v1/optouts", json={"phone": "4.4E+11"})
        assert refused.status_code == 400
        assert "exponent" in refused.json()["error"]["message"]


async def test_an_opt_out_whose_country_is_a_guess_is_told_as_it_was_read(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    async with site(tmp_path) as here:
        await here.admin("account.set", name="shop", country="MX")
        added = (await here.api.post("/api/v1/optouts", json={"phone": "12015550123"})).json()["data"]
        assert added["phone"] == "+12015550123"
        assert (
            added["warning"]
            == "no + or 00: read as a number of US; as a number of MX it would be +522015550123"
        )
        code, out, err = await wacrmd("optout", "add", "4930123456")
        assert code == 0
        assert f"read as {out.split()[0]}: no + or 00: " in err
        plain = (await here.api.post("/api/v1/optouts", json={"phone": "+12015550124"})).json()["data"]
        assert plain["warning"] is None


async def test_a_person_is_found_by_the_number_as_the_account_reads_it(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.admin("account.set", name="shop", country="ID")
        key = {"Idempotency-Key": "once"}
        given = body("81234567890", "4792345678")
        made = await here.api.post("/api/v1/broadcasts", json=given, headers=key)
        await sent(here, made.json()["data"])
        found = await here.admin("export-person", phone="0812-3456-7890")
        assert (found["phone"], len(found["messages"])) == ("+6281234567890", 1)
        await here.admin("erase", phone="4792345678")
        again = (await here.api.post("/api/v1/broadcasts", json=given, headers=key)).json()["data"]
        assert "4792345678" not in json.dumps(again)
        await here.admin("account.add", name="other", country="US")
        with pytest.raises(RpcError, match=r"ID: \+6281234567890, US: \+81234567890"):
            await here.admin("export-person", phone="81234567890")
        with pytest.raises(RpcError, match="no valid number of US"):
            await here.admin("erase", phone="081234567890", account="other")


async def test_whoever_is_named_by_two_numbers_is_nobody(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path) as here:
        await here.admin("account.set", name="shop", country="DE")
        french, german = "+33612345678", "+4933612345678"
        for phone in (french, german):
            await here.admin("optout.add", phone=phone)
        refused = await here.api.delete("/api/v1/optouts/33612345678")
        assert refused.status_code == 400
        both = f"may be {german} or {french}"
        assert both in refused.json()["error"]["message"]
        code, _, err = await wacrmd("optout", "remove", "33612345678")
        assert code == 1
        assert both in err
        made = await here.api.post("/api/v1/broadcasts", json=body("+33612345679"))
        for method, params in (
            ("erase", {"phone": "33612345678", "account": "shop", "forget_optout": True}),
            ("export-person", {"phone": "33612345678"}),
            ("broadcast.recipients", {"id": made.json()["data"]["broadcast_id"], "to": "33612345678"}),
        ):
            with pytest.raises(RpcError, match=re.escape(both)):
                await here.admin(method, **params)
        assert {one["phone"] for one in await here.admin("optout.list")} == {french, german}


async def test_a_country_must_be_one(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path) as here:
        code, _, err = await wacrmd("account", "add", "london", "--country", "UK")
        assert code == 1
        assert "expected the ISO 3166 code of a country, such as DE, found 'UK'; did you mean GB?" in err
        assert (await wacrmd("account", "add", "london", "--country", "GB"))[0] == 0
        _, out, _ = await wacrmd("account", "list")
        assert "GB" in out
        assert (await wacrmd("account", "set", "london", "--country", "none"))[0] == 0
        assert {one["name"]: one["default_country"] for one in await here.admin("account.list")} == {
            "shop": None,
            "london": None,
        }
        assert (await here.admin("account.add", name="plain")).keys() == {"id", "name"}


async def test_an_account_is_set_as_it_is_named_and_shown_to_those_who_may_see_it(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    async with site(tmp_path) as here:
        code, _, err = await wacrmd("account", "set", "shop")
        assert (code, "Nothing to change" in err) == (2, True)
        with pytest.raises(RpcError, match="name at least one setting"):
            await here.admin("account.set", name="shop")
        code, out, _ = await wacrmd("account", "set", "shop", "--country", "de")
        assert (code, re.search(r"default country +DE", out) is not None) == (0, True)
        assert (await wacrmd("account", "show", "SHOP"))[1] == out
        assert await here.admin("account.show", name="shop") == (await here.admin("account.list"))[0]
        code, out, _ = await wacrmd("account", "set", "shop", "--country", "none")
        assert (code, re.search(r"default country +-", out) is not None) == (0, True)
        with pytest.raises(RpcError, match="nobody"):
            await here.admin("account.show", name="nobody")
