"""`python -m wacrmd.reference docs/*.md` writes the reference parts of these pages anew."""

import sys
from pathlib import Path

from wacrmd.reference.pages import filled


def main(pages: list[Path]) -> None:
    """Write them."""
    for page in pages:
        page.write_text(filled(page.name, page.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main([Path(page) for page in sys.argv[1:]])
