"""The templates as Meta has them, each as WhatsApp shows it."""

from starlette.responses import Response

from wacrmd.dashboard.forms import read_form
from wacrmd.dashboard.frame import Row, Visit, path
from wacrmd.dashboard.pages.accounts import account_names
from wacrmd.dashboard.pages.slices import neighbours, page_number
from wacrmd.dashboard.render import counted
from wacrmd.dashboard.words_of_meta import TEMPLATE_STATUSES
from wacrmd.domain.bubble import bubble_of, example_of

PER_PAGE = 24


async def index(visit: Visit) -> Response:
    """Templates by name, in pages."""
    number = page_number(visit.param("page"))
    chosen = {name: visit.param(name) for name in ("account", "name", "status", "auto")}
    accounts = await account_names(visit)
    if len(visit.visitor.session.account_ids) > 1 and not chosen["account"]:
        chosen["account"] = accounts[0]  # accounts may share a business account, and with it all templates
    found = await visit.perform(
        "template.list",
        account=chosen["account"],
        name=chosen["name"],
        status=chosen["status"],
        auto_generated=bool(chosen["auto"]),
        limit=PER_PAGE + 1,
        skip=(number - 1) * PER_PAGE,
    )
    shown = found[:PER_PAGE]
    users: dict[str, dict[str, None]] = {}
    for each in await visit.perform("number.list") if len(accounts) > 1 else ():
        users.setdefault(each.waba_id, {})[each.account] = None
    examples = [example_of(each) for each in shown]
    return visit.page(
        "templates.html",
        templates=[
            (
                each,
                bubble_of(each.components),
                None if example is None else bubble_of(each.components, example),
            )
            for each, example in zip(shown, examples, strict=True)
        ],
        several=len({each.waba_id for each in shown}) > 1,
        accounts_of={waba_id: ", ".join(names) for waba_id, names in users.items()},
        chosen=chosen,
        is_filtered=bool(chosen["name"] or chosen["status"]),
        statuses=[(status, words) for status, (words, _) in TEMPLATE_STATUSES.items()],
        accounts=accounts,
        pages=neighbours(visit, number, is_empty=not found, is_last=len(found) <= PER_PAGE),
    )


async def sync(visit: Visit) -> Response:
    """Read the templates from Meta now."""
    form = await read_form(visit.request)
    account = form.text("account")
    done = await visit.perform("template.sync", account=account)
    changes = f"{done.added} new, {done.updated} changed, {done.removed} gone"
    said = [f"Read {counted(done.templates, 'template')} from Meta: {changes}."]
    said += [
        f"Meta did not give those of business account {each.business_account_id}: {each.error}"
        for each in done.business_accounts
        if each.error
    ]
    return visit.done(path("/templates", account=account), " ".join(said))


PAGES: tuple[Row, ...] = (
    ("GET", "/templates", index),
    ("POST", "/templates/sync", sync),
)
