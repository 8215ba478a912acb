"""Every regular expression takes a time that grows with the text, and not with its square: texts come from strangers."""

import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import wacrmd
from tests.support.loop_cost import slowness

LENGTH = 3000
LONGEST_S = 0.015
"""Processor time for a text of this length: a linear one takes 0.3 ms at most, a quadratic one 40 ms at least."""

PIECES = (
    *"a1 -.,;:/()[]{}\"'\\=+#%\n\t<>@&?_\u00a0é0eTZ",
    *(
        "{{",
        "}}",
        "%2B",
        "1 ",
        "1-",
        "1.",
        "(1)",
        "(0",
        "( ",
        "a ",
        "a=",
        "; ",
        "W/",
        '"a",',
        "https://",
        "a.",
        "{{a",
    ),
    *("{{ ", "1,", "1e", "--", "\r\n", "tel:", "sha256=", "EAA", "Bearer ", "ext ", "x1 "),
)
ENDS = ("!", "\n")
METHODS = {"fullmatch": "fullmatch", "match": "match"}
"""Every other one begins anew at each place, as `search` does."""

BOUNDED = {
    "wacrmd.domain.phone_masking._GROUP": "each run in which it looks ends with a digit",
    "wacrmd.http.json_outline._TO_BRACKET": "only as many brackets are looked for as there are",
}


def expressions() -> Iterator[Any]:
    """Each with its name and the methods by which its own module uses it."""
    for module in pkgutil.walk_packages(wacrmd.__path__, "wacrmd."):
        if module.name.endswith("__main__") or ".simulator" in module.name:
            continue
        loaded = importlib.import_module(module.name)
        source = Path(loaded.__file__ or "").read_text()
        for name, value in vars(loaded).items():
            if isinstance(value, re.Pattern) and f"{name} = re.compile" in source:
                used = set(re.findall(rf"\b{name}\.(\w+)\(", source)) & set(dir(re.Pattern))
                yield pytest.param(
                    value, {METHODS.get(each, "search") for each in used}, id=f"{module.name}.{name}"
                )


ALL = list(expressions())


def test_there_are_many() -> None:
    assert len(ALL) > 60
    assert {each.id for each in ALL} >= set(BOUNDED)


@pytest.fixture(scope="module")
def longest_s() -> float:
    return LONGEST_S * slowness()


@pytest.mark.parametrize(("expression", "methods"), [each for each in ALL if each.id not in BOUNDED])
def test_it_is_linear(expression: re.Pattern[Any], methods: set[str], longest_s: float) -> None:
    texts = (piece * (LENGTH // len(piece)) + end for piece in PIECES for end in ENDS)
    for text in texts:
        given = text.encode() if isinstance(expression.pattern, bytes) else text
        for method in methods or {"search"}:
            began = time.thread_time()
            getattr(expression, method)(given)
            assert time.thread_time() - began < longest_s, (method, text[:20], text[-1])
