"""How `wacrmd draft` shows drafts, and the lines of their files that are left out."""

from wacrmd.cli.cost import cost_line
from wacrmd.cli.output import Kind, details, hint, say, span
from wacrmd.cli.plan import forecast_line, people_line, plan_lines
from wacrmd.cli.table import Column, table
from wacrmd.fields import JsonObject

COLUMNS = (
    Column("ID", "id", Kind.ID),
    Column("ACCOUNT", "account", optional=True),
    Column("NAME", "name"),
    Column("STATE", "state", Kind.STATE),
    Column("PEOPLE", "people", Kind.NUMBER),
    Column("TEMPLATE", "template_name"),
    Column("CHANGED", "updated_at", Kind.TIME, optional=True),
    Column("PROBLEM", "problem", Kind.PROSE),
)
LINES = (
    Column("LINE", "line", Kind.NUMBER),
    Column("TO", "to", Kind.KEY),
    Column("REASON", "message", Kind.PROSE),
)
SHOWN = (
    "id",
    "account",
    "name",
    "state",
    "template_name",
    "template_language",
    "from",
    "made_by",
    "scheduled_at",
)


def print_draft(found: JsonObject) -> None:
    """A draft with what its check found."""
    details((name, found[name]) for name in SHOWN if found[name] is not None)
    for line in plan_lines(found):
        say(f"Sends {line}.")
    if found["file"]:
        say(f"File {found['file']['name']}, {found['file']['bytes']} bytes.")
    if found["progress"]:
        say(f"{found['progress']['done']} of {found['progress']['total']} done.")
    if found["problem"]:
        hint(f"problem: {found['problem']}")
    if (result := found["check"]) is None:
        return
    left = [
        f"{result[name]} {word}"
        for name, word in (
            ("rejected", "rejected"),
            ("duplicates", "more than once in the file"),
            ("same_person", "the same person by another number"),
            ("opted_out", "opted out"),
        )
        if result[name]
    ]
    takes = span(result["expected_duration_s"])
    say(people_line(found, result["accepted"], takes) + (f"; left out: {', '.join(left)}" if left else ""))
    if (going := forecast_line(found, result["accepted"])) is not None:
        say(going)
    if found["route"]["endpoint"] != "messages":
        say(f"Over /{found['route']['endpoint']}: {found['route']['why']}.")
    cost_line(found["cost"])
    if result["guesses"]:
        hint(f"warning: {result['guesses']}")
    for warning in result["warnings"]:
        hint(f"warning: {warning}")
    table(result["rejections"], LINES, empty="")
    for problem in result["problems"]:
        hint(f"problem: {problem['path']}: {problem['message']}")
