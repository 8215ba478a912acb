from dataclasses import dataclass

from wacrmd.domain.account_settings import AccountSettings
from wacrmd.fields import shared


def test_a_setting_that_is_not_named_stays_and_one_that_is_taken_away_has_its_default_again() -> None:
    germany = AccountSettings().changed({"default_country": "DE"})
    assert germany.default_country == "DE"
    assert germany.changed({}) == germany
    assert germany.changed({"default_country": None}) == AccountSettings()


def test_a_record_of_one_field_is_shared_like_any_other() -> None:
    @dataclass(frozen=True)
    class One:
        name: str

    assert shared(One, One("a")) == {"name": "a"}
