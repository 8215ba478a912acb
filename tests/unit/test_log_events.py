"""docs/logs.md lists exactly the events that the code logs, with level and values."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import wacrmd
from tests.support.table import rows
from wacrmd.log import LEVELS

CODE = Path(wacrmd.__file__).parent
TEXT = (CODE.parent / "docs" / "logs.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) ?\| (.+) \|$", TEXT, re.MULTILINE)
KEYS = set(re.findall(r"^\| `(\w+)` \| [^|]+ \|$", TEXT.partition("## Events")[2], re.MULTILINE))
"""The keys that say what a line is about: each means the same in every event."""
BRIDGE = "library_logged"
"""What libraries log has the level and the logger that the library gave it."""


@cache
def calls() -> list[tuple[Path, ast.Call, str]]:
    """Every call `log.<level>(…)` of the daemon, without the simulator, which is another program."""
    found = []
    for path in sorted(CODE.rglob("*.py")):
        if path.relative_to(CODE).parts[0] == "simulator":
            continue
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)) if "log." in source else ():
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=method)) if (
                    method in LEVELS or method == "exception"
                ):
                    found.append((path, node, "error" if method == "exception" else method))
    return found


def logged() -> dict[str, tuple[set[str], set[str]]]:
    """Each event with its levels and the names of its values."""
    events: dict[str, tuple[set[str], set[str]]] = {}
    for path, call, level in calls():
        match call.args:
            case [ast.Constant(value=str(event))]:
                levels, values = events.setdefault(event, (set(), set()))
                levels.add(level)
                names = {str(keyword.arg) for keyword in call.keywords}
                counted = {"count"} if "summed" in names else set[str]()
                values |= names - {"exc_info", "summed"} | counted  # the traceback; whose lines are summed up
            case _:
                pytest.fail(f"{path}:{call.lineno}: an event is one literal name, its values are keywords")
    return events


def test_every_event_is_documented_with_its_level_and_its_values() -> None:
    documented = {
        name: ({level}, set(re.findall(r"`(\w+)`", values)))
        for name, level, values, _ in ROWS
        if name != BRIDGE
    }
    assert documented == logged()


def test_a_value_that_identifies_something_has_a_documented_key() -> None:
    used = set().union(*(values for _, values in logged().values()))
    nouns = {"broadcast", "recipient", "number", "business_account", "endpoint"}
    assert {name for name in used if name in nouns or re.search(r"(^|_)(id|row|uuid)$", name)} == KEYS


def test_the_rows_are_sorted_and_each_is_one_sentence() -> None:
    names = [name for name, *_ in ROWS]
    assert names == sorted(set(names))
    for name, _, _, meaning in ROWS:
        assert meaning[0].isupper() or meaning.startswith("`"), name
        assert meaning.endswith("."), name


@rows("name", [name for name, *_ in ROWS])
def test_a_name_is_snake_case_with_a_noun_and_a_state(name: str) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", name)
