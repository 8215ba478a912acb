"""The price lists: a price is entered, a list is imported or removed."""

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import anyio
import anyio.to_thread
from starlette.responses import Response

from wacrmd.clock import DAY, parse_iso
from wacrmd.dashboard.forms import Form, mistakes, read_form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.form_page import FormPage
from wacrmd.dashboard.pages.upload_page import UploadPage
from wacrmd.dashboard.render import counted, day, words
from wacrmd.domain.country_names import NAMES
from wacrmd.domain.price import EVERYWHERE, MICRO_DIGITS
from wacrmd.domain.price_columns import CATEGORIES
from wacrmd.domain.price_file import MAX_FILE_BYTES
from wacrmd.domain.text_file import CsvError, decode_lines
from wacrmd.errors import MAX_PROBLEMS, Problem, Refusal, bad_request
from wacrmd.http.uploads import Upload
from wacrmd.views.prices import ImportedPrices, PriceListView, PriceView

ALWAYS = "always"
_SINCE = ("account", "day", "always")
_ONE = ("country", "category", "price", "currency", *_SINCE)
_PLACES = ("line ", "file")
"""How the places begin of what is wrong in a file."""
_ENTERED = anyio.Lock()
"""One price is entered at a time: two at the same moment would be stored beside the same list, and one be lost."""
_OWN_LINE = "line 2"
"""Where a price that was entered stands in the list that is made of it."""


async def _add(visit: Visit, form: Form, _about: None) -> Response:
    """Put one price into the list that holds on the day: a list counts as a whole, and is stored anew from that day on."""
    account, since = form.text("account"), _valid_from(form)
    if form.text("currency") is None:
        raise bad_request("currency: give its code, such as EUR")
    given = [form.get("country", ""), form.get("category", ""), form.get("price", ""), ""]
    try:
        async with _ENTERED:
            lists: list[PriceListView] = await visit.perform("price.list", account=account)
            held = _held(lists, account, since, visit.ctx.clock.now())
            made: ImportedPrices = await visit.perform(
                "price.import",
                account=account,
                csv=_file_of(given, () if held is None else held.prices),
                currency=form.text("currency"),
                valid_from=since,
            )
    except Refusal as refusal:
        raise _beside(refusal) from None
    return visit.done("/costs", _said(made))


def _held(
    lists: Iterable[PriceListView], account: str | None, since: str | None, now: int
) -> PriceListView | None:
    """The list that holds on a day: that of the account, or if it has none that of all; None if there is none yet."""
    try:
        at = 0 if since == ALWAYS else now - now % DAY if since is None else parse_iso(f"{since}T00:00:00Z")
    except ValueError:
        return None  # the operation says what is wrong with the day
    for owner in dict.fromkeys((account, None)):
        own = [each for each in lists if each.account == owner]
        if own:
            earlier = [each for each in own if (each.valid_from or 0) <= at]
            return max(earlier, key=lambda each: each.valid_from or 0, default=None)
    return None


