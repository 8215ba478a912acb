"""How pages write what people wrote, and what the daemon says."""

import re
import time
from pathlib import Path

import pytest

from wacrmd import dashboard
from wacrmd.clock import parse_iso
from wacrmd.dashboard.render import LONG_WORD, folding, isolated, moment, said


def pieces(text: str) -> list[str]:
    """What cannot be torn apart by a line's end, of a single word."""
    return str(folding(text)).removeprefix("<bdi>").removesuffix("</bdi>").split("<wbr>")


@pytest.mark.parametrize(
    "text", ["", "Spring offer", "order_ready", "a  b", "x" * LONG_WORD, "Mother's day & more", "-" * 15]
)
def test_short_words_stay_whole(text: str) -> None:
    assert "<wbr>" not in folding(text)


def test_the_direction_of_a_text_is_its_own() -> None:
    assert folding("عرض \u202elive") == "<bdi>عرض live</bdi>"


def test_a_long_word_folds_after_its_parts_and_loses_nothing() -> None:
    assert pieces("summer_opening_hours_2026") == ["summer_opening_", "hours_", "2026"]
    assert [len(piece) for piece in pieces("n" * 40)] == [16, 16, 8]


@pytest.mark.parametrize("one", ["👩‍👩‍👧‍👦", "👍🏽", "❤️", "e\u0301"])
def test_a_character_of_several_parts_stays_whole(one: str) -> None:
    assert all(re.fullmatch(f"({one})+", piece) for piece in pieces(one * 30))


def test_markup_is_text_in_long_words_too() -> None:
    found = folding("<script>alert('a-long-word')</script> &amp;")
    assert re.findall(r"<\w+", found) == ["<wbr"] * found.count("<wbr>")
    assert found.replace("<wbr>", "").startswith(
        "&lt;script&gt;alert(&#39;a-long-word&#39;)&lt;/script&gt; &amp;amp;"
    )


@pytest.mark.parametrize("text", ["\u0301" * 100_000, "a\u200d" * 50_000, "-" * 100_000, " " * 100_000])
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    folding(text)
    assert time.process_time() - began < 2


def test_times_in_a_sentence_are_elements_and_the_rest_is_escaped() -> None:
    at = "2026-11-23T12:00:00.000Z"
    assert said(f"<b>bold</b> fails since {at}: look") == (
        f'&lt;b&gt;bold&lt;/b&gt; fails since <time datetime="{at}">23 Nov 2026, 12:00 UTC</time>: look'
    )


def test_what_only_looks_like_a_time_stays_text() -> None:
    assert said("fails since 2026-13-40T99:00:00Z") == "fails since 2026-13-<wbr>40T99:00:00Z"


def test_a_time_can_be_read_without_a_script() -> None:
    at = parse_iso("2026-11-30T19:53:07.250Z")
    assert moment(at) == '<time datetime="2026-11-30T19:53:07.250Z">30 Nov 2026, 19:53 UTC</time>'
    assert moment(at, seconds=True).endswith(">30 Nov 2026, 19:53:07 UTC</time>")
    assert moment(0).endswith(">1 Jan 1970, 00:00 UTC</time>")


def test_no_template_writes_a_time_for_machines() -> None:
    for each in (Path(dashboard.__file__).parent / "templates").rglob("*.html"):
        assert "<time" not in each.read_text(), f"{each.name}: use the filter moment"


def test_a_name_turns_nothing_around_it() -> None:
    assert isolated("Spring") == "Spring"
    assert isolated("\u202egnirpS\u2069") == "\u2068gnirpS\u2069"
    name = isolated("\u202egnirpS")
    assert said(f"Paused: {name}. 3 people wait.") == (
        '<bdi dir="ltr">Paused: \u2068gnirpS\u2069. 3 people wait.</bdi>'
    )
    assert said("Paused by \u202egnirpS") == "Paused by gnirpS"
    # The sentence is English, also where the first word that it quotes is not.
    assert said("عرض has no price") == '<bdi dir="ltr">عرض has no price</bdi>'


def test_what_is_not_said_is_empty() -> None:
    assert said(None) == ""
