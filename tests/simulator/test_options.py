"""Options are checked, and a secret is never shown."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.table import rows
from wacrmd.simulator.options import OptionError, Options

DOCS = Path(__file__).parents[2] / "docs" / "simulator.md"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"latncy": 1}, "latncy: there is no such option"),
        ({"latency_ms": "5"}, "latency_ms: expected a whole number from 0 to 1e+12, found '5'"),
        ({"latency_ms": True}, "latency_ms: expected a whole number"),
        ({"latency_ms": 1.5}, "latency_ms: expected a whole number"),
        ({"read_share": 1.1}, "read_share: expected a number from 0 to 1, found 1.1"),
        ({"read_share": float("nan")}, "read_share: expected a number from 0 to 1, found nan"),
        ({"batch": 0}, "batch: expected a whole number from 1 to 1000, found 0"),
        ({"shuffle": 1}, "shuffle: expected true or false, found 1"),
        ({"failed_codes": "131026"}, "failed_codes: expected a list of numbers"),
        ({"failed_codes": []}, "failed_codes: expected at least one value"),
        ({"reply_texts": [1]}, "reply_texts: expected a list of strings"),
        ({"templates": ["x"]}, "templates: expected a list of objects"),
        ({"webhook_url": ""}, "webhook_url: expected a string that is not empty, or null"),
        ({"webhook_url": "localhost:1"}, "webhook_url: expected http://… or https://…, found 'localhost:1'"),
        ({"error_status": 200}, "error_status: expected 0 or a status from 400 to 599, found 200"),
        ({"failed_recipients": 5}, "failed_recipients: expected a list of strings, found 5"),
        ({"waba_id": None}, "waba_id: expected a string, found None"),
        ({"failed_recipients": ["+1555"]}, "failed_recipients: expected NUMBER=CODE"),
        ({"hang_share": 0.6, "error_share": 0.6}, "must add up to at most 1, found 1.2"),
    ],
)
def test_a_wrong_value_is_refused_with_what_was_expected(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError) as caught:
        Options().changed(changes)
    assert sentence in str(caught.value)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(OptionError) as caught:
        Options().changed({"read_share": 2, "batch": -1})
    assert len(caught.value.problems) == 2


def test_json_values_are_accepted() -> None:
    options = Options().changed({"read_share": 1, "failed_codes": [131049], "hang_seconds": 2})
    assert (options.read_share, options.failed_codes, options.hang_seconds) == (1.0, (131049,), 2.0)


def test_secrets_are_never_shown() -> None:
    options = Options(access_token="EAAsecret", app_secret="apps3cret")
    shown = repr(options) + str(options.public())
    assert "EAAsecret" not in shown
    assert "apps3cret" not in shown
    assert options.public()["app_secret"] == "set"
    with pytest.raises(OptionError) as caught:
        options.changed({"access_token": ["EAAsecret"]})
    assert "EAAsecret" not in str(caught.value)


@rows("option", dataclasses.fields(Options))
def test_every_option_is_documented_with_its_default(option: dataclasses.Field[Any]) -> None:
    rows = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if f"| `{option.name}` |" in line]
    assert len(rows) == 1, f"docs/simulator.md needs one row for {option.name}"
    assert option.metadata["meaning"] in rows[0]
    default = option.default
    if isinstance(default, bool):
        shown = str(default).lower()
    elif isinstance(default, tuple):
        shown = ", ".join(map(str, default)) or "none"
    else:
        shown = "none" if default is None else str(default)
    assert f"| {shown} |" in rows[0]


def test_the_documented_changes_can_be_made_one_after_the_other() -> None:
    examples = re.findall(r"PATCH \S+/_simulator/options -d '([^']+)'", DOCS.read_text(encoding="utf-8"))
    assert len(examples) >= 2
    options = Options()
    for example in examples:
        options = options.changed(json.loads(example))
    assert options != Options()
