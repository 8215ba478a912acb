"""docs/architecture.md is true: its functions and columns exist, and its packages are described as in the code."""

import ast
import re
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import TOP
from tests.support.table import rows
from wacrmd.store.migrate import migrations

TEXT = (TOP / "docs/architecture.md").read_text()
CODE = TOP / "wacrmd"
PACKAGES = sorted(folder for folder in CODE.iterdir() if (folder / "__init__.py").exists())
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


@rows(("file", "function"), STEPS)
def test_each_step_exists(file: str, function: str) -> None:
    assert function in defined(TOP / "wacrmd" / file)


def test_each_symbol_that_is_named_with_its_module_exists() -> None:
    named = re.findall(r"`(\w+(?:\.\w+)?)`(?: and one in `(\w+(?:\.\w+)?)`)? \(`(wacrmd/[\w/]+\.py)`\)", TEXT)
    assert len(named) > 4
    for first, second, file in named:
        assert {first, second} - {""} <= defined(TOP / file), (first, second, file)


def test_the_columns_of_the_queue_exist() -> None:
    section = TEXT.split("## The queue in one look")[1].split("\n## ")[0]
    table = section.split("| column of `recipient` |")[1].split("\n\n")[0]
    named = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert len(named) > 20
    with closing(sqlite3.connect(":memory:")) as db:
        for _, sql in migrations():
            db.executescript(sql)
        columns = {name for _, name, *_ in db.execute("PRAGMA table_info (recipient)")}
    assert columns == {*named, "id"}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_the_table_says_what_the_docstring_of_the_package_says(package: Path) -> None:
    what, _, _ = docstring(package).partition("\n\n")
    assert f"| `{package.name}/` | {what.removesuffix('.')} |" in TEXT


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_the_importers_that_a_docstring_names_are_those_of_the_package(package: Path) -> None:
    if named := re.search(r"\bOnly (`.*?`) imports? it\b", docstring(package)):
        assert re.findall(r"`(\w+)`", named[1]) == sorted(importers(package.name))
    if "Nothing imports it." in docstring(package):
        assert not importers(package.name)


def docstring(package: Path) -> str:
    return ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""


def importers(package: str) -> set[str]:
    """The other packages and modules at the top that import a package."""
    found = {
        file.relative_to(CODE).parts[0].removesuffix(".py")
        for file in CODE.rglob("*.py")
        if re.search(rf"^\s*(?:from|import) wacrmd\.{package}\b", file.read_text(), re.MULTILINE)
    }
    return found - {package}
