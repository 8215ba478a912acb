"""Names of time zones: those that mean the same on every machine, and no others."""

import pytest

from wacrmd.domain.time_zones import zone_name, zone_named, zone_names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        (" europe/berlin ", "Europe/Berlin"),
        ("utc", "UTC"),
        ("Etc/GMT+5", "Etc/GMT+5"),
        ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
    ],
)
def test_a_name_of_the_database_is_taken_in_any_letters(text: str, name: str) -> None:
    assert zone_name(text) == zone_named(text).key == name


@pytest.mark.parametrize(
    "text",
    [
        "localtime",
        "LocalTime",
        "posixrules",
        "Factory",
        "right/Europe/Berlin",
        "posix/UTC",
        "Europe",
        "America/Argentina",
        "zone.tab",
        "tzdata.zi",
        "leapseconds",
        "../etc/localtime",
        "/etc/localtime",
        "",
        " ",
        "Europe/Berlin\x00",
        "CET-1CEST",
        "x" * 10_000,
    ],
)
def test_what_depends_on_the_machine_or_is_no_zone_is_refused(text: str) -> None:
    assert zone_name(text) is None
    with pytest.raises(ValueError, match="expected a time zone such as Europe/Berlin, found "):
        zone_named(text)


def test_every_name_is_a_zone_and_a_misspelt_one_is_guessed() -> None:
    assert len(zone_names()) > 400
    assert all(zone_named(name).key == name for name in zone_names())
    with pytest.raises(ValueError, match=r"; did you mean Europe/Berlin\?$"):
        zone_named("Europe/Berln")
