"""`wacrmd stats`: what became of messages, summed up."""

from typing import Any

import click

from wacrmd.cli.client import call
from wacrmd.cli.frame import Session, Verb
from wacrmd.cli.options import excel_option, one_of, only_account_option
from wacrmd.cli.output import Kind, emit, hint, say, write_pieces
from wacrmd.cli.table import Column, table
from wacrmd.domain.statistics import SHARES, By, percents
from wacrmd.domain.statistics_file import statistics_csv
from wacrmd.errors import counted
from wacrmd.fields import JsonObject

ABOUT = {
    By.TEMPLATE: (Column("TEMPLATE", "template_name"), Column("LANGUAGE", "template_language", Kind.KEY)),
    By.COUNTRY: (Column("COUNTRY", "country", Kind.KEY),),
    By.HOUR: (Column("HOUR", "hour", Kind.NUMBER),),
    By.DAY: (Column("DAY", "day", Kind.KEY),),
}
COUNTS = (
    Column("TRIED", "total_count", Kind.NUMBER),
    Column("SENT", "sent_count", Kind.NUMBER),
    Column("DELIVERED", "delivered", Kind.NUMBER),
    Column("READ", "read", Kind.NUMBER),
    Column("REPLIED", "replied", Kind.NUMBER),
    Column("QUICK REPLY", "quick_reply", Kind.NUMBER, optional=2),
    Column("CLICKED", "clicked", Kind.NUMBER, optional=2),
    Column("OPTED OUT", "opted_out", Kind.NUMBER),
    Column("FAILED", "failed", Kind.NUMBER),
    Column("UNCERTAIN", "uncertain_count", Kind.NUMBER, optional=1),
)
REASONS = (
    Column("FAILED", "count", Kind.NUMBER),
    Column("CODE", "code", Kind.NUMBER),
    Column("REASON", "reason", Kind.PROSE),
)
LINKS = (
    Column("CLICKED", "people_count", Kind.NUMBER),
    Column("CLICKS", "click_count", Kind.NUMBER),
    Column("LINK", "button", Kind.PROSE),
)


@click.command(cls=Verb)
@click.option("--by", type=one_of(By), required=True, help="What each line is about.")
@click.option(
    "--since",
    metavar="TIME",
    help="Messages from then on: a date, a time, or how long ago such as 7d. Default: 30 days.",
)
@click.option("--until", metavar="TIME", help="And before then; a date is included. Default: now.")
@click.option(
    "--timezone",
    "zone",
    metavar="ZONE",
    help="The time zone of hours, days and times without an offset, such as Europe/Berlin. Default: UTC.",
)
@click.option("--template", "template_name", metavar="NAME", help="Only messages of this template.")
@click.option("--language", "template_language", metavar="CODE", help="Only those in this language.")
@only_account_option
@click.option("--csv", "as_csv", is_flag=True, help="As CSV, with every column.")
@excel_option
@click.pass_obj
def stats(session: Session, /, by: str, as_csv: bool, excel: bool, **chosen: Any) -> None:
    """Show what became of messages by template, country, hour or day.

    A message counts when it was last tried. Percents: delivered of sent; read, replied, quick replies, clicked of delivered;
    opted out and failed of all that were tried. Clicks on links are those of Meta's template analytics, if there are any:
    people, by templates and by days of UTC. For example: wacrmd stats --by template --since 2026-11-01 --account shop
    """
    given = {"from": chosen.pop("since"), "to": chosen.pop("until"), **chosen}
    found = call(session, "stats", by=by, **given)
    if as_csv or excel:
        write_pieces([statistics_csv(By(by), found["rows"], excel=excel)])
        return

    def render(made: JsonObject) -> None:
        rows = [with_shares(row) for row in made["rows"]]
        table(rows, (*ABOUT[By(by)], *COUNTS), empty="No message was tried in this time.")
        if failures := made["total"]["failures"]:
            say("")
            table(failures, REASONS, empty="")
        if links := made["total"]["clicks_by_button"]:
            say("")
            table(links, LINKS, empty="")
        if made["left_out"]:
            hint(f"{counted(made['left_out'], 'more line')} left out: choose a shorter time or a template")
        if made["waiting"]:
            hint(f"Changed, and not summed up again yet: {counted(made['waiting'], 'broadcast')}")

    emit(session, found, render)


def with_shares(row: JsonObject) -> JsonObject:
    """A row with its shares beside the counts, rounded down: 100 % means all."""
    return row | {name: _counted(row[f"{name}_count"], percents(row, name)) for name in SHARES}


def _counted(count: int | None, share: int | None) -> str | None:
    if count is None:
        return None
    return f"{count} ({share} %)" if share is not None and count else str(count)
