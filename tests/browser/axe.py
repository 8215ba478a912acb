"""Runs axe-core, which finds what shuts people out of a page, in the page that a browser shows."""

from functools import cache
from pathlib import Path
from typing import Any

from playwright.async_api import Page

FOLDER = Path(__file__).parent / "axe"

RUN = """
() => axe.run(document, {
  resultTypes: ["violations"],
  preload: false,
  rules: {"target-size": {enabled: true}},
})
"""


@cache
def script() -> str:
    """axe-core, as it was published (tests/browser/axe/README.md)."""
    return (FOLDER / "axe.min.js").read_text()


async def findings(page: Page) -> list[str]:
    """What axe-core finds on the page as it is shown, a line for each element."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(script())
    result: dict[str, Any] = await page.evaluate(RUN)
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:160]}: {' '.join(node['failureSummary'].split())}"
        for rule in result["violations"]
        for node in rule["nodes"]
    ]
