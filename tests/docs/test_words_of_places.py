"""What the daemon says fits the place where it is read: the API, a command, or the dashboard."""

import ast
import re
from collections.abc import Iterator

from tests.docs.pages import TOP
from wacrmd.domain.plain_words import plainly

READ_EVERYWHERE = ("domain", "meta", "sender", "services", "store")
"""Packages whose texts come to all three."""
DESCRIBED = ("Doc", "Field")
"""Calls whose texts are descriptions, for the reference alone."""
OPTION = re.compile(r"(?<!\w)--[a-z]")
COMMAND = re.compile(r"(?:wacrmd|systemctl) [a-z]+ ")
ENDPOINT = re.compile(r"\b(?:GET|POST|PUT|PATCH|DELETE) (?:/api|its )")
ONLY_COMMANDS = ("say --force to replace it",)
"""What only a command can be told."""


def texts(source: str) -> Iterator[str]:
    """The texts of a module that somebody may read: no docstrings, no descriptions of fields; values are left open."""
    tree = ast.parse(source)
    unread: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            unread.add(id(node.value))
        elif isinstance(node, ast.Call) and getattr(node.func, "id", None) in DESCRIBED:
            unread |= {id(part) for part in ast.walk(node)}
        elif isinstance(node, ast.JoinedStr) and id(node) not in unread:
            unread |= {id(part) for part in ast.walk(node) if part is not node}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "2" for part in node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in unread:
            yield node.value


def read_everywhere(wanted: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Each text of these packages, with its file, where what is wanted is anywhere in the file."""
    for package in READ_EVERYWHERE:
        for file in sorted((TOP / "wacrmd" / package).rglob("*.py")):
            if file.name != "plain_words.py":
                source = file.read_text()
                for text in texts(source) if wanted.search(source) else ():
                    yield str(file.relative_to(TOP)), text


def test_no_text_that_a_command_may_print_speaks_of_the_api() -> None:
    assert not [(file, text) for file, text in read_everywhere(ENDPOINT) if ENDPOINT.search(text)]


def test_an_option_is_named_with_its_command_or_translated_for_the_dashboard() -> None:
    bare = [
        (file, text)
        for file, text in read_everywhere(OPTION)
        if (option := OPTION.search(text)) and not COMMAND.search(text[: option.start()])
    ]
    assert any("--column" in text for _, text in bare), "nothing was looked at"
    bad = [(file, text) for file, text in bare if OPTION.search(plainly(f"nothing is known; {text}"))]
    assert not [each for each in bad if not any(known in each[1] for known in ONLY_COMMANDS)]
