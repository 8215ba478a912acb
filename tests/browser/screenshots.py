"""Takes a picture of every page for docs/img: `make screenshots`; `ARGS='broadcasts audit'` chooses some.

The site is that of `shop.py` at a time that is always the same. What is made at random or depends on the machine (ids,
ports, paths, sizes) is replaced on the page before the picture is taken, so that a picture only changes when its page does.
"""

import asyncio
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, ViewportSize

from tests.browser import chromium
from tests.browser.pages import PATHS, is_page, picture_of
from tests.browser.png import look_same, reduced
from tests.browser.shop import Shop, shop
from tests.browser.window import Window
from wacrmd.clock import millis

FOLDER = Path(__file__).parents[2] / "docs" / "img"
BEGIN = millis(datetime(2027, 3, 1, 8, 0, 5, tzinfo=UTC))
DESK = ViewportSize(width=1120, height=700)
PHONE = ViewportSize(width=390, height=760)
MAX_HEIGHT = 1300
ON_A_PHONE = ("/broadcasts", "/broadcasts/{id}")
"""Pages that are shown on a phone in the dark too."""

STEADY = """
() => {
  const steady = [
    [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "5100fe9e-1c2d-4b7a-9f00-3a1d2c4b5e6f"],
    [/wamid\\.\\S+/g, "wamid.HBgLMTQxNTIwMDAwMDA"],
    [/wacrm_live_[\\w-]+/g, "wacrm_live_ey6tWD0j…"],
    [/127\\.0\\.0\\.1:\\d+/g, "127.0.0.1:8080"],
    [/\\/tmp\\/[^\\s:,;)]*\\//g, "/var/lib/wacrmd/"],
    [/\\d[\\d\\s.,]*\\s[kMG]iB, \\d[\\d\\s.,]*\\s[kMG]iB are free/g, "12.5 MiB, 8,192 MiB are free"],
    [/(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d):[\\d.]+Z/g, "$1:00.000Z"],
    [/\\b\\d+ ms\\b/g, "4 ms"],
    [/\\bpid \\d+/g, "pid 731"],
  ];
  // Replies have the time of the machine that runs the simulated Meta.
  for (const time of document.querySelectorAll("time:not([datetime^='2027'])")) time.textContent = "4 Mar 2027, 12:04";
  // Where a long word may be broken it stands in several pieces, none of which looks like an id.
  for (const place of document.querySelectorAll("wbr")) {
    const around = place.parentElement;
    if (steady.some(([pattern]) => around.textContent.search(pattern) >= 0)) {
      place.remove();
      around.normalize();
    }
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const text = steady.reduce((known, [pattern, words]) => known.replace(pattern, words), node.data);
    if (text !== node.data) node.data = text;
  }
}
"""
IS_LIVE = "() => !document.querySelector('[sse-connect]') || document.querySelector('.live[data-on]')"


async def take(browser: Browser, place: Shop, path: str, name: str, **look: Any) -> None:
    """Take the picture of a page, if this is one."""
    visitor = await Window.open(browser, place.site, **look)
    try:
        await visitor.log_in_by_link()
        address = place.address(path)
        if not await is_page(visitor, address):
            return
        await visitor.page.goto(address)
        await visitor.page.wait_for_function(IS_LIVE)
        await visitor.page.evaluate(STEADY)
        width = visitor.page.viewport_size["width"] if visitor.page.viewport_size else DESK["width"]
        height = min(MAX_HEIGHT, await visitor.page.evaluate("() => document.documentElement.scrollHeight"))
        await visitor.page.set_viewport_size(ViewportSize(width=width, height=height))
        picture = await visitor.page.screenshot(animations="disabled", caret="hide")
        blank = await browser.new_page()
        small = await reduced(blank, picture)
        file = FOLDER / f"{name}.png"
        changed = not file.exists() or not await look_same(blank, file.read_bytes(), small)
        await blank.close()
    finally:
        await visitor.context.close()
    if changed:
        file.write_bytes(small)
    print(f"{file.name}: {len(small) / 1000:.0f} kB{', changed' if changed else ''}")  # noqa: T201 - a command


async def main(wanted: list[str]) -> int:
    """Take those that are wanted, or all; returns the exit code."""
    path = chromium.executable()
    if path is None:
        print(chromium.MISSING, file=sys.stderr)  # noqa: T201 - as above
        return 1
    FOLDER.mkdir(exist_ok=True)
    pictures: dict[str, tuple[str, dict[str, Any]]] = {
        picture_of(each): (each, {"viewport": DESK}) for each in PATHS
    }
    for each in ON_A_PHONE:
        pictures[f"{picture_of(each)}-phone"] = (each, {"viewport": PHONE, "color_scheme": "dark"})
    before = set(FOLDER.glob("*.png"))
    with tempfile.TemporaryDirectory(prefix="wacrmd-shop-") as folder:
        async with chromium.started(path) as browser, shop(Path(folder), BEGIN) as place:
            for name, (each, look) in pictures.items():
                if not wanted or name in wanted:
                    await take(browser, place, each, name, **look)
    for file in before:
        if file.stem not in pictures:
            file.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
