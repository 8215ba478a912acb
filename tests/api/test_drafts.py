"""Drafts of programs: a broadcast of more people than one request has, filled call by call and sent on request."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import anyio
import httpx
import pytest

from tests.drafts.drafting import rows_of
from tests.support.site import Site, people, phones, site
from wacrmd.clock import HOUR, MINUTE, iso
from wacrmd.services.broadcasts.prepare import prepare
from wacrmd.services.drafts.worker import DraftWorker

pytestmark = pytest.mark.anyio

PATH = "/api/v1/broadcasts"
DRAFT = {"template_name": "hello", "draft": True}
HELLO = {"name": "hello", "language": "en_US", "components": [{"type": "BODY", "text": "Hi {{1}}"}]}
SUMS = ("total_recipients", "accepted", "rejected", "duplicates", "suppressed")


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    limits = "[limits]\nmax_recipients = 100\nmax_upload_recipients = 250"
    async with site(tmp_path_factory.mktemp("drafts"), extra=limits, templates=(HELLO,)) as made:
        await made.api.post("/api/v1/templates/sync")
        yield made


async def new(here: Site, **fields: Any) -> str:
    """A draft; its id."""
    answer = await here.api.post(PATH, json=DRAFT | fields)
    assert (answer.status_code, answer.json()["data"]["status"]) == (202, "draft"), answer.text
    draft: str = answer.json()["data"]["broadcast_id"]
    return draft


async def add(here: Site, draft: str, given: list[Any], **headers: str) -> httpx.Response:
    """Add these people."""
    return await here.api.post(f"{PATH}/{draft}/recipients", json={"recipients": given}, headers=headers)


async def send(here: Site, draft: str, **body: Any) -> httpx.Response:
    """Ask to send it."""
    return await here.api.post(f"{PATH}/{draft}/send", json=body or None)


def sums(answer: httpx.Response) -> tuple[int, ...]:
    """The counts of an answer."""
    assert answer.status_code == 202, answer.text
    return tuple(answer.json()["data"][name] for name in SUMS)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and message of an answer."""
    return answer.status_code, answer.json()["error"]["message"]


def taken(here: Site) -> list[str]:
    """To whom Meta has taken messages, each as often as it has."""
    return [each.send.input for each in here.sim.ledger.entries]


async def test_more_people_than_one_request_has_are_sent_to_once_each(here: Site) -> None:
    draft = await new(here, name="Spring", recipients=people(100))
    assert sums(await add(here, draft, people(100, 90))) == (190, 90, 0, 10, 0)
    assert sums(await add(here, draft, people(20, 190))) == (210, 20, 0, 0, 0)
    shown = await here.show(draft)
    assert (shown["status"], shown["total_recipients"], shown["name"]) == ("draft", 210, "Spring")
    assert shown["hold"] is None
    assert draft not in [each["id"] for each in (await here.api.get(PATH)).json()["data"]]
    listed = (await here.api.get(f"{PATH}?status=draft")).json()["data"]
    assert [each["id"] for each in listed] == [draft]
    assert len(here.sim.ledger) == 0
    answer = await send(here, draft)
    assert (answer.status_code, answer.json()["data"]) == (
        202,
        {"broadcast_id": draft, "status": "sending", "total_recipients": 210, "scheduled_at": None},
    )
    await here.until_status(draft, "sent")
    assert sorted(taken(here)) == phones(210)
    for again in (await send(here, draft), await add(here, draft, people(1))):
        status, message = refusal(again)
        assert (status, "sent" in message) == (409, True), message
    status, message = refusal(await here.api.delete(f"{PATH}/{draft}"))
    assert (status, "sent" in message) == (409, True), message


