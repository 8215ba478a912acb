"""Clicks on links are kept, whatever Meta says of them later and whatever becomes of their templates."""

from dataclasses import replace
from pathlib import Path

from tests.store.rows import N1, NOW, broadcast, database
from tests.support.templates import approved
from wacrmd.clock import DAY, HOUR
from wacrmd.domain.statistics import SLOT, By
from wacrmd.domain.template_clicks import Clicks, LinkClicks
from wacrmd.store import accounts, after_loss, numbers, template_clicks, templates
from wacrmd.store.database import Tx
from wacrmd.store.salvage import Lost
from wacrmd.store.statistics import Wanted

TODAY = NOW // DAY
DAYS = range(TODAY - 30, TODAY + 1)
ALL = Wanted(account_id=None, first=0, end=2**40)
OWN = Wanted(account_id=N1.account_id, first=0, end=2**40)
OTHER = Wanted(account_id="a2", first=0, end=2**40)
HELLO = approved(waba_id=N1.waba_id, meta_id="1", name="hello", synced_at=NOW)


def put(
    tx: Tx, people: int | None, clicks: int | None, *, day: int = TODAY, is_marketing: bool = False
) -> None:
    found = [LinkClicks("1", day, "Shop", Clicks(people, clicks))]
    template_clicks.put(tx, HELLO, found, is_marketing=is_marketing)


def shown(tx: Tx, wanted: Wanted = OWN) -> list[Clicks]:
    return [each["Shop"] for each in template_clicks.sums(tx, wanted, DAYS, By.TEMPLATE).values()]


def test_a_count_never_gets_smaller(tmp_path: Path) -> None:
    with database(tmp_path) as tx:
        for people, clicks, kept in (
            (None, 3, Clicks(None, 3)),
            (2, None, Clicks(2, 3)),
            (0, 0, Clicks(2, 3)),
            (5, 1, Clicks(5, 3)),
            (5, 9, Clicks(5, 9)),
            (None, None, Clicks(5, 9)),
        ):
            put(tx, people, clicks)
            assert shown(tx) == [kept]


def test_days_and_routes_are_added_up_and_other_accounts_and_days_left_out(tmp_path: Path) -> None:
    with database(tmp_path) as tx:
        put(tx, 2, 3)
        put(tx, 4, 4, is_marketing=True)
        put(tx, 1, None, day=TODAY - 1)
        put(tx, 9, 9, day=TODAY - 31)
        assert shown(tx) == shown(tx, ALL) == [Clicks(7, 7)]
        assert shown(tx, OTHER) == []
        by_day = template_clicks.sums(tx, OWN, DAYS, By.DAY)
        assert by_day == {
            (TODAY - 1, ""): {"Shop": Clicks(1, None)},
            (TODAY, ""): {"Shop": Clicks(6, 7)},
        }
        named = Wanted(account_id=None, first=0, end=1, template_name="hello", template_language="de")
        assert template_clicks.sums(tx, named, DAYS, By.TEMPLATE) == {}


def test_clicks_stay_when_template_and_number_go_and_go_with_the_last_account(tmp_path: Path) -> None:
    with database(tmp_path) as tx:
        templates.replace_all(tx, N1.waba_id, [HELLO], NOW, requested_at=NOW)
        put(tx, 2, 3)
        templates.replace_all(tx, N1.waba_id, [], NOW, requested_at=NOW)
        numbers.remove(tx, N1.id, NOW)
        assert shown(tx) == [Clicks(2, 3)]
        template_clicks.asked(tx, N1.waba_id, NOW, is_enabled=True)
        accounts.remove(tx, N1.account_id)
        for table in ("template_click", "template_analytics"):
            assert tx.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_a_business_account_is_asked_once_a_day_and_with_analytics_in_the_interval(tmp_path: Path) -> None:
    with database(tmp_path) as tx:

        def is_due(now: int, every: int = HOUR) -> bool:
            return template_clicks.due(tx, now=now, every=every) == [N1.waba_id]

        assert is_due(NOW)
        template_clicks.asked(tx, N1.waba_id, NOW, is_enabled=None)
        assert not is_due(NOW + DAY - 1)
        assert is_due(NOW + DAY)
        template_clicks.asked(tx, N1.waba_id, NOW, is_enabled=True)
        assert (is_due(NOW + HOUR - 1), is_due(NOW + HOUR)) == (False, True)
        template_clicks.asked(tx, N1.waba_id, NOW, is_enabled=None)
        assert is_due(NOW + HOUR), "an answer that did not come changes nothing"
        assert is_due(NOW - 1), "the clock was set back"
        template_clicks.asked(tx, N1.waba_id, NOW, is_enabled=False)
        assert (is_due(NOW + HOUR), is_due(NOW + DAY, every=2 * DAY)) == (False, False)
        numbers.remove(tx, N1.id, NOW)
        assert not is_due(NOW + 9 * DAY)


def test_templates_that_were_sent_lately_are_asked_for_those_with_most_messages_first(tmp_path: Path) -> None:
    with database(tmp_path) as tx:
        both = [HELLO, replace(HELLO, language="de")]
        templates.replace_all(tx, N1.waba_id, both, NOW, requested_at=NOW)
        slot = NOW // SLOT
        rows = [("hello", "en_US", slot, 5), ("hello", "de", slot, 7), ("gone", "de", slot, 9)]
        tx.executemany(
            "INSERT INTO message_stat (account_id, template_name, template_language, slot, country, what, count)"
            " VALUES ('a1', ?, ?, ?, 'US', 'sent', ?)",
            rows,
        )
        found = template_clicks.sent_since(tx, N1.waba_id, slot)
        assert [each.language for each in found] == ["de", "en_US"]
        assert template_clicks.sent_since(tx, N1.waba_id, slot + 1) == []
        assert template_clicks.sent_since(tx, "another", slot) == []


def test_all_days_are_read_again_once_rows_are_lost(tmp_path: Path) -> None:
    with database(tmp_path) as tx:
        broadcast(tx, 1)
        template_clicks.asked(tx, N1.waba_id, NOW, is_enabled=True)
        template_clicks.were_read(tx, N1.waba_id, NOW)
        after_loss.settle(tx, Lost({"audit": 1}), NOW)
        assert template_clicks.last_read(tx, N1.waba_id) == NOW
        after_loss.settle(tx, Lost({"template_click": 1}), NOW)
        assert template_clicks.last_read(tx, N1.waba_id) is None
