"""The fields of a form for the rules by which a broadcast is sent again by itself to those who failed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from wacrmd.dashboard.forms import Form, whole_of
from wacrmd.domain.code_text import read_codes
from wacrmd.domain.retry import MAX_AFTER_HOURS, MAX_RULES, MAX_TIMES, RetryRule, RetryRules
from wacrmd.errors import Refusal, bad_request

AGAIN = "again"
"""The box: what is below it counts if it is ticked."""
_CODES, _AFTER, _TIMES = "again_codes_", "again_after_", "again_times_"
"""Fields of a rule, each with its number from 1."""
_PARTS = {"codes": _CODES, "after_hours": _AFTER, "times": _TIMES}
OF_RULES = tuple(f"{part}{row}" for row in range(1, MAX_RULES + 1) for part in _PARTS.values())
"""What is below the box."""
FIELDS = (AGAIN, *OF_RULES)
"""Fields beside which a mistake can be said."""
_USUAL = RetryRule((131049,), 24, 2)
"""What the fields have while there are no rules: one click is enough."""
_EMPTY = RetryRule((), 24, 1)
_IN_OPERATION = re.compile(r"retry_rules\[(?P<index>\d+)\]\.(?P<part>codes|after_hours|times)\b")


def filled(rules: RetryRules | None) -> list[tuple[str, str]]:
    """The fields with these rules, and with room for one more."""
    shown = [*(rules or (_USUAL,)), _EMPTY][:MAX_RULES]
    pairs = [
        pair
        for row, rule in enumerate(shown, 1)
        for pair in (
            (f"{_CODES}{row}", ", ".join(map(str, rule.codes))),
            (f"{_AFTER}{row}", str(rule.after_hours)),
            (f"{_TIMES}{row}", str(rule.times)),
        )
    ]
    return [*pairs, *([(AGAIN, "1")] if rules else [])]


def rules_of(form: Form) -> Sequence[Mapping[str, Any]]:
    """The rules, as operations take them. Raises Refusal for what is no number or too much, and if there is none."""
    rules = [
        {
            "codes": _codes(form, row),
            "after_hours": whole_of(form, f"{_AFTER}{row}", 1, MAX_AFTER_HOURS),
            "times": whole_of(form, f"{_TIMES}{row}", 1, MAX_TIMES),
        }
        for row in _rows(form)
    ]
    if not rules:
        raise bad_request(f"{_CODES}1: give the number of a reason, or take the tick away above")
    return rules


def beside(refusal: Refusal, form: Form) -> Refusal:
    """What an operation says of a rule, with the names of the fields in which it was typed."""
    rows = _rows(form)

    def field(path: str) -> str:
        found = _IN_OPERATION.match(path)
        if found is None:
            return AGAIN if path == "retry_rules" else path
        return f"{_PARTS[found['part']]}{rows[int(found['index'])]}"

    details = [replace(each, path=field(each.path)) for each in refusal.details]
    return Refusal(refusal.code, refusal.message, details, retry_after_s=refusal.retry_after_s)


def _rows(form: Form) -> list[int]:
    """The numbers of the rules in which something is typed."""
    empty = dict(zip(_PARTS.values(), ("", str(_EMPTY.after_hours), str(_EMPTY.times)), strict=True))
    return [
        row
        for row in range(1, MAX_RULES + 1)
        if any((form.text(f"{part}{row}") or unused) != unused for part, unused in empty.items())
    ]


def _codes(form: Form, row: int) -> list[int]:
    try:
        codes = read_codes(form.get(f"{_CODES}{row}", ""))
    except ValueError as error:
        raise bad_request(f"{_CODES}{row}: {error}") from None
    if not codes:
        raise bad_request(
            f"{_CODES}{row}: give the number of a reason, such as 131049; of several with commas between them"
        )
    return codes
