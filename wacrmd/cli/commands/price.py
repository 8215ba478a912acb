"""`wacrmd price …`."""

from typing import Any

import click

from wacrmd.admin.protocol import RpcError
from wacrmd.cli.client import call
from wacrmd.cli.cost import amounts, costs
from wacrmd.cli.frame import FileName, Noun, Session
from wacrmd.cli.input import confirm
from wacrmd.cli.input_file import InputFile
from wacrmd.cli.options import Whole, one_of, only_account_option, yes_option
from wacrmd.cli.output import Kind, emit, hint, say
from wacrmd.cli.table import Column, table
from wacrmd.domain.price import SpentBy
from wacrmd.errors import counted
from wacrmd.fields import JsonObject

TOO_LARGE = "is it a price list? It has one line for each country, and counts only as a whole"

COLUMNS = (
    Column("ACCOUNT", "account", optional=1),
    Column("FROM", "since"),
    Column("NOW", "now"),
    Column("COUNTRY", "country", Kind.KEY),
    Column("CATEGORY", "category"),
    Column("PRICE", "amount", Kind.NUMBER),
    Column("CURRENCY", "currency"),
)

account_option = click.option("--account", metavar="NAME", help="The list of this account alone.")
from_option = "The day (UTC) from which on it holds, such as 2026-12-01, or always."


@click.group(cls=Noun)
def price() -> None:
    """What messages cost: the price list that you enter, and what was spent.

    Meta publishes its prices, and changes them; none come with wacrmd.
    """


@price.command("import")
@click.argument("file", type=FileName())
@account_option
@click.option(
    "--from",
    "valid_from",
    metavar="DAY",
    help=f"{from_option} Default: always, or today if there is one.",
)
@click.option("--currency", metavar="CODE", help="The currency of prices that name none.")
@click.pass_obj
def import_prices(
    session: Session, file: str, account: str | None, valid_from: str | None, currency: str | None
) -> None:
    """Import a price list from a CSV FILE; - is standard input.

    The header is country, category, price, currency; or country and currency and a column for each category, as in
    Meta's own lists. A country is its ISO code or English name, several codes with commas, a group such as Rest of Africa,
    or * for all others. What is wrong is told with its line, and then nothing is imported.

    For example: wacrmd price import rates.csv --from 2026-12-01
    """
    from wacrmd.domain.price_file import MAX_FILE_BYTES  # noqa: PLC0415 - the help must not load it
    from wacrmd.domain.text_file import CsvError, decode_lines  # noqa: PLC0415 - the help must not load it

    with InputFile(file, max_bytes=MAX_FILE_BYTES, advice=TOO_LARGE) as source:
        try:
            text = "".join(decode_lines(source.pieces()))
        except CsvError as error:
            raise click.ClickException(f"{source.name}: {error}") from None
    if not text.strip():
        raise click.ClickException(f"{source.name} is empty: expected a header and a price on each line")
    try:
        found = call(
            session, "price.import", account=account, csv=text, valid_from=valid_from, currency=currency
        )
    except RpcError as error:
        if len(error.problems) < 2:  # noqa: PLR2004 - the sentence says the only one
            raise
        for each in error.problems:
            hint(f"{each.path}: {each.message}")
        raise click.ClickException(
            f"nothing was imported: correct {counted(len(error.problems), 'line')}"
        ) from None

    def render(found: JsonObject) -> None:
        whose = (
            f"of account {found['account']}"
            if found["account"]
            else "of all accounts without one of their own"
        )
        holds = f"from {found['valid_from'][:10]} on" if found["valid_from"] else "always"
        say(
            f"Imported {counted(found['prices'], 'price')} in {', '.join(found['currencies'])}, {whose}. They hold {holds}."
        )
        if found["replaced"]:
            hint("They replace the list that began on the same day.")

    emit(session, found, render)


@price.command("list")
@only_account_option
@click.pass_obj
def list_prices(session: Session, account: str | None) -> None:
    """List the prices.

    For example: wacrmd price list
    """

    def render(lists: list[JsonObject]) -> None:
        rows = [
            each
            | {
                "account": one["account"] or "",
                "since": (one["valid_from"] or "always")[:10],
                "now": "yes" if one["is_current"] else "",
            }
            for one in lists
            for each in one["prices"]
        ]
        table(rows, COLUMNS, empty="There is no price list: wacrmd price import FILE")

    emit(session, call(session, "price.list", account=account), render)


@price.command("remove")
@click.option("--from", "valid_from", required=True, metavar="DAY", help=from_option)
@account_option
@yes_option
@click.pass_obj
def remove(session: Session, valid_from: str, account: str | None, yes: bool) -> None:
    """Remove the price list that holds from a day on: the one before it holds then.

    What was spent since is shown with the other prices.

    For example: wacrmd price remove --from 2026-12-01
    """
    confirm(f"Remove the price list from {valid_from}?", yes=yes)
    found = call(session, "price.remove", account=account, valid_from=valid_from)
    emit(session, found, lambda _: say("Removed."))


@price.command("spent")
@click.option("--by", type=one_of(SpentBy), default="month", show_default=True, help="What each sum is of.")
@only_account_option
@click.option("--from", "first", metavar="DAY", help="The first day, UTC. Default: the last twelve months.")
@click.option("--to", "last", metavar="DAY", help="The last day, UTC. Default: today.")
@click.option(
    "--limit",
    type=Whole(1, 1000),
    default=100,
    show_default=True,
    metavar="N",
    help="At most N sums.",
)
@click.pass_obj
def spent(session: Session, /, first: str | None, last: str | None, **options: Any) -> None:
    """Show what was spent, from what Meta says of each message.

    Days and months are those of sending, in UTC. Each message counts with the price of its day.

    For example: wacrmd price spent --by country --from 2026-11-01 --to 2026-11-30
    """
    given: Any = {"from": first, "to": last}
    what = {"month": "month", "country": "name", "broadcast": "name"}[options["by"]]

    def render(rows: list[JsonObject]) -> None:
        shown = [
            row
            | {
                "what": row[what] or row["country"] or "not known",
                "cost": amounts(row["amounts"]),
                "id": row["broadcast_id"],
            }
            for row in rows
        ]
        by_id = (Column("ID", "id", Kind.ID, optional=1),) if options["by"] == SpentBy.BROADCAST else ()
        columns = (
            *by_id,
            Column("ACCOUNT", "account", optional=1),
            Column(options["by"].upper(), "what"),
            Column("MESSAGES", "messages", Kind.NUMBER),
            Column("FREE", "free", Kind.NUMBER, optional=1),
            Column("NO PRICE", "unpriced", Kind.NUMBER, work=True),
            Column("COST", "cost"),
        )
        table(shown, columns, empty="Nothing was spent then, as far as Meta has told.")
        costs(rows)

    emit(session, call(session, "price.spent", **options, **given), render)