async def test_each_call_says_who_is_left_out_and_why(here: Site) -> None:
    draft = await new(here)
    mine, other, gone = phones(3, 10_000)
    await here.api.post("/api/v1/optouts", json={"phone": gone})
    given = [
        {"to": mine, "params": ["the first"]},
        {"to": f"{mine[:2]} {mine[2:]}", "params": ["another"]},
        {"to": "12", "params": ["c"]},
        {"to": None, "params": ["c"]},
        {"to": gone, "params": ["d"]},
    ]
    answer = await add(here, draft, given)
    assert sums(answer) == (1, 1, 2, 1, 1)
    assert [each["index"] for each in answer.json()["data"]["rejections"]] == [2, 3]
    for nobody in (given[1], given[2], given[4]):
        assert sums(await add(here, draft, [nobody]))[:2] == (1, 0)
    assert sums(await add(here, draft, [{"to": other, "params": ["x"]}]))[:2] == (2, 1)
    check = (await here.admin("draft.show", id=draft))["check"]
    assert [check[name] for name in ("rows", "accepted", "rejected", "duplicates", "opted_out")] == [
        9,
        2,
        3,
        2,
        2,
    ]
    await send(here, draft)
    await here.until_status(draft, "sent")
    assert [b"the first" in each.body for each in here.sim.ledger.entries if each.send.input == mine] == [
        True
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "recipients: is required"),
        ({"recipients": []}, "recipients: expected at least 1 item, found 0"),
        ({"recipients": people(101)}, "recipients: expected at most 100 recipients, found 101"),
        ({"recipients": [{"to": phones(1)[0], "params": ["a", "b", "c"]}]}, "recipients[0].params: "),
        ({"recipients": people(1), "template_name": "x"}, "template_name does not belong in the body"),
        ({"recipients": people(1), "scheduled_at": "x"}, "scheduled_at does not belong in the body"),
        ({"recipients": people(1), "header": {}}, "header does not belong in the body: give it to POST"),
    ],
    ids=["none", "empty", "too-many", "does-not-fit", "other-template", "time", "header"],
)
async def test_a_call_that_is_wrong_adds_nobody(here: Site, body: dict[str, Any], message: str) -> None:
    await here.api.post("/api/v1/templates/sync")
    draft = await new(here)
    status, said = refusal(await here.api.post(f"{PATH}/{draft}/recipients", json=body))
    assert (status, message in said) == (400, True), said
    assert (await here.show(draft))["total_recipients"] == 0
    status, said = refusal(await send(here, draft))
    assert (status, "Nobody has been added" in said) == (409, True), said


@pytest.mark.parametrize("value", ["true", 1, "yes", [True]])
async def test_only_true_makes_a_draft(here: Site, value: object) -> None:
    before = here.sim.ledger.counts()["total"]
    answer = await here.api.post(PATH, json=DRAFT | {"draft": value, "recipients": people(1)})
    assert refusal(answer)[0] == 400
    assert here.sim.ledger.counts()["total"] == before
    given: list[dict[str, Any]] = [
        {"recipients": []},
        {},
        {"draft": None},
        {"draft": False, "recipients": []},
    ]
    for nobody in given:
        answer = await here.api.post(PATH, json={"template_name": "hello", **nobody})
        status, said = refusal(answer)
        assert (status, said.startswith("recipients: ")) == (400, True), said


async def test_a_draft_has_room_for_as_many_as_a_file(here: Site) -> None:
    draft = await new(here, recipients=people(100, 20_000))
    await add(here, draft, people(100, 21_000))
    status, said = refusal(await add(here, draft, people(51, 22_000)))
    assert (status, "at most 250:" in said) == (400, True), said
    assert sums(await add(here, draft, people(51, 21_099))) == (250, 50, 0, 1, 0)
    assert (await here.api.delete(f"{PATH}/{draft}")).status_code == 204


async def test_the_same_key_adds_nobody_twice(here: Site) -> None:
    key = {"Idempotency-Key": "part 1"}
    body = DRAFT | {"recipients": people(2, 30_000)}
    made = [await here.api.post(PATH, json=body, headers={"Idempotency-Key": "new"}) for _ in range(2)]
    assert made[0].json() == made[1].json()
    assert made[1].headers["idempotent-replayed"] == "true"
    draft, other = made[0].json()["data"]["broadcast_id"], await new(here)
    given = people(3, 30_001)
    first = await add(here, draft, given, **key)
    assert sums(first) == (4, 2, 0, 1, 0)
    again = await add(here, draft.upper(), given, **key)
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert refusal(await add(here, other, given, **key))[0] == 422, "the same body for another draft"
    assert refusal(await add(here, draft, people(1), **key))[0] == 422
    own = {"recipients": people(1, 30_900), "draft": True}  # what is ignored must not make two drafts one
    for to, status in ((draft, 202), (other, 422)):
        sent = await here.api.post(f"{PATH}/{to}/recipients", json=own, headers={"Idempotency-Key": "own"})
        assert sent.status_code == status, sent.text
    answers: list[httpx.Response] = []

    async def at_once() -> None:
        answers.append(await add(here, other, people(50, 31_000), **{"Idempotency-Key": "at once"}))

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(at_once)
    assert {sums(each) for each in answers} == {(50, 50, 0, 0, 0)}
    assert sum("idempotent-replayed" in each.headers for each in answers) == 3
    assert (await here.show(other))["total_recipients"] == 50


