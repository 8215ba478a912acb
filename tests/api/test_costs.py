"""What messages cost: estimated before, and spent after, by a price list that the administrator has imported."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import ShiftClock
from tests.support.site import Site, people, site
from wacrmd.clock import DAY, iso
from wacrmd.services.maintenance.retention import prune

pytestmark = pytest.mark.anyio

PRICES = (
    "country,category,price,currency\nUS,utility,0.0125,USD\nDE,utility,0.055,EUR\nDE,marketing,0.1131,EUR\n"
)
TEMPLATE = {
    "id": "1",
    "name": "hello",
    "language": "en_US",
    "status": "APPROVED",
    "category": "UTILITY",
    "components": [{"type": "BODY", "text": "Hello {{1}}", "example": {"body_text": [["Jane"]]}}],
}
GERMANS = [{"to": f"+4915112345{number}", "params": ["Anna"]} for number in range(100, 103)]
FRENCH = [{"to": "+33612345678", "params": ["Luc"]}]


async def spent(here: Site, query: str = "") -> list[dict[str, Any]]:
    answer = await here.api.get(f"/api/v1/spent{query}")
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["data"]
    return rows


def amounts(cost: dict[str, Any]) -> dict[str, str]:
    return {each["currency"]: each["amount"] for each in cost["amounts"]}


async def sent(here: Site, recipients: list[dict[str, Any]], **fields: Any) -> str:
    made = await here.send(recipients, **fields)
    await here.until_status(made, "sent")
    await here.sim.idle()
    return made


async def test_an_estimate_before_and_the_sums_after_have_each_currency_apart(tmp_path: Path) -> None:
    """One story: estimate, spent by broadcast, country and month, a single message, and what has no price."""
    async with site(tmp_path, templates=(TEMPLATE,), read_share=0.0) as here:
        await here.api.post("/api/v1/templates/sync")
        everybody = [*people(2), *GERMANS, *FRENCH, GERMANS[0]]
        body = {"template_name": "hello", "recipients": everybody}
        dry = await here.api.post("/api/v1/broadcasts?dry_run=true", json=body)
        assert dry.json()["data"]["cost"] is None, "there is no price list"
        await here.admin("price.import", csv=PRICES)
        await here.admin("optout.add", account="shop", phone=GERMANS[2]["to"])
        cost = (await here.api.post("/api/v1/broadcasts?dry_run=true", json=body)).json()["data"]["cost"]
        assert amounts(cost) == {"EUR": "0.11", "USD": "0.025"}
        assert (cost["messages"], cost["free"], cost["unpriced"]) == (5, 0, 1)
        assert cost["without_price"] == [{"country": "FR", "category": "utility", "count": 1}]

        made = await sent(here, everybody, name="Spring")
        shown = await here.admin("broadcast.show", id=made)
        assert shown["cost"] == cost, "it has cost what was estimated"
        assert amounts((await spent(here, "?by=broadcast"))[0]) == amounts(cost)
        single = {
            "to": GERMANS[0]["to"],
            "type": "template",
            "template": {"name": "hello", "params": ["Anna"]},
        }
        assert (await here.api.post("/api/v1/messages", json=single)).status_code == 201
        await here.sim.idle()
        assert [each["name"] for each in await spent(here, "?by=broadcast")] == ["Spring"]
        by_country = {each["country"]: each for each in await spent(here, "?by=country")}
        assert amounts(by_country["DE"]) == {"EUR": "0.165"}
        assert by_country["FR"]["unpriced"] == 1
        (month,) = await spent(here)
        assert month["month"] == iso(here.clock.now())[:7]
        assert (amounts(month), month["messages"]) == ({"EUR": "0.165", "USD": "0.025"}, 6)
        assert await spent(here, "?from=2020-01-01&to=2020-12-31") == []
        for query in ("?by=year", "?from=yesterday", "?to=2026-13-01", "?from=2026-11-02&to=2026-11-01"):
            assert (await here.api.get(f"/api/v1/spent{query}")).status_code == 400


async def test_other_prices_from_a_day_on_change_nothing_of_what_was_spent_before(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, templates=(TEMPLATE,), read_share=0.0) as here:
        await here.api.post("/api/v1/templates/sync")
        first = await here.admin("price.import", csv=PRICES)
        assert first["valid_from"] is None, "the first list holds always"
        before = await sent(here, GERMANS[:1])
        clock.advance(DAY)
        twice = PRICES.replace("0.055", "0.11")
        second = await here.admin("price.import", csv=twice)
        assert second["valid_from"] == iso(clock.now())[:10] + "T00:00:00.000Z"
        after = await sent(here, GERMANS[1:2])
        costs = [amounts((await here.admin("broadcast.show", id=each))["cost"]) for each in (before, after)]
        assert costs == [{"EUR": "0.055"}, {"EUR": "0.11"}]
        again = await here.admin("price.import", csv=twice.replace("0.11,", "0.12,"), valid_from="always")
        assert again["replaced"], "the day says which list is corrected"
        assert [each["is_current"] for each in await here.admin("price.list")] == [True, False]
        await here.admin("price.remove", valid_from=second["valid_from"][:10])
        costs = [amounts((await here.admin("broadcast.show", id=each))["cost"]) for each in (before, after)]
        assert costs == [{"EUR": "0.12"}, {"EUR": "0.12"}]
        with pytest.raises(Exception, match="not found"):
            await here.admin("price.remove", valid_from="2020-01-01")
        with pytest.raises(Exception, match="line 3") as refused:
            await here.admin("price.import", csv=PRICES.replace("DE,utility", "Atlantis,utility"))
        assert [each.path for each in getattr(refused.value, "problems", [])] == ["line 3"]
        assert len(await here.admin("price.list")) == 1

        await here.admin("price.import", csv=PRICES.replace("0.055", "1"), account="shop")
        shown = await here.admin("broadcast.show", id=before)
        assert amounts(shown["cost"]) == {"EUR": "1.00"}, "an account with a list of its own has no other"


async def test_what_was_spent_stays_when_broadcasts_are_deleted_and_people_erased(tmp_path: Path) -> None:
    clock = ShiftClock()
    extra = "[retention]\nrecipients_days = 1\n"
    async with site(tmp_path, clock=clock, extra=extra, templates=(TEMPLATE,), read_share=0.0) as here:
        await here.api.post("/api/v1/templates/sync")
        await here.admin("price.import", csv=PRICES)
        made = await sent(here, GERMANS)
        await here.admin("erase", phone=GERMANS[0]["to"], account="shop")
        assert amounts((await here.admin("broadcast.show", id=made))["cost"]) == {"EUR": "0.165"}
        clock.advance(30 * DAY)
        while await prune(here.running.ctx):
            pass
        assert (await here.api.get(f"/api/v1/broadcasts/{made}")).status_code == 404
        (country,) = await spent(here, "?by=country")
        assert (country["country"], amounts(country)) == ("DE", {"EUR": "0.165"})
        assert (
            await here.running.ctx.db.read(
                lambda tx: tx.execute("SELECT count(*) FROM billed_broadcast").fetchone()[0]
            )
            == 0
        )


async def test_a_draft_says_what_it_would_cost_with_the_people_of_all_calls(tmp_path: Path) -> None:
    """Also after the prices have changed, and with the category that Meta has announced for the day of its start."""
    async with site(tmp_path, templates=(TEMPLATE,)) as here:
        await here.api.post("/api/v1/templates/sync")
        await here.admin("price.import", csv=PRICES)
        made = (await here.post(GERMANS[:1], draft=True)).json()["data"]["broadcast_id"]
        more = {"recipients": [*GERMANS, *people(1)]}
        answer = await here.api.post(f"/api/v1/broadcasts/{made}/recipients", json=more)
        assert answer.status_code == 202, answer.text
        shown = await here.admin("draft.show", id=made)
        assert amounts(shown["cost"]) == {"EUR": "0.165", "USD": "0.0125"}
        assert shown["check"]["countries"] == {"DE": 3, "US": 1}
        await here.admin("price.import", csv=PRICES.replace("0.055", "0.06"), valid_from="always")
        assert amounts((await here.admin("draft.show", id=made))["cost"])["EUR"] == "0.18"
        await here.running.ctx.db.write(
            lambda tx: tx.execute(
                "UPDATE template SET next_category = 'MARKETING', next_category_at = ?",
                (here.clock.now() - 1,),
            )
        )
        assert amounts((await here.admin("draft.show", id=made))["cost"]) == {"EUR": "0.3393"}
