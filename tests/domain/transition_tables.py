"""Writes the transition tables into docs/delivery-guarantees.md: `python -m tests.domain.transition_tables`."""

import re
from enum import StrEnum
from pathlib import Path

from wacrmd.domain.broadcast_transitions import BROADCAST
from wacrmd.domain.recipient_transitions import RECIPIENT
from wacrmd.domain.state_machine import EventT, StateMachine, StateT

PAGE = Path(__file__).parents[2] / "docs/delivery-guarantees.md"
MARKED = re.compile(r"(<!-- transitions of (\w+): written by [^>]* -->\n).*?(<!-- end -->)", re.DOTALL)


def table(machine: StateMachine[StateT, EventT]) -> str:
    """A machine as a Markdown table, one row for each event."""
    lines = ["| event | from | to | why |", "|---|---|---|---|"]
    for row in machine.rows:
        if row.after is None:
            before, after = "any", "unchanged"
        else:
            before, after = _names(row.before) or "(new)", f"`{row.after}`"
        condition = f" *Only if:* {row.condition}" if row.condition else ""
        lines.append(f"| `{row.event}` | {before} | {after} | {row.reason}{condition} |")
    return "\n".join(lines) + "\n"


def page(text: str) -> str:
    """The page with its tables as they are now."""
    machines = {"recipients": table(RECIPIENT), "broadcasts": table(BROADCAST)}
    return MARKED.sub(lambda found: found[1] + "\n" + machines[found[2]] + "\n" + found[3], text)


def _names(states: frozenset[StateT]) -> str:
    order = list(type(next(iter(states)))) if states else list[StrEnum]()
    return ", ".join(f"`{state}`" for state in order if state in states)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
