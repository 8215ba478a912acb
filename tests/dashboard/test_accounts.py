"""A user who is limited to accounts sees and changes nothing of another account, whatever the operation."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest

from tests.dashboard.conftest import DASHBOARD, VisitAs
from tests.support.site import NUMBER, Site, people, site
from wacrmd.clock import DAY, iso
from wacrmd.dashboard.actions import BY_NAME, MAX_STREAMS, perform, stream
from wacrmd.dashboard.visitor import Visitor
from wacrmd.domain.user import LoginSession, Role
from wacrmd.errors import ErrorCode, Refusal
from wacrmd.http.middleware import AnswerCutError
from wacrmd.operations.operation import ResultKind
from wacrmd.operations.paging import encode_cursor
from wacrmd.views.json import to_json

pytestmark = pytest.mark.anyio

OTHER = "rival"
SECRET = {
    "label": "rival-number",
    "phone": "+14155559999",
    "key": "rival-app",
    "broadcast": "rival-offer",
    "message": "+14155559998",
    "media": "rival-picture.png",
}
"""What only the other account knows, by where it is."""
BASE = "http://127.0.0.1:9/rival-hook"

TABLES = ("number", "api_key", "broadcast", "optout", "webhook_endpoint", "user_account", "media")


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One event loop for the site that all tests share."""
    return "asyncio"


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A site with two accounts that have the same things."""
    folder: Path = tmp_path_factory.mktemp("accounts")
    extra = f'{DASHBOARD}[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]\n'
    async with site(folder, extra=extra, phone_numbers=("1", "2")) as made:
        await made.admin("account.add", name=OTHER)
        await made.admin(
            "number.add",
            **NUMBER | {"account": OTHER, "phone_number_id": "2", "waba_id": "99", "label": SECRET["label"]},
        )
        yield made


@pytest.fixture(scope="module")
async def things(shared: Site) -> dict[str, str]:
    """The ids of the things of the other account."""
    admin = shared.admin
    hook = await admin("webhook.add", account=OTHER, url=BASE, events=[])
    key = await admin("key.create", account=OTHER, name=SECRET["key"], scopes=["broadcasts:send"])
    await admin("optout.add", account=OTHER, phone=SECRET["phone"], detail="rival-reason")
    await admin("key.create", account="shop", name="own", scopes=[])
    await admin("optout.add", account="shop", phone="+14155550101")
    await admin("webhook.add", account="shop", url="http://127.0.0.1:9/own", events=[])
    sent = await shared.api.post(
        "/api/v1/broadcasts",
        headers={"Authorization": f"Bearer {key['key']}"},
        json={
            "name": SECRET["broadcast"],
            "template_name": "hello",
            "recipients": people(3),
            "scheduled_at": iso(shared.clock.wall() + DAY),
        },
    )
    broadcast = sent.json()["data"]["broadcast_id"]
    await admin("broadcast.pause", id=broadcast)
    message = await admin(
        "message.send",
        account=OTHER,
        to=SECRET["message"],
        type="template",
        template={"name": "hello"},
    )
    media = await shared.api.post(
        "/api/v1/media",
        headers={"Authorization": f"Bearer {key['key']}"},
        files={"file": (SECRET["media"], b"\x89PNG\r\n\x1a\n rival")},
    )
    await shared.sim.idle()
    draft = await admin("draft.again", id=broadcast, whom="nobody")
    (delivery, *_) = await admin("webhook.deliveries", id=hook["id"])
    (number,) = [each for each in await admin("number.list") if each["account"] == OTHER]
    ids = {
        "draft": draft["id"],
        "hook": hook["id"],
        "key": key["id"],
        "broadcast": broadcast,
        "message": message["message_id"],
        "media": media.json()["data"]["id"],
    }
    return ids | {"delivery": delivery["id"], "number": number["id"]}


def visitor(here: Site, *accounts: str, role: Role = Role.ADMIN) -> Visitor:
    """A user of these accounts with more rights than any such user has: only the account may stop it."""
    now = here.clock.wall()
    session = LoginSession(
        id=0,
        user_id="u",
        name="limited",
        role=role,
        account_ids=accounts,
        uid=None,
        created_at=now,
        used_at=now,
    )
    return Visitor(session)


def calls(things: dict[str, str]) -> dict[str, dict[str, Any]]:
    """A call of each operation that would show or change something of the other account."""
    broadcast, hook, key = {"id": things["broadcast"]}, {"id": things["hook"]}, {"id": things["key"]}
    draft, media = {"id": things["draft"]}, {"id": things["media"]}
    number, account = {"id": things["number"]}, {"account": OTHER}
    new = {"template_name": "hello", "recipients": people(1)}
    return {
        "account.list": {},
        "account.show": {"name": OTHER},
        "key.create": account | {"name": "mine", "scopes": []},
        "key.list": account,
        "key.rotate": key,
        "key.revoke": key,
        "number.add": NUMBER | account | {"phone_number_id": "3"},
        "number.list": {},
        "number.show": number,
        "number.set": number | {"label": "mine"},
        "number.pause": number,
        "number.resume": number,
        "number.check": number,
        "number.remove": number,
        "webhook.add": account | {"url": "http://127.0.0.1:9/mine"},
        "webhook.list": account,
        "webhook.set": hook | {"active": False},
        "webhook.remove": hook,
        "webhook.deliveries": hook,
        "webhook.resend": {"id": things["delivery"]},
        "template.list": account,
        "template.sync": account,
        "stats": account | {"by": "template"},
        "optout.add": account | {"phone": "+14155550123"},
        "optout.remove": account | {"phone": SECRET["phone"]},
        "optout.list": account,
        "optout.import": account | {"csv": "phone\n+14155550123\n"},
        "optout.export": account,
        "price.list": account,
        "price.spent": account,
        "message.send": account | {"to": "+14155550123", "type": "template", "template": {"name": "hello"}},
        "message.list": account,
        "message.show": {"id": things["message"]},
        "broadcast.create": account | new,
        "broadcast.list": account,
        "broadcast.show": broadcast,
        "broadcast.watch": broadcast,
        "broadcast.timeline": broadcast,
        "broadcast.recipients": broadcast,
        "broadcast.export": broadcast,
        "broadcast.pause": broadcast,
        "broadcast.resume": broadcast,
        "broadcast.cancel": broadcast,
        "broadcast.retry": broadcast,
        "broadcast.give-up": broadcast,
        "draft.list": account,
        "draft.create": account | {"template_name": "hello"},
        "draft.again": broadcast,
        "draft.show": draft,
        "draft.columns": draft,
        "draft.change": draft | {"name": "mine"},
        "draft.upload": draft | {"name": "mine.csv"},
        "draft.check": draft,
        "draft.row": draft,
        "draft.left-out": draft,
        "draft.test": draft | {"to": "+14155550123"},
        "draft.add-recipients": draft | {"recipients": [{"to": "+14155550123"}]},
        "draft.send": draft,
        "draft.discard": draft,
        "media.upload": account | {"name": "mine.png"},
        "media.list": account,
        "media.show": media,
        "media.remove": media,
    }


LISTS = (
    "account.list",
    "key.list",
    "number.list",
    "webhook.list",
    "optout.list",
    "broadcast.list",
    "message.list",
    "price.list",
    "price.spent",
    "draft.list",
    "media.list",
    "template.list",
)
"""Those that also work without the name of an account."""


async def state(here: Site) -> str:
    """Everything that a call could change, without what changes in the background: deliveries, counts, times of sums."""
    account = next(each["id"] for each in await here.admin("account.list") if each["name"] == OTHER)

    def read(tx: Any) -> str:
        rows: dict[str, list[dict[str, Any]]] = {}
        for table in TABLES:
            found = tx.execute(f"SELECT * FROM {table} WHERE account_id = ?", (account,))
            names = [column[0] for column in found.description]
            rows[table] = [
                {
                    name: value
                    for name, value in zip(names, row, strict=True)
                    if not re.search("failure|stats_|^counts", name)
                }
                for row in found
            ]
        return repr(rows)

    return await here.running.ctx.db.read(read)


async def call(here: Site, who: Visitor, name: str, given: dict[str, Any]) -> Any:
    ctx = here.running.ctx
    if BY_NAME[name].kind is ResultKind.STREAM:
        return [item async for item in stream(ctx, who, name, **given)]
    with TemporaryFile() as file:
        files = (file.fileno(),) if name in ("draft.upload", "media.upload") else ()
        found = await perform(ctx, who, name, given, files=files)
    return found.items if BY_NAME[name].kind is ResultKind.PAGE else found


def test_each_operation_that_a_limited_user_may_call_is_tried() -> None:
    per_account = {name for name, each in BY_NAME.items() if each.is_per_account}
    assert per_account == set(
        calls(
            dict.fromkeys(
                ("hook", "key", "broadcast", "message", "draft", "delivery", "number", "media"), "x"
            )
        )
    )


@pytest.mark.parametrize("name", sorted(BY_NAME))
async def test_no_operation_shows_or_changes_what_another_account_has(
    shared: Site, things: dict[str, str], name: str
) -> None:
    who, before = visitor(shared, shared.account["id"]), await state(shared)
    if not BY_NAME[name].is_per_account:
        with pytest.raises(Refusal) as refused:
            await call(shared, who, name, dict(BY_NAME[name].example))
        assert refused.value.code is ErrorCode.FORBIDDEN
        assert not who.may(BY_NAME[name])
        return
    tries = [calls(things)[name], *([{}] if name in LISTS else [])]
    for given in tries:
        try:
            shown = to_json(await call(shared, who, name, given)).decode()
        except Refusal as refusal:
            assert refusal.code is ErrorCode.NOT_FOUND, refusal
            continue
        assert name in LISTS, shown
        for secret in (OTHER, *SECRET.values(), *things.values()):
            assert secret not in shown
    assert await state(shared) == before


async def test_the_calls_do_work_for_who_may_see_the_account(shared: Site, things: dict[str, str]) -> None:
    """Else a call that is always refused would prove nothing."""
    rival = next(each["id"] for each in await shared.admin("account.list") if each["name"] == OTHER)
    who = visitor(shared, rival)
    for name in ("number.show", "broadcast.show", "broadcast.recipients", "webhook.deliveries", "key.list"):
        assert await call(shared, who, name, calls(things)[name])
    await shared.admin("user.add", name=who.name, role="viewer", accounts=[OTHER])
    reader = visitor(shared, rival, role=Role.VIEWER)
    assert SECRET["phone"] in "".join(await call(shared, reader, "optout.export", {"account": OTHER}))
    ctx = shared.running.ctx
    taken = [stream(ctx, reader, "optout.export", account=OTHER) for _ in range(MAX_STREAMS)]
    assert all([await anext(each) for each in taken])
    with pytest.raises(Refusal, match="wait for them"):
        stream(ctx, reader, "optout.export", account=OTHER)
    pieces, *others = taken
    for each in others:
        await each.aclose()
    await stream(ctx, reader, "optout.export", account=OTHER).aclose()
    await shared.admin("user.set", name=who.name, accounts=["shop"])
    with pytest.raises(AnswerCutError):  # what the browser has of the file does not look whole
        await anext(pieces)
    await shared.admin("user.remove", name=who.name)


async def test_a_user_of_two_accounts_sees_both_and_names_one_to_change(
    shared: Site, things: dict[str, str]
) -> None:
    accounts = await shared.admin("account.list")
    both = visitor(shared, *(each["id"] for each in accounts), role=Role.OPERATOR)
    assert {each.account for each in await call(shared, both, "number.list", {})} == {"shop", OTHER}
    assert (await call(shared, both, "broadcast.show", {"id": things["broadcast"]})).name == SECRET[
        "broadcast"
    ]
    assert (await call(shared, both, "account.list", {})) == await call(
        shared, replace(both, session=replace(both.session, account_ids=())), "account.list", {}
    )
    for name, given in (
        ("optout.export", {}),
        ("optout.add", {"phone": "+14155550177"}),
        ("template.sync", {}),
    ):
        with pytest.raises(Refusal, match="name one of the accounts"):
            await call(shared, both, name, given)


async def test_pages_of_two_accounts_are_one_list(shared: Site, things: dict[str, str]) -> None:
    for number in range(5):
        await shared.admin(
            "optout.add", account=("shop", OTHER)[number % 2], phone=f"+1415555{7000 + number}"
        )
    ctx = shared.running.ctx
    both = visitor(shared, *(each["id"] for each in await shared.admin("account.list")))
    everything = [
        each.phone for each in (await perform(ctx, visitor(shared), "optout.list", {"limit": 50})).items
    ]
    found: list[str | None] = []
    cursor = None
    while len(found) <= len(everything):
        page = await perform(ctx, both, "optout.list", {"limit": 2}, cursor=cursor)
        found += [each.phone for each in page.items]
        if (cursor := encode_cursor(page.next)) is None:
            break
    assert found == everything


async def test_no_account_goes_while_a_user_is_limited_to_it(shared: Site) -> None:
    """Without its last account the user would be one who sees all."""
    await shared.admin("account.add", name="brief")
    await shared.admin("user.add", name="brief", role="sender", accounts=["brief"])
    with pytest.raises(Exception, match="1 user limited to it"):
        await shared.admin("account.remove", name="brief")
    await shared.admin("user.remove", name="brief")
    await shared.admin("account.remove", name="brief")


async def test_a_limited_user_finds_the_pages_of_another_account_nowhere(
    here: Site, visit_as: VisitAs
) -> None:
    await here.admin("account.add", name=OTHER)
    broadcast = await here.send(people(1))
    browser = await visit_as("sender", OTHER)
    assert broadcast not in (await browser.get("/broadcasts")).text
    assert (await browser.get(f"/broadcasts/{broadcast}")).status_code == 404


async def test_who_sees_several_accounts_sees_of_which_each_thing_is(here: Site, visit_as: VisitAs) -> None:
    viewer = await visit_as("viewer")
    pages = ("/broadcasts", "/templates", "/numbers", "/optouts", "/keys")
    await here.send(people(1))
    body = {"type": "BODY", "text": "Hello"}
    here.sim.change(templates=({"id": "1", "name": "spring", "language": "en_US", "components": [body]},))
    await here.admin("template.sync", account="shop")
    await here.admin("optout.add", account="shop", phone="+14155550101")
    broadcasts = (await viewer.get("/broadcasts")).text
    assert not re.search(r"\bshop\b", broadcasts), "there is one only"
    await here.admin("account.add", name=OTHER)
    for path in pages:
        lists = re.sub(r"<select.*?</select>", "", (await viewer.get(path)).text, flags=re.DOTALL)
        assert re.search(r"\bshop\b", lists), path
