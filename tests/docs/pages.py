"""The text files of this repository, and the headings of its Markdown files."""

import re
from functools import cache
from pathlib import Path

TOP = Path(__file__).parents[2]
FOLDERS = ("wacrmd", "tests", "docs", "contrib", "bench")
TOP_FILES = ("Makefile", "pyproject.toml", "config.example.toml", "MANIFEST.in")
BINARY = frozenset({".pyc", ".png"})


def text_files() -> list[Path]:
    """All text files: code, tests, documents, samples."""
    files = [TOP / name for name in TOP_FILES] + sorted(TOP.glob("*.md"))
    for folder in FOLDERS:
        found = (TOP / folder).rglob("*")
        files += sorted(f for f in found if f.is_file() and f.suffix not in BINARY)
    return files


def markdown_files() -> list[Path]:
    """Every Markdown file."""
    return [file for file in text_files() if file.suffix == ".md"]


@cache
def headings(file: Path) -> tuple[str, ...]:
    """The headings of a Markdown file as they read, without backquotes."""
    text = re.sub(r"```.*?```", "", file.read_text(), flags=re.DOTALL)
    return tuple(h.replace("`", "").strip() for h in re.findall(r"^#+ (.*)$", text, re.MULTILINE))


def anchors(file: Path) -> set[str]:
    """The targets that `#…` can have in a Markdown file."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings(file)}
