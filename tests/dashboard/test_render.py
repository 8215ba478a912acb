"""How pages write what the daemon says."""

from wacrmd.dashboard.render import said


def test_times_in_a_sentence_are_elements_and_the_rest_is_escaped() -> None:
    at = "2026-11-23T12:00:00.000Z"
    assert said(f"<b>bold</b> fails since {at}: look") == (
        f'&lt;b&gt;bold&lt;/b&gt; fails since <time datetime="{at}">{at}</time>: look'
    )


def test_what_is_not_said_is_empty() -> None:
    assert said(None) == ""
