"""A number in front of a plural may be 1: `1 unfinished broadcasts`. Texts say it with `counted` or `people`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import wacrmd

NOUNS = (
    "people|broadcasts|messages|numbers|recipients|requests|webhooks|drafts|lines|rows|columns|cells|files|buttons|cards"
    "|secrets|prices|templates|checks|days|hours|minutes|characters|attempts|parameters|opt-outs|users|keys"
)
_PLURAL = re.compile(rf" (?:unfinished |more |other |different |waiting |first )?(?:{NOUNS})\b")
_IN_SOURCE = re.compile(rf"\}}{_PLURAL.pattern}")
"""Most modules have none, and need not be parsed."""
NEVER_ONE = {
    ("cli/demo.py", "_demo"): "many, for a demonstration",
    ("cli/demo.py", "_print_result"): "many, for a demonstration",
    ("cli/output.py", "span"): "from two days on",
    ("dashboard/words_of_meta.py", "limit"): "a tier of Meta's: 250 and more",
    ("domain/clock_trust.py", "difference"): "from two days on",
    ("domain/draft_room.py", "too_many"): "a bound that is fixed",
    ("domain/mapped_file.py", "read_head"): "more than a bound that is fixed",
    ("domain/optout_file.py", "_shifted"): "more than the header has",
    ("domain/people_file.py", "chosen"): "more than one column",
    ("domain/phone_text.py", "dialled"): "too long for a number",
    ("domain/plain_words.py", "_of_guesses"): "one is told apart",
    ("operations/inputs.py", "_as_size"): "for the audit log, of a long text",
    ("redact.py", "_clean_text"): "what is left out of a long text",
    ("reference/schema.py", "_words"): "bounds in the documentation",
    ("services/broadcasts/content_checks.py", "length_problems"): "more than a bound of Meta's",
    ("services/broadcasts/content_checks.py", "button_problems"): "a bound of Meta's: 15 and more",
    ("services/maintenance/doctor.py", "_number"): "longer than a silence that is fixed",
    ("services/maintenance/status.py", "_silence_warnings"): "longer than a silence that is fixed",
    ("services/maintenance/file_checks.py", "open_file_limit"): "what the system allows, hundreds",
    ("services/numbers/findings.py", "_limits"): "a tier of Meta's: 50 and more",
}
"""Functions whose number is always larger, and why."""


def _found(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    """The functions and lines with a number in front of a plural, unless a condition says that it is not 1."""

    def walk(node: ast.AST, name: str, *, is_told: bool) -> Iterator[tuple[str, int, str]]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = node.name
        if isinstance(node, ast.IfExp):
            is_told = is_told or "== 1" in ast.unparse(node.test) or "> 1" in ast.unparse(node.test)
        if isinstance(node, ast.JoinedStr) and not is_told:
            for value, text in zip(node.values, node.values[1:], strict=False):
                if not isinstance(value, ast.FormattedValue) or not isinstance(text, ast.Constant):
                    continue
                written, found = ast.unparse(value.value), _PLURAL.match(str(text.value))
                if found and not re.fullmatch(r"[\w.]*\b_?[A-Z][A-Z_]+", written):
                    yield name, node.lineno, f"{{{written}}}{found[0]}"
        for child in ast.iter_child_nodes(node):
            yield from walk(child, name, is_told=is_told)

    return walk(tree, "", is_told=False)


def test_no_text_has_a_number_in_front_of_a_plural_that_may_be_one() -> None:
    root = Path(wacrmd.__file__).parent
    found = [
        f"{path.relative_to(root)}:{line} {text}"
        for path in sorted(root.rglob("*.py"))
        if path.relative_to(root).parts[0] not in ("simulator", "demo")
        if _IN_SOURCE.search(source := path.read_text())
        for name, line, text in _found(ast.parse(source))
        if (str(path.relative_to(root)), name) not in NEVER_ONE
    ]
    assert found == []


def test_no_page_has_a_number_in_front_of_a_plural_that_may_be_one() -> None:
    root = Path(wacrmd.__file__).parent / "dashboard" / "templates"
    plural = re.compile(rf"\}}\}}{_PLURAL.pattern}")
    found = [
        f"{path.relative_to(root)}:{line} {text.strip()[:100]}"
        for path in sorted(root.rglob("*.html"))
        for line, text in enumerate(path.read_text().splitlines(), start=1)
        if plural.search(text)
    ]
    assert found == []