async def test_a_time_is_given_with_the_draft_or_when_it_is_sent(here: Site) -> None:
    late, later = iso(here.clock.now() + HOUR), iso(here.clock.now() + 2 * HOUR)
    one, two = [await new(here, scheduled_at=late, recipients=people(2, 40_000)) for _ in range(2)]
    for draft, body, at in ((one, {}, late), (two, {"scheduled_at": later}, later)):
        answer = (await send(here, draft, **body)).json()["data"]
        assert (answer["status"], answer["scheduled_at"]) == ("scheduled", at)
        assert (await here.show(draft))["scheduled_at"] == at
    third = await new(here, scheduled_at=late, recipients=people(2, 40_000))
    here.clock.advance(HOUR + MINUTE)
    await here.until_status(one, "sent")
    status, said = refusal(await send(here, third))
    assert (status, said.startswith("scheduled_at: the draft was to start at")) == (400, True), said
    assert refusal(await send(here, third, scheduled_at="soon"))[0] == 400
    for name, value in (
        ("at", later),
        ("sendAt", later),
        ("dry_run", True),
        ("canary", {"count": 1}),
        ("draft", True),
    ):
        status, said = refusal(await here.api.post(f"{PATH}/{third}/send", json={name: value}))
        assert (status, name in said) == (400, True), f"it would be sent at once, and to all: {said}"
    assert (await send(here, third, scheduled_at=iso(here.clock.now()))).json()["data"]["status"] == "sending"
    await here.until_status(third, "sent")


async def test_who_opts_out_before_it_is_sent_gets_nothing(here: Site) -> None:
    first, second = phones(2, 50_000)
    draft = await new(here, recipients=people(2, 50_000))
    await here.api.post("/api/v1/optouts", json={"phone": first})
    assert (await send(here, draft)).status_code == 202
    shown = await here.until_status(draft, "sent")
    assert (shown["sent_count"], shown["cancelled_count"]) == (1, 1)
    assert first not in taken(here)
    nobody = await new(here, recipients=people(1, 50_010))
    await here.api.post("/api/v1/optouts", json={"phone": phones(1, 50_010)[0]})
    status, said = refusal(await send(here, nobody))
    assert (status, "opted out" in said) == (409, True), said
    assert second in taken(here)


async def test_a_deleted_draft_is_gone_at_once_and_leaves_nothing(here: Site) -> None:
    draft = await new(here, recipients=people(100, 60_000))
    await add(here, draft, people(100, 60_100))
    there = await here.running.ctx.db.read(lambda tx: rows_of(tx, "person"))
    answer = await here.api.delete(f"{PATH}/{draft}")
    assert (answer.status_code, answer.content) == (204, b"")
    for gone in (
        await here.api.get(f"{PATH}/{draft}"),
        await here.api.get(f"{PATH}/{draft}/recipients"),
        await here.api.delete(f"{PATH}/{draft}"),
        await send(here, draft),
        await add(here, draft, people(1)),
    ):
        assert refusal(gone)[0] == 404

    await DraftWorker(here.running.ctx).send_all()
    assert not await here.running.ctx.db.read(lambda tx: rows_of(tx, "broadcast", "uuid = ?", (draft,)))
    assert await here.running.ctx.db.read(lambda tx: rows_of(tx, "person")) == there - 200
    assert (await here.admin("check-db"))["problems"] == []


async def test_what_is_no_draft_of_a_program_is_told_apart(here: Site) -> None:
    sent = await here.send(people(1, 70_000))
    await here.until_status(sent, "sent")
    by_hand = (await here.admin("draft.create", account="shop", template_name="hello"))["id"]
    draft = await new(here, recipients=people(1, 70_000))
    for answer in (
        await send(here, sent),
        await here.api.delete(f"{PATH}/{sent}"),
        await add(here, sent, people(1)),
        await add(here, by_hand, people(1)),
        *[await here.api.post(f"{PATH}/{draft}/{verb}") for verb in ("pause", "resume", "cancel")],
    ):
        assert refusal(answer)[0] == 409
    shown = await here.admin("draft.show", id=draft)
    assert (shown["state"], shown["made_by"], shown["check"]["accepted"]) == (
        "collecting",
        "the API key tests",
        1,
    )
    assert (await here.api.delete(f"{PATH}/{by_hand}")).status_code == 204
    assert (await send(here, draft)).status_code == 202


