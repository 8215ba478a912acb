"""Text that would do something on a page, if it were not shown as text."""

from html import escape

MARKUP = """<script>alert(1)</script>"'><img src=x onerror=alert(1)>{{7*7}}{% raw %}"""


def assert_shown_as_text(page: str, text: str = MARKUP) -> None:
    """The page has the text, and nothing of it is an element, an attribute or was calculated."""
    shown = page.replace("&#39;", "&#x27;").replace("&#34;", "&quot;").replace("<wbr>", "")
    assert escape(text) in shown
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "49{%" not in page
