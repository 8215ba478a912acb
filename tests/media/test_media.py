"""Files for the header of messages, from their upload to the message."""

import asyncio
import gzip
import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.media.files import JPEG, MP4, PDF, PNG, headers_sent, old_office, upload, uploaded
from tests.support.clock import ShiftClock
from tests.support.patience import eventually, eventually_told
from tests.support.site import NUMBER, PHONE_NUMBER_ID, Site, people, site
from wacrmd.admin.protocol import RpcError
from wacrmd.clock import DAY, HOUR, MINUTE, SECOND, iso
from wacrmd.services.maintenance.retention import prune
from wacrmd.services.maintenance.status import FAILING_ATTEMPTS
from wacrmd.services.media.take import PIECE_BYTES
from wacrmd.services.media.worker import MediaWorker
from wacrmd.store import media, media_uploads
from wacrmd.store.media_uploads import Wanted

pytestmark = pytest.mark.anyio

BYTES = "application/octet-stream"
FORM = {"Content-Type": "multipart/form-data; boundary=x"}


async def test_a_file_is_uploaded_once_and_its_id_works_in_headers(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        made = await uploaded(here, PNG, "spring.png")
        assert made["mime_type"] == "image/png"
        assert made["sha256"] == hashlib.sha256(PNG).hexdigest()
        assert (made["kind"], made["bytes"], made["file_name"]) == ("image", len(PNG), "spring.png")
        assert made["expires_at"] > iso(here.clock.now() + 29 * DAY)
        await eventually(lambda: len(here.sim.media) == 1)
        again = await uploaded(here, PNG, "other name.png", "image/png", **{"from": PHONE_NUMBER_ID})
        assert again["id"] == made["id"]
        header = {"image": {"id": made["id"].upper()}}
        one, two = await here.send(people(3), header=header), await here.send(people(3, 10), header=header)
        own = await here.send([{**people(1, 20)[0], "header": header}])
        for each in (one, two, own):
            await here.until_status(each, "sent")
        assert len(here.sim.media) == 1, "once for a number, however many broadcasts"
        (file,) = here.sim.media
        assert (file.sha256, file.file_name, file.mime_type) == (made["sha256"], "spring.png", "image/png")
        assert headers_sent(here) == [{"id": file.id}] * 7


async def test_a_file_is_uploaded_once_while_many_broadcasts_wait_for_it(tmp_path: Path) -> None:
    async with site(tmp_path, hold_answers=True) as here:
        made = await uploaded(here, PNG)
        await eventually(lambda: len(here.sim.media) == 1)
        waiting = [await here.send(people(1, at), header={"image": {"id": made["id"]}}) for at in range(3)]
        for each in waiting:  # each of them has woken the worker
            shown = await here.until(each, lambda shown: shown["hold"] is not None)
            assert (shown["hold"]["reason"], "being uploaded" in shown["hold"]["detail"]) == ("media", True)
        here.sim.change(hold_answers=False)
        for each in waiting:
            await here.until_status(each, "sent")
        assert len(here.sim.media) == 1


async def test_what_meta_does_not_take_is_refused_before_it_is_stored(tmp_path: Path) -> None:
    limits = "[limits]\nmax_media_bytes = 2000\nmax_media_bytes_per_account = 2500"
    async with site(tmp_path, extra=limits) as here:
        for content, name, kind, status, words in (
            (b"GIF89a", "a.gif", "image/gif", 400, "file: expected a JPEG or PNG image"),
            (PNG, "a.jpg", "image/jpeg", 400, "declared as image/jpeg, and its content is image/png"),
            (b"", "a.png", None, 400, "it is empty"),
            ("naïve caf".encode() + b"\xe9", "a.txt", None, 400, "a text that is not in UTF-8"),
            (PDF + bytes(2000), "a.pdf", None, 413, "The file has more than"),
        ):
            answer = await upload(here, content, name, kind)
            assert (answer.status_code, words in answer.json()["error"]["message"]) == (status, True), (
                answer.text
            )
        assert (await upload(here, PNG, **{"from": "99"})).status_code == 400
        assert (await upload(here, PNG, phone_number_id="99")).status_code == 400, "a misspelt field"
        no_file = await here.api.post("/api/v1/media", files={"other": ("a.png", PNG)})
        assert "file" in no_file.json()["error"]["message"]
        assert (await here.api.post("/api/v1/media", json={})).status_code == 400
        part = b'--x\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
        file = part % (b"file", b'; filename="a.png"', PNG)
        for form, status, words in (
            (file, 400, "cut off"),
            (file[:-20], 400, "cut off"),
            (part % (b"file", b"", b"text") + b"--x--", 400, "found a part without a filename"),
            (file + part % (b"from", b"", b"1") * 2 + b"--x--", 400, "from: expected one value, found 2"),
        ):
            answer = await here.api.post("/api/v1/media", content=form, headers=FORM)
            assert (answer.status_code, words in answer.text) == (status, True), answer.text
        packed = await here.api.post(
            "/api/v1/media", content=gzip.compress(file), headers=FORM | {"Content-Encoding": "gzip"}
        )
        assert (packed.status_code, packed.json()["error"]["code"]) == (415, "unsupported_media_type")
        key = (await here.admin("key.create", account="shop", name="r", scopes=["broadcasts:read"]))["key"]
        refused = await here.api.post(
            "/api/v1/media", files={"file": PNG}, headers={"Authorization": f"Bearer {key}"}
        )
        assert refused.status_code == 403
        await uploaded(here, PDF + bytes(1800), "a.pdf")
        full = await upload(here, PDF + bytes(1500), "b.pdf")
        assert (full.status_code, "max_media_bytes_per_account" in full.text) == (409, True)
        assert len(await here.admin("media.list", account="shop")) == 1


async def test_an_old_office_file_is_what_its_content_says_and_never_two_types(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        word, excel = old_office("WordDocument"), old_office("Workbook")
        assert (await uploaded(here, word, "offer.xls", BYTES))["mime_type"] == "application/msword"
        assert (await uploaded(here, word, "offer.doc", BYTES))["mime_type"] == "application/msword"
        assert (await uploaded(here, excel, "prices.doc", BYTES))["mime_type"] == "application/vnd.ms-excel"
        unclear = old_office("Contents")
        first = await uploaded(here, unclear, "a.doc")
        other = await upload(here, unclear, "a.xls")
        assert other.status_code == 409, other.text
        assert "it is here already as a.doc (application/msword)" in other.json()["error"]["message"]
        assert (await uploaded(here, unclear, "b.doc"))["id"] == first["id"]
        await here.admin("media.remove", id=first["id"])
        again = await uploaded(here, unclear, "a.xls")
        assert (again["id"], again["mime_type"]) == (first["id"], "application/vnd.ms-excel")


async def test_an_id_that_does_not_fit_is_told_when_it_is_asked_for(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        video = (await uploaded(here, MP4, "a.mp4"))["id"]
        await here.admin("account.add", name="other")
        key = (await here.admin("key.create", account="other", name="o", scopes=["broadcasts:send"]))["key"]
        unknown = "11111111-2222-4333-8444-555555555555"
        wrong = [{**people(1)[0], "header": {"video": {"id": unknown}}}]
        for no_id in (video[:8], f" {video}", "spring.mp4"):  # Meta would refuse each message
            answer = await here.post(people(1), header={"video": {"id": no_id}})
            assert (answer.status_code, "header.video.id: expected" in answer.text) == (400, True), (
                answer.text
            )
        answer = await here.post(wrong, header={"image": {"id": video}})
        assert answer.status_code == 400
        assert [each["path"] for each in answer.json()["error"]["details"]] == [
            "header.image.id",
            "recipients[0].header.video.id",
        ]
        rehearsed = await here.api.post(
            "/api/v1/broadcasts?dry_run=true",
            json={"template_name": "hello", "recipients": people(1), "header": {"image": {"id": video}}},
        )
        assert "this file is a video (video/mp4), not an image" in rehearsed.text
        new = {"account": "other", "phone_number_id": "77", "waba_id": "88"}
        await here.admin(
            "number.add", **new, access_token="EAAtestaccesstoken", app_secret="s", verify_token="v"
        )
        here.api.headers["Authorization"] = f"Bearer {key}"
        foreign = await here.post(people(1), header={"video": {"id": video}})
        assert "there is no file with this id" in foreign.text, "it is of another account"


async def test_a_broadcast_that_waits_until_after_the_expiry_is_sent_with_a_new_id(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        made = await uploaded(here, JPEG, "a.jpg")
        await eventually(lambda: len(here.sim.media) == 1)
        start = here.clock.now() + 40 * DAY
        later = await here.send(people(2), header={"image": {"id": made["id"]}}, scheduled_at=iso(start))
        here.clock.advance(40 * DAY - 5 * MINUTE)
        await eventually(lambda: len(here.sim.media) == 2)
        assert (await here.show(later))["status"] == "scheduled", "it is uploaded before it starts"
        here.clock.advance(5 * MINUTE)
        await here.until_status(later, "sent")
        assert headers_sent(here) == [{"id": here.sim.media[1].id}] * 2
        (shown,) = await here.admin("media.list")
        assert [each["meta_id"] for each in shown["uploads"]] == [here.sim.media[1].id]
        assert shown["used_by"] == []


async def test_an_id_that_ends_while_a_broadcast_is_sent_is_replaced(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock, messages_per_second=10) as here:
        made = await uploaded(here, PNG)
        long = await here.send(people(40), header={"image": {"id": made["id"]}})
        await here.until(long, lambda shown: 0 < shown["sent_count"] < 40)
        clock.advance(29 * DAY + 23 * HOUR + 30 * MINUTE)  # from an hour before its end it is not used
        while (await here.show(long))["status"] != "sent":
            clock.advance(SECOND)
            await anyio.sleep(0.02)
        assert len(here.sim.media) == 2
        first, second = (file.id for file in here.sim.media)
        sent = [each["id"] for each in headers_sent(here)]
        assert sent[0] == first
        assert sent[-1] == second
        assert sent == sorted(sent, key=[first, second].index), "first the one, then only the other"


async def test_a_broadcast_waits_while_meta_cannot_take_its_file_and_says_so(tmp_path: Path) -> None:
    async with site(tmp_path, media_close_share=1.0) as here:
        made = await uploaded(here, PDF, "Prices.pdf")
        await eventually(lambda: len(here.sim.media) == 1)
        waits = await here.send(people(2), header={"document": {"id": made["id"]}})
        shown = await here.until(
            waits, lambda shown: shown["hold"] is not None and "again at" in shown["hold"]["detail"]
        )
        assert (shown["status"], shown["hold"]["reason"], shown["pending_count"]) == ("sending", "media", 2)
        assert "Prices.pdf" in shown["hold"]["detail"]
        here.sim.change(media_close_share=0)
        here.clock.advance(MINUTE)
        await here.until_status(waits, "sent")
        assert headers_sent(here) == [{"id": here.sim.media[-1].id, "filename": "Prices.pdf"}] * 2


async def test_a_file_that_meta_refuses_pauses_its_broadcasts_with_metas_words(tmp_path: Path) -> None:
    async with site(tmp_path, media_close_share=1.0) as here:
        made = await uploaded(here, PNG)
        header = {"image": {"id": made["id"]}}
        start = iso(here.clock.now() + 60 * MINUTE)
        later = await here.send(people(1), header=header, scheduled_at=start)
        now = await here.send(people(2, 10), header=header)
        here.sim.change(media_close_share=0, media_error_code=100)
        here.clock.advance(MINUTE)
        shown = await here.until_status(now, "paused")
        assert shown["hold"]["reason"] == "media_refused"
        assert "Uploads are set to be refused" in shown["hold"]["detail"]
        assert "Meta does not take this file" in (await here.post(people(1), header=header)).text
        here.clock.advance(59 * MINUTE)
        assert (await here.until_status(later, "paused"))["hold"]["reason"] == "media_refused"
        here.sim.change(media_error_code=0)
        for each in (now, later):
            await here.api.post(f"/api/v1/broadcasts/{each}/resume")
            await here.until_status(each, "sent")
        taken = [file.id for file in here.sim.media]
        assert headers_sent(here) == [{"id": taken[-1]}] * 3


async def test_a_token_that_cannot_upload_pauses_the_number_until_it_is_resumed(tmp_path: Path) -> None:
    async with site(tmp_path, media_error_code=190) as here:
        made = await uploaded(here, PNG)
        held = await here.send(people(1), header={"image": {"id": made["id"]}})
        shown = await here.until(
            held, lambda shown: shown["hold"] and shown["hold"]["reason"] == "number_paused"
        )
        assert "190" in shown["hold"]["detail"]
        here.sim.change(media_error_code=0)
        await here.admin("number.resume", id=PHONE_NUMBER_ID)
        await here.until_status(held, "sent")


async def test_a_file_that_meta_has_lost_is_uploaded_again_for_a_retry(tmp_path: Path) -> None:
    async with site(tmp_path, check_media=True) as here:
        made = await uploaded(here, PNG)
        await eventually(lambda: len(here.sim.media) == 1)
        here.sim.forget_media()
        lost = await here.send(people(2), header={"image": {"id": made["id"]}})
        assert (await here.until_status(lost, "sent"))["failed_count"] == 2
        (first, *_) = await here.admin("broadcast.recipients", id=lost)
        assert first["error"]["code"] == 131053
        await here.api.post(f"/api/v1/broadcasts/{lost}/retry", json={"statuses": ["failed"]})
        await here.until(lost, lambda shown: shown["sent_count"] == 2)
        assert headers_sent(here) == [{"id": here.sim.media[0].id}] * 2


@pytest.mark.exhaustive(only=True)
async def test_a_file_that_meta_has_lost_is_uploaded_again_once_for_those_whom_a_rule_sends_to_again(
    tmp_path: Path,
) -> None:
    rules = [{"codes": [131053], "after_hours": 1, "times": 1}]
    async with site(tmp_path, check_media=True, clock=ShiftClock()) as here:
        made = await uploaded(here, PNG)
        await eventually(lambda: len(here.sim.media) == 1)
        here.sim.forget_media()
        here.clock.advance(2 * HOUR)
        broken = await here.send(people(3), header={"image": {"id": made["id"]}}, retry_rules=rules)
        await here.until(broken, lambda shown: (shown["hold"] or {}).get("reason") == "waiting_for_retry")
        here.clock.advance(HOUR + MINUTE)
        shown = await here.until_status(broken, "sent")
        assert (shown["sent_count"], shown["failed_count"]) == (3, 0)
        assert [each.id for each in here.sim.media] == [headers_sent(here)[0]["id"]]


async def test_a_file_of_which_a_part_is_lost_is_repaired_by_another_upload(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        made = await uploaded(here, PDF + bytes(2 * PIECE_BYTES), "a.pdf")
        await eventually(lambda: len(here.sim.media) == 1)
        sql = "DELETE FROM media_piece WHERE number = 1"
        await here.running.ctx.db.write(lambda tx: tx.execute(sql).rowcount)
        await here.running.ctx.db.write(lambda tx: tx.execute("DELETE FROM media_upload").rowcount)
        held = await here.send(people(1), header={"document": {"id": made["id"]}})
        shown = await here.until(held, lambda shown: shown["hold"] and "again at" in shown["hold"]["detail"])
        assert "a part of a.pdf is lost: upload the file again" in shown["hold"]["detail"]
        warnings = []
        for attempt in range(1, FAILING_ATTEMPTS + 1):
            warnings = [each for each in (await here.admin("status"))["warnings"] if "a.pdf" in each]
            assert len(warnings) == (attempt == FAILING_ATTEMPTS)
            here.clock.advance(20 * MINUTE)
            here.running.ctx.media.wake.set()
            again = shown["hold"]["detail"].partition("again at")[2]
            shown = await here.until(held, partial(is_tried_later, again))
        assert "1 file cannot be uploaded to Meta, such as a.pdf" in warnings[0]
        assert (await uploaded(here, PDF + bytes(2 * PIECE_BYTES), "a.pdf"))["id"] == made["id"]
        await here.until_status(held, "sent")
        assert here.sim.media[-1].sha256 == made["sha256"]


async def test_a_broadcast_of_which_nobody_is_left_is_completed_without_its_file(tmp_path: Path) -> None:
    async with site(tmp_path, media_close_share=1.0) as here:
        made = await uploaded(here, PNG)
        left = await here.send(people(2), header={"image": {"id": made["id"]}})
        await here.until(left, lambda shown: shown["hold"] is not None)
        sql = "UPDATE recipient SET status = 'cancelled'"
        await here.running.ctx.db.write(lambda tx: tx.execute(sql).rowcount)
        here.running.ctx.queue.enqueue(1)

        async def is_sent() -> bool:
            return bool((await here.admin("broadcast.list"))[0]["status"] == "sent")

        await eventually_told(is_sent)


async def test_a_single_message_waits_for_the_upload_of_its_file(tmp_path: Path) -> None:
    async with site(tmp_path, hold_answers=True) as here:
        made = await uploaded(here, PNG)
        await eventually(lambda: len(here.sim.media) == 1)
        template = {"name": "hello", "language": "en_US", "header": {"image": {"id": made["id"]}}}
        body = {"to": people(1)[0]["to"], "type": "template", "template": template}
        answers: list[Any] = []

        async def send() -> None:
            answers.append(await here.api.post("/api/v1/messages", json=body))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            await eventually_told(partial(here.admin, "message.list"))
            await here.admin("status")  # the request has looked at its hold by now, mostly
            here.sim.change(hold_answers=False)
        assert answers[0].status_code == 201, answers[0].text
        assert headers_sent(here) == [{"id": here.sim.media[0].id}]


async def test_each_number_uploads_a_file_for_itself(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        second = "206540352242922"
        await here.admin("number.add", **{**NUMBER, "phone_number_id": second})
        made = await uploaded(here, PNG)
        for number in (PHONE_NUMBER_ID, second):
            sent = await here.send(people(1), header={"image": {"id": made["id"]}}, **{"from": number})
            await here.until_status(sent, "sent")
        assert [file.phone_number_id for file in here.sim.media] == [PHONE_NUMBER_ID, second]


async def test_an_upload_that_ends_while_the_rows_are_read_does_not_begin_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site(tmp_path) as here:
        worker = MediaWorker(here.running.ctx)
        one = Wanted(1_000_000, here.number["id"])
        worker._running.add(one)

        def as_it_was(_tx: Any, now: int) -> list[Wanted]:
            assert now
            worker._running.discard(one)
            return [one]

        monkeypatch.setattr(media_uploads, "wanted", as_it_was)
        assert await worker.look() == []
        monkeypatch.undo()


async def test_uploads_that_hang_leave_room_for_those_of_another_number(tmp_path: Path) -> None:
    async with site(tmp_path, hold_answers=True) as here:
        second = "206540352242922"
        await here.admin("number.add", **{**NUMBER, "phone_number_id": second})
        for each in range(5):
            await uploaded(here, PNG + bytes([each]))
        await uploaded(here, PNG, **{"from": second})
        with anyio.fail_after(30):  # one that hangs is given up after a minute
            await eventually(lambda: second in [file.phone_number_id for file in here.sim.media])
        here.sim.change(hold_answers=False)
        await eventually(lambda: len(here.sim.media) == 6)


async def test_a_file_that_is_needed_cannot_be_removed_and_comes_back_with_its_id(tmp_path: Path) -> None:
    async with site(tmp_path, refused_recipients=(f"{people(1)[0]['to']}=131026",)) as here:
        made = await uploaded(here, PNG)
        header = {"image": {"id": made["id"]}}
        start = iso(here.clock.now() + DAY)
        later = await here.send(people(1), header=header, scheduled_at=start, name="Spring")
        with pytest.raises(RpcError, match=r"needed by Spring \("):
            await here.admin("media.remove", id=made["id"])
        await here.api.post(f"/api/v1/broadcasts/{later}/cancel")
        done = await here.send(people(2), header=header)
        await here.until_status(done, "sent")
        assert (await here.admin("media.remove", id=made["id"][:8]))["file_name"] == "spring.png"
        assert "there is no file with this id" in (await here.post(people(1), header=header)).text
        retry = f"/api/v1/broadcasts/{done}/retry"
        refused = await here.api.post(retry, json={"statuses": ["failed"]})
        assert (refused.status_code, "spring.png" in refused.text) == (409, True)
        await until_pieces(here, 0)
        assert (await uploaded(here, PNG, "again.png"))["id"] == made["id"]
        here.sim.change(refused_recipients=())
        assert (await here.api.post(retry, json={"statuses": ["failed"]})).status_code == 202
        await here.until(done, lambda shown: shown["sent_count"] == 2)


async def test_files_that_nothing_uses_are_deleted_after_their_days(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        needed, unused = await uploaded(here, PNG), await uploaded(here, PDF, "a.pdf")
        start = iso(here.clock.now() + 90 * DAY)
        waits = await here.send(people(1), header={"image": {"id": needed["id"]}}, scheduled_at=start)
        here.clock.advance(31 * DAY)
        await prune(here.running.ctx)  # or the daemon itself has, meanwhile
        left = await here.admin("media.list")
        assert [each["id"] for each in left] == [needed["id"]]
        assert left[0]["used_by"] == [waits]
        await until_pieces(here, 1)
        here.clock.advance(59 * DAY)
        await here.until_status(waits, "sent")
        await here.sim.idle()
        await prune(here.running.ctx)
        assert len(await here.admin("media.list")) == 1, "a retry may need it still"
        here.clock.advance(31 * DAY)
        await prune(here.running.ctx)
        assert await here.admin("media.list") == []
        assert unused["id"] != needed["id"]
        with pytest.raises(RpcError, match="wacrmd number remove"):
            await here.admin("account.remove", name="shop")


async def test_a_file_is_not_held_in_memory_while_it_comes(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        here.running.ctx.capacities["api"].max_body_bytes = 1 << 20
        assert (await uploaded(here, PDF + bytes(8 << 20), "a.pdf"))["kind"] == "document"
        refused = await here.api.post("/api/v1/optouts", content=bytes(2 << 20))
        assert refused.status_code == 503, "other bodies are"


async def _begun_upload(here: Site) -> asyncio.StreamWriter:
    """The connection of an upload of which nothing more comes."""
    host, _, port = here.running.api_address.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /api/v1/media HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {here.key}\r\nContent-Length: 100000\r\n"
    head += f"Content-Type: {FORM['Content-Type']}\r\n\r\n"
    part = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    writer.write(head.encode() + part.encode() + PNG)
    await writer.drain()
    return writer


async def test_an_account_sends_two_files_at_a_time_and_is_told_to_wait_for_more(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        begun: list[asyncio.StreamWriter] = []

        async def is_refused() -> bool:
            begun.append(
                await _begun_upload(here)
            )  # one of two may be refused too, if the whole one comes before it
            return (await upload(here, PNG)).status_code == 429

        async def is_taken() -> bool:
            return (await upload(here, PNG)).status_code == 201

        await eventually_told(is_refused)
        assert len(begun) > 1
        for each in begun:
            each.close()
            await each.wait_closed()
        await eventually_told(is_taken)


async def test_the_same_file_twice_at_once_is_one_file(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        large = PDF + bytes(3 << 20)
        both = await asyncio.gather(uploaded(here, large, "a.pdf"), uploaded(here, large, "b.pdf"))
        assert both[0]["id"] == both[1]["id"]
        await eventually(lambda: len(here.sim.media) == 1)
        assert here.sim.media[0].sha256 == both[0]["sha256"], "all of it came to Meta, in order"
        pieces = (len(large) + PIECE_BYTES - 1) // PIECE_BYTES
        await until_pieces(here, pieces)


async def test_what_is_left_of_an_upload_that_another_overtook_is_deleted(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        ctx, account = here.running.ctx, here.account["id"]
        begin = partial(
            media.begin,
            uuid="11111111-2222-4333-8444-555555555555",
            account_id=account,
            file_name="a.png",
            mime_type="image/png",
            size=len(PNG),
            sha256=hashlib.sha256(PNG).digest(),
            made_by="a slow app",
            now=ctx.clock.now(),
        )
        media_id, edition = await ctx.db.write(begin)
        with ctx.media.storing(media_id, edition, account, len(PNG)):
            await uploaded(here, PNG)
            piece = partial(media.put_piece, media_id=media_id, edition=edition, number=0, content=b"x")
            await ctx.db.write(piece)
        await until_pieces(here, 1)


def is_tried_later(than: str, shown: dict[str, Any]) -> bool:
    """Whether a broadcast waits for another attempt than that one."""
    found = shown["hold"]["detail"].partition("again at")[2] if shown["hold"] else ""
    return found not in ("", than)


async def until_pieces(here: Site, count: int) -> None:
    """Wait until so many pieces of files are stored."""

    def is_stored(tx: Any) -> bool:
        return bool(tx.execute("SELECT count(*) FROM media_piece").fetchone()[0] == count)

    here.running.ctx.media.wake.set()
    await eventually_told(partial(here.running.ctx.db.read, is_stored))
