"""The opt-outs: search, add, remove, import and export, and where each came from."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from wacrmd.dashboard.downloads import csv_file
from wacrmd.dashboard.forms import Form, errors_by_field, read_form
from wacrmd.dashboard.frame import Row, Visit, path
from wacrmd.dashboard.optout_upload import MAX_UPLOAD_BYTES, Imported, begin_import
from wacrmd.dashboard.pages.accounts import account_names
from wacrmd.dashboard.pages.form_page import FormPage
from wacrmd.dashboard.pages.upload_page import UploadPage
from wacrmd.dashboard.render import page
from wacrmd.domain.optout import OptOutSource
from wacrmd.domain.page import Page
from wacrmd.domain.plain_words import plainly
from wacrmd.errors import ErrorCode, Refusal, bad_request
from wacrmd.http.uploads import Upload
from wacrmd.views.optouts import AccountOptOut

PER_PAGE = 50
SOURCES: Mapping[str, str] = {
    OptOutSource.KEYWORD: "answered with a word",
    OptOutSource.BUTTON: "pressed a button",
    OptOutSource.PREFERENCE: "in the settings of WhatsApp",
    OptOutSource.META_131050: "Meta says: wants no marketing",
    OptOutSource.API: "by an app",
    OptOutSource.OPERATOR: "by hand, here or by a command",
    OptOutSource.IMPORT: "from a file",
}
_FIELDS = ("phone", "account", "detail")


async def index(visit: Visit) -> Response:
    """The newest opt-outs in pages, or those that are searched for."""
    chosen = {name: visit.param(name) for name in ("account", "search", "source")}
    found: Page[AccountOptOut] = Page([])
    errors: Mapping[str, str] = {}
    try:
        found = await visit.perform("optout.list", **chosen, limit=PER_PAGE, cursor=visit.param("cursor"))
    except Refusal as refusal:
        if refusal.code is not ErrorCode.BAD_REQUEST or not chosen["search"]:
            raise
        errors = errors_by_field(refusal, ("search",))
    return visit.page(
        "optouts.html",
        status=400 if errors else 200,
        optouts=found.items,
        pages=visit.pages(found),
        chosen=chosen,
        errors=errors,
        is_full=bool(chosen["search"]) and len(found.items) == PER_PAGE,
        sources=SOURCES,
        accounts=await account_names(visit),
    )


async def _add(visit: Visit, form: Form, _about: None) -> Response:
    made = await visit.perform("optout.add", **{name: form.text(name) for name in _FIELDS})
    said = f"Opted out: {made.phone or made.user_id} gets no more broadcasts of {made.account}."
    guess = f" It was read as {made.phone}: {plainly(made.warning)}." if made.warning else ""
    return visit.done("/optouts", said + guess)


async def remove(visit: Visit) -> Response:
    """Ask first, then let a person get broadcasts again; the number stands in no address."""
    await visit.require("optout.remove")
    form = await read_form(visit.request)
    person, account = form.text("phone"), form.text("account")
    if person is None or account is None:
        raise bad_request("Whose opt-out is to be removed? Press the button beside it in the list")
    if "sure" not in form:
        return visit.confirm(
            f"Remove the opt-out of {person}?",
            f"Broadcasts of {account} are sent to this person again. Do so only if the person asked for it.",
            button="Remove the opt-out",
            back="/optouts",
            fields={"phone": person, "account": account, "sure": "1"},
        )
    gone = await visit.perform("optout.remove", phone=person, account=account)
    return visit.done(
        "/optouts", f"Removed: {gone.phone or gone.user_id} gets broadcasts of {gone.account} again."
    )


async def export(visit: Visit) -> Response:
    """All opt-outs as a CSV file, piece by piece."""
    account, excel = visit.param("account"), bool(visit.param("excel"))
    return await csv_file("optouts.csv", visit.stream("optout.export", account=account, excel=excel))


async def _import(visit: Visit, form: Form, upload: Upload) -> Response:
    """Import a file, and lead to the page that says what was taken and what not."""
    key = await begin_import(
        visit, upload.chosen(), upload.name, account=form.text("account"), column=form.text("column")
    )
    return visit.redirect(path("/optouts/import", result=key))


async def _import_values(visit: Visit, _refusal: Refusal | None) -> Mapping[str, Any]:
    """What became of the last file, and how large one may be."""
    key = visit.param("result")
    return {
        "key": key,
        "done": visit.look(key),
        "most_rows": visit.ctx.config.limits.max_upload_recipients,
        "most_bytes": MAX_UPLOAD_BYTES,
    }


async def progress(visit: Visit) -> Response:
    """How far an import is; when it has ended, the page is loaded again."""
    key = visit.param("result")
    done: Imported | None = visit.look(key)
    if done is None or done.over.is_set():
        return Response(headers={"HX-Refresh": "true"})
    return page("optout_importing.html", done=done, key=key)


async def left_out(visit: Visit) -> Response:
    """The rows that an import left out, as a CSV file that can be corrected and imported."""
    form = await read_form(visit.request)
    await visit.require("optout.import")
    done = visit.look(form.text("result"))
    if done is None:
        raise Refusal(ErrorCode.NOT_FOUND, "This file was kept for 15 minutes, and they are over")
    headers = {"Content-Disposition": 'attachment; filename="left-out.csv"'}
    return Response("".join(done.left_out), media_type="text/csv; charset=utf-8", headers=headers)


_NEW = FormPage(
    path="/optouts/new",
    operation="optout.add",
    template="optout_new.html",
    fields=_FIELDS,
    send=_add,
)
_FILE = UploadPage(
    path="/optouts/import",
    operation="optout.import",
    template="optout_import.html",
    fields=("file", "account", "column"),
    limit=lambda _visit: MAX_UPLOAD_BYTES,
    send=_import,
    values=_import_values,
)

PAGES: tuple[Row, ...] = (
    ("GET", "/optouts", index),
    *_NEW.rows,
    ("POST", "/optouts/remove", remove),
    ("GET", "/optouts/export.csv", export),
    *_FILE.rows,
    ("GET", "/optouts/import/progress", progress),
    ("POST", "/optouts/import/left-out.csv", left_out),
)
