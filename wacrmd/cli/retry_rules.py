"""Rules on the command line: `131049 after 24h, 2 times`, of which only the codes are required."""

import re

import click

from wacrmd.clock import HOUR
from wacrmd.domain.code_text import read_codes
from wacrmd.domain.local_time import read_duration
from wacrmd.fields import JsonObject

_RULE = re.compile(
    r"(?P<codes>[0-9]+(?:\s*,\s*[0-9]+)*)(?:\s+after\s+(?P<after>[0-9]+\s*[a-z]+))?(?:\s*,?\s+(?P<times>[0-9]+)\s+times?)?",
    re.ASCII | re.IGNORECASE,
)
_EXPECTED = "expected a rule such as '131049 after 24h, 2 times' or '131026,131053 after 2d'"


class RuleText(click.ParamType[JsonObject | str]):
    """A rule as the daemon takes it; the word `none` as it is: no rules."""

    name = "rule"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> JsonObject | str:
        """Read a rule; fails with a sentence. The daemon checks codes and bounds."""
        if not isinstance(value, str):
            return dict(value) if isinstance(value, dict) else str(value)
        if value.strip().lower() == "none":
            return "none"
        found = _RULE.fullmatch(value.strip())
        if found is None:
            self.fail(f"{_EXPECTED}, found {value!r}", param, ctx)
        try:
            rule: JsonObject = {"codes": read_codes(found["codes"])}
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if found["after"] is not None:
            try:
                duration = read_duration(found["after"])
            except ValueError:
                duration = None
            if duration is None or duration % HOUR:
                self.fail(f"{_EXPECTED}, in whole hours, found {value!r}", param, ctx)
            rule["after_hours"] = duration // HOUR
        if found["times"] is not None:
            rule["times"] = int(found["times"])
        return rule


def rules_of(given: tuple[JsonObject | str, ...]) -> list[JsonObject] | None:
    """The parameter of rules that were given one by one; `none` alone: no rules; nothing given: not named."""
    if "none" in given:
        if len(given) > 1:
            raise click.UsageError("--retry-rule none stands alone: it takes all rules away")
        return []
    return [each for each in given if isinstance(each, dict)] or None


def rules_shown(rules: list[JsonObject] | None) -> str | None:
    """Rules as they are written; None for none."""
    return "; ".join(map(_shown, rules)) if rules else None


def _shown(rule: JsonObject) -> str:
    times = "1 time" if rule["times"] == 1 else f"{rule['times']} times"
    return f"{', '.join(map(str, rule['codes']))} after {rule['after_hours']}h, {times}"
