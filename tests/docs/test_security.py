"""docs/security.md: each defence names a test that shows it, and the test exists."""

import ast
import re
from functools import cache

from tests.docs.pages import TOP

TEXT = (TOP / "docs/security.md").read_text(encoding="utf-8")
ROWS = [
    line.split(" | ") for line in TEXT.splitlines() if line.startswith("| ") and "what they try" not in line
]
CITED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+|\*)`")
"""`*` stands for all tests of a file."""


@cache
def names_in(file: str) -> set[str]:
    """The names of the tests in a file."""
    tree = ast.parse((TOP / file).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        node.name for node in ast.walk(tree) if isinstance(node, functions) and node.name.startswith("test_")
    }


def test_each_defence_names_the_tests_that_show_it() -> None:
    assert len(ROWS) > 40
    assert [row[0] for row in ROWS if len(row) != 3 or not CITED.search(row[2])] == []


def test_each_test_that_is_named_exists() -> None:
    cited = CITED.findall(TEXT)
    assert len(cited) > 50
    assert [f"{file}::{name}" for file, name in cited if name not in names_in(file) and name != "*"] == []
    assert all(names_in(file) for file, _ in cited)