def _file_of(given: Sequence[str], known: Iterable[PriceView]) -> str:
    """The list as a file, with the price that was entered first and the others below it."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("country", "category", "price", "currency"))
    rows.writerow(given)
    for each in known:
        if (each.country, each.category) != (given[0], given[1]):
            whole, _, part = each.amount.partition(".")
            # With all decimals it is never taken for thousands.
            rows.writerow((each.country, each.category, f"{whole}.{part:0<{MICRO_DIGITS}}", each.currency))
    return text.getvalue()


def _beside(refusal: Refusal) -> Refusal:
    """What an operation says of a list, with the names of the fields: of its day, and of the line of a price."""
    _, is_day, why = refusal.message.partition("valid_from: ")
    if is_day:
        return bad_request(f"day: {why}")
    details = [Problem("price", each.message) if each.path == _OWN_LINE else each for each in refusal.details]
    return Refusal(refusal.code, refusal.message, details, retry_after_s=refusal.retry_after_s)


def _valid_from(form: Mapping[str, str]) -> str | None:
    """From when on it holds, as operations take it."""
    since = form.get("day", "").strip() or None
    if "always" not in form:
        return since
    if since is not None:
        raise bad_request("day: give a day, or tick the box below it")
    return ALWAYS


def _said(made: ImportedPrices) -> str:
    """What an import has done."""
    whose = f"of account {made.account}" if made.account else "of all accounts without a list of their own"
    holds = f"from {day(made.valid_from)} on" if made.valid_from else "always"
    return f"Stored: {counted(made.prices, 'price')} in {', '.join(made.currencies)}, {whose}. They hold {holds}."


async def _import(visit: Visit, form: Form, upload: Upload) -> Response:
    """Import a file as a whole, or say what is wrong on which of its lines."""
    content = await upload.chosen().read()
    made: ImportedPrices = await visit.perform(
        "price.import",
        account=form.text("account"),
        csv=await anyio.to_thread.run_sync(_text_of, content),
        currency=form.text("currency"),
        valid_from=_valid_from(form),
    )
    return visit.done("/costs", _said(made))


async def _import_values(_visit: Visit, refusal: Refusal | None) -> Mapping[str, Any]:
    return {"wrong": _wrong_in_file(refusal), "most_bytes": MAX_FILE_BYTES}


def _wrong_in_file(refusal: Refusal | None) -> list[Problem]:
    return [each for each in refusal.details if each.path.startswith(_PLACES)] if refusal is not None else []


def _import_errors(refusal: Refusal, fields: Collection[str]) -> Mapping[str, str]:
    """What is wrong with the fields; of what is wrong in the file, which stands in a table, only what to do about it."""
    wrong = _wrong_in_file(refusal)
    return {"": f"Nothing was imported: {_correct(wrong)}."} if wrong else mistakes(_beside(refusal), fields)


def _text_of(content: bytes) -> str:
    try:
        text = "".join(decode_lines([content]))
    except CsvError as error:
        raise bad_request(f"file: {error}") from None
    if not text.strip():
        raise bad_request("file: it is empty: expected a header and a price on each line")
    return text


def _correct(wrong: Sequence[Problem]) -> str:
    """What is to be done about what is wrong in a file."""
    if len(wrong) < MAX_PROBLEMS:
        return f"correct {counted(len(wrong), 'line')}"
    return f"these are the first {MAX_PROBLEMS} lines to correct"


async def remove(visit: Visit) -> Response:
    """Ask first, then remove a list: the one before it holds then."""
    await visit.require("price.remove")
    form = await read_form(visit.request)
    since, account = form.text("from"), form.text("account")
    if since is None:
        raise bad_request("Which price list is to be removed? Press the button beside it in the list")
    whose = f" of account {account}" if account else ""
    if "sure" not in form:
        return visit.confirm(
            f"Remove the price list{whose} {since if since == ALWAYS else f'from {since} on'}?",
            "The list before it holds then. What was spent since is shown with those prices, or without a price.",
            button="Remove the list",
            back="/costs",
            fields={"from": since, "sure": "1"} | ({"account": account} if account else {}),
        )
    await visit.perform("price.remove", valid_from=since, account=account)
    return visit.done("/costs", f"Removed: the price list{whose}.")


_NEW = FormPage(
    path="/costs/prices/new",
    operation="price.import",
    template="price_new.html",
    fields=_ONE,
    values={
        "countries": [(EVERYWHERE, "all others"), *sorted(NAMES.items(), key=lambda each: each[1])],
        "categories": [(each, words(each)) for each in CATEGORIES],
    },
    send=_add,
)
_FILE = UploadPage(
    path="/costs/prices/import",
    operation="price.import",
    template="price_import.html",
    fields=("file", "currency", *_SINCE),
    limit=lambda _visit: MAX_FILE_BYTES,
    advice="is it a price list?",
    send=_import,
    values=_import_values,
    errors=_import_errors,
)

PAGES: tuple[Row, ...] = (
    *_NEW.rows,
    *_FILE.rows,
    ("POST", "/costs/prices/remove", remove),
)
