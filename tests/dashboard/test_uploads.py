"""A form with a file, as a browser sends it."""

from collections.abc import AsyncIterator

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wacrmd.http.middleware import RequestMiddleware
from wacrmd.http.uploads import FORM_BYTES, MAX_AT_ONCE, OF_ONE, Uploads

LIMIT = 1 << 20
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Calls an app that answers with what was uploaded."""
    uploads = Uploads()

    async def take(request: Request) -> Response:
        async with uploads.read(request, request.headers.get("x-visitor", "ann"), limit=LIMIT) as upload:
            content = await upload.file.read() if upload.file is not None else None
            return JSONResponse(
                {**upload.fields, "file": upload.name, "bytes": None if content is None else len(content)}
            )

    app = Starlette(routes=[Route("/", take, methods=["POST"])], middleware=[Middleware(RequestMiddleware)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as made:
        yield made


async def test_the_fields_and_the_file_arrive(client: httpx.AsyncClient) -> None:
    content = b"to\r\n" * 100_000
    file = {"people": ('C:\\Lists\\Kunden "März" 100%.csv', content)}
    answer = await client.post("/", data={"name": "Spring ☀"}, files=file)
    assert answer.json() == {"name": "Spring ☀", "file": 'Kunden "März" 100%.csv', "bytes": len(content)}


async def test_a_file_may_be_as_large_as_the_limit_that_is_named(client: httpx.AsyncClient) -> None:
    for size, status in ((LIMIT, 200), (LIMIT + 1, 413)):
        answer = await client.post("/", data={"name": "x"}, files={"people": ("a.csv", bytes(size))})
        assert answer.status_code == status, size


async def test_no_file_was_chosen(client: httpx.AsyncClient) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="people"; filename=""\r\n\r\n\r\n--x--\r\n'
    assert (await client.post("/", content=body, headers=MULTIPART)).json()["bytes"] is None


async def test_a_file_that_is_too_large_is_refused_before_it_comes(client: httpx.AsyncClient) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        yield b'--x\r\nContent-Disposition: form-data; name="people"; filename="a.csv"\r\n\r\n'
        while read < 100 << 20:
            read += 64 << 10
            yield bytes(64 << 10)

    answer = await client.post("/", content=body(), headers=MULTIPART)
    assert (answer.status_code, "1 MiB" in answer.json()["error"]["message"]) == (413, True)
    assert read <= LIMIT + FORM_BYTES + (64 << 10)
    declared = await client.post("/", content=bytes(LIMIT + FORM_BYTES + 1), headers=MULTIPART)
    assert declared.status_code == 413


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "multipart/form-data"}, b""),
        ({"Content-Type": "application/json"}, b"{}"),
        (MULTIPART, b"no form"),
        (MULTIPART, b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n"),
        (
            MULTIPART,
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + bytes(70_000) + b"\r\n--x--\r\n",
        ),
        (MULTIPART, b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\na\r\n' * 200 + b"--x--\r\n"),
        (
            MULTIPART,
            b'--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\na\r\n' * 2 + b"--x--\r\n",
        ),
    ],
)
async def test_what_is_no_such_form_is_refused(
    client: httpx.AsyncClient, headers: dict[str, str], body: bytes
) -> None:
    assert (await client.post("/", content=body, headers=headers)).status_code == 400


@pytest.mark.parametrize("charset", ["punycode", "idna", "unicode_escape", "undefined", "utf-16", "latin-1"])
async def test_a_form_in_another_character_set_is_refused(client: httpx.AsyncClient, charset: str) -> None:
    """Browsers send UTF-8. To decode 400 kB of Punycode takes Python 20 s, while nothing is sent."""
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nx-aaaa\r\n--x--\r\n'
    headers = {"Content-Type": f"multipart/form-data; charset={charset}; boundary=x"}
    assert (await client.post("/", content=body, headers=headers)).status_code == 400
    in_utf_8 = {"Content-Type": 'multipart/form-data; charset="UTF-8"; boundary=x'}
    assert (await client.post("/", content=body, headers=in_utf_8)).json()["a"] == "x-aaaa"


async def test_a_file_that_trickles_gives_up_its_place(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wacrmd.http.uploads.IDLE_S", 0.3)

    async def trickle() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        while True:
            yield b"x"
            await anyio.sleep(0.01)

    answer = await client.post("/", content=trickle(), headers=MULTIPART)
    assert (answer.status_code, "too slowly" in answer.text) == (400, True)


async def test_one_visitor_leaves_room_for_the_files_of_others_and_of_many_the_next_is_told_so(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wacrmd.http.uploads.PLACE_S", 0.3)
    begun, go_on = anyio.Semaphore(0), anyio.Event()
    boundary = {"Content-Type": "multipart/form-data; boundary=b"}
    answers: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nphone'
        begun.release()
        await go_on.wait()
        yield b"\r\n--b--\r\n"

    async def send(visitor: str) -> None:
        headers = boundary | {"X-Visitor": visitor}
        answers.append((await client.post("/", content=body(), headers=headers)).status_code)

    async with anyio.create_task_group() as tasks:
        for _ in range(OF_ONE):
            tasks.start_soon(send, "slow")
        for _ in range(OF_ONE):
            await begun.acquire()
        files = {"file": ("b.csv", b"phone")}
        refused = await client.post("/", files=files, headers={"X-Visitor": "slow"})
        assert refused.status_code == 429
        assert (await client.post("/", files=files, headers={"X-Visitor": "other"})).status_code == 200
        for _ in range(MAX_AT_ONCE - OF_ONE):
            tasks.start_soon(send, "slow too")
        for _ in range(MAX_AT_ONCE - OF_ONE):
            await begun.acquire()
        with anyio.fail_after(30):
            waited = await client.post("/", files=files, headers={"X-Visitor": "other"})
        assert (waited.status_code, "of others are on their way" in waited.text) == (503, True)
        assert int(waited.headers["retry-after"]) > 0
        go_on.set()
    assert answers == [200] * MAX_AT_ONCE
    assert (await client.post("/", files=files, headers={"X-Visitor": "other"})).status_code == 200