async def test_who_comes_when_it_has_just_been_sent_or_deleted_is_told_so(
    here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft, gone = await new(here, recipients=people(1, 70_000)), await new(here)
    meanwhile = iter([partial(send, here, draft), partial(here.api.delete, f"{PATH}/{gone}")])

    async def too_slow(*given: Any) -> Any:
        prepared = await prepare(*given)
        await next(meanwhile)()
        return prepared

    async def keep(_worker: DraftWorker) -> None:
        """The daemon has not come to the rows of what was deleted yet."""

    monkeypatch.setattr("wacrmd.services.drafts.collect.prepare", too_slow)
    monkeypatch.setattr("wacrmd.services.drafts.worker.DraftWorker._clean", keep)
    status, said = refusal(await add(here, draft, people(1, 70_001)))
    assert (status, "is draft" in said) == (409, False), said
    assert refusal(await add(here, gone, people(1, 70_001)))[0] == 404
    assert (await here.until_status(draft, "sent"))["total_recipients"] == 1


async def test_a_key_of_another_account_or_scope_has_no_part_in_it(here: Site) -> None:
    await here.admin("account.add", name="rival")
    rival = await here.admin("key.create", account="rival", name="r", scopes=["broadcasts:send"])
    reader = await here.admin("key.create", account="shop", name="r", scopes=["broadcasts:read"])
    draft = await new(here, recipients=people(1, 80_000))
    for key, status in ((rival, 404), (reader, 403)):
        auth = {"Authorization": key["key"]}
        assert refusal(await add(here, draft, people(1), **auth))[0] == status
        assert (await here.api.post(f"{PATH}/{draft}/send", headers=auth)).status_code == status
        assert (await here.api.delete(f"{PATH}/{draft}", headers=auth)).status_code == status
    assert (await here.show(draft))["total_recipients"] == 1


async def test_a_dry_run_of_a_draft_stores_nothing(here: Site) -> None:
    for given in (people(2, 90_000), []):
        answer = await here.api.post(f"{PATH}?dry_run=true", json=DRAFT | {"recipients": given})
        found = answer.json()["data"]
        assert (answer.status_code, found["status"], found["accepted"], found["problems"]) == (
            200,
            "draft",
            len(given),
            [],
        )
    assert await here.running.ctx.db.read(lambda tx: rows_of(tx, "recipient", "\"to\" LIKE '%209000_'")) == 0


@pytest.mark.exhaustive(only=True)
async def test_lists_and_exports_have_everybody_of_drafts_that_are_filled_by_turns(here: Site) -> None:
    one, two = await new(here), await new(here)
    for at in range(0, 150, 30):
        for draft, start in ((one, 100_000), (two, 200_000)):
            await add(here, draft, people(30, start + at))
    erased = phones(1, 100_040)[0]
    await here.admin("erase", phone=erased)
    await send(here, one)
    await here.until_status(one, "sent")
    expected = phones(150, 100_000)
    listed, cursor = list[str](), ""
    while True:
        page = (await here.api.get(f"{PATH}/{one}/recipients?limit=7{cursor}")).json()
        listed += [each["to"] for each in page["data"]]
        if page["meta"]["next_cursor"] is None:
            break
        cursor = f"&cursor={page['meta']['next_cursor']}"
    assert [each for each in reversed(listed) if each in expected] == [
        each for each in expected if each != erased
    ]
    assert len(listed) == 150
    waiting = (await here.api.get(f"{PATH}/{two}/recipients?status=pending&limit=100")).json()["data"]
    assert [each["to"] for each in waiting] == phones(150, 200_000)[:-101:-1]
    exported = await here.admin("broadcast.recipients", id=two, to=phones(1, 200_149)[0])
    assert [each["to"] for each in exported] == phones(1, 200_149)
    again = await here.admin("draft.again", id=one, whom="all")
    assert again["file"]["bytes"] > 0
    await here.admin("draft.discard", id=again["id"])
