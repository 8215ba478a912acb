"""docs/architecture.md is true: each function that it names exists in its file."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import TOP

TEXT = (TOP / "docs/architecture.md").read_text()
STEPS = sorted(set(re.findall(r"`([\w/]+\.py):([\w.]+)`", TEXT)))


@cache
def defined(file: Path) -> frozenset[str]:
    """The functions and classes of a module, methods as `Class.method`."""
    found: set[str] = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            members = [n.name for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
            found |= {node.name, *(f"{node.name}.{member}" for member in members)}
    return frozenset(found)


def test_the_page_has_steps() -> None:
    assert len(STEPS) > 30


@pytest.mark.parametrize(("file", "function"), STEPS)
def test_each_step_exists(file: str, function: str) -> None:
    assert function in defined(TOP / "wacrmd" / file)


def test_each_symbol_that_is_named_with_its_module_exists() -> None:
    named = re.findall(r"`(\w+(?:\.\w+)?)`(?: and one in `(\w+(?:\.\w+)?)`)? \(`(wacrmd/[\w/]+\.py)`\)", TEXT)
    assert len(named) > 4
    for first, second, file in named:
        assert {first, second} - {""} <= defined(TOP / file), (first, second, file)
