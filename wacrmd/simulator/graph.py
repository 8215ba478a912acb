"""The endpoints of the Graph API: sends with their faults, templates, numbers, health and subscriptions."""

import asyncio
import base64
import random
import secrets
import time
from email.utils import formatdate
from http import HTTPStatus

import orjson
from aiohttp import web

from wacrmd.simulator import graph_errors
from wacrmd.simulator.analytics import analytics_of
from wacrmd.simulator.faults import Fault, TokenBucket, accepts_message, code_for, fault_for
from wacrmd.simulator.graph_errors import GraphError, no_object
from wacrmd.simulator.ledger import Entry
from wacrmd.simulator.marketing import is_open
from wacrmd.simulator.media import upload_refusal
from wacrmd.simulator.options import Options
from wacrmd.simulator.payloads import accepted_body, health_of, number_of
from wacrmd.simulator.sends import Send, digits, read_send
from wacrmd.simulator.state import State
from wacrmd.simulator.templates import page_of
from wacrmd.simulator.updates import UpdateKind, is_early, is_held, updates_for
from wacrmd.simulator.upload_form import read_upload
from wacrmd.simulator.webhooks import WebhookPoster

JSON_HEADERS = {"Content-Type": "application/json; charset=UTF-8"}
BAD_GATEWAY_PAGE = (
    b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)
WABA_FIELDS = frozenset({"marketing_messages_onboarding_status", "is_enabled_for_insights"})
APP = {
    "whatsapp_business_api_data": {
        "id": "670843887433847",
        "name": "Simulated App",
        "link": "https://example.com/",
    }
}


class GraphApi:
    """The Graph API of one simulated Meta."""

    def __init__(self, state: State, poster: WebhookPoster) -> None:
        self._state = state
        self._poster = poster
        self._rng = random.Random(state.options.seed)  # noqa: S311 - repeatable chance, no secret
        self._buckets: dict[str, TokenBucket] = {}
        # Ids differ from run to run: one database may be used with many simulated Metas.
        self._salt = secrets.token_bytes(6)
        self._ids = 0

    def routes(self) -> list[web.RouteDef]:
        """The routes of the Graph API."""
        version = r"/{version:v\d+\.\d+}"
        return [
            web.post(version + "/{id}/{endpoint:messages|marketing_messages}", self.send),
            web.post(version + "/{id}/media", self.upload),
            web.get(version + "/{id}/message_templates", self.templates),
            web.get(version + "/{id}/template_analytics", self.template_analytics),
            web.get(version + "/{id}/phone_numbers", self.numbers),
            web.route("*", version + "/{id}/subscribed_apps", self.subscribed_apps),
            web.get(version + "/{id}", self.node),
        ]

    async def set_date(self, _request: web.Request, response: web.StreamResponse) -> None:
        """Give an answer the time of the simulated Meta."""
        ahead_s = self._state.options.date_ahead_s
        if ahead_s:
            response.headers["Date"] = formatdate(time.time() + ahead_s, usegmt=True)

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Accept or refuse one message, or do what a fault says."""
        state = self._state
        state.ledger.requests += 1
        raw = await request.read()
        options = state.options
        phone_number_id = request.match_info["id"]
        if (refusal := self._unauthorised(request)) is not None:
            return self._refuse(refusal)
        endpoint = request.match_info["endpoint"]
        if state.waba_of(phone_number_id) is None or not is_open(endpoint, options):
            return self._refuse(no_object(phone_number_id, "post"))
        fault = fault_for(options, self._rng.random())
        if not accepts_message(fault, options):
            return await self._end_without_message(request, fault)
        send = read_send(raw, options, endpoint)
        if isinstance(send, Send):
            refusal = self._refusal_of(send, phone_number_id, fault)
            if refusal is None:
                return await self._accept(request, phone_number_id, send, raw, fault)
        else:
            refusal = send
        await self._until_not_held()
        await asyncio.sleep(self._latency_s())
        return self._refuse(refusal)

    async def _until_not_held(self) -> None:
        while self._state.options.hold_answers:
            await self._state.changed.wait()

    async def _end_without_message(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        """End a request whose message is not accepted."""
        self._state.ledger.outcomes[f"{fault}_not_taken" if fault is not Fault.CLOSE_BEFORE else fault] += 1
        if fault is Fault.BAD_GATEWAY:
            return _bad_gateway()
        if fault is Fault.HANG:
            await asyncio.sleep(self._state.options.hang_seconds)
        return _hang_up(request)

    def _refusal_of(self, send: Send, phone_number_id: str, fault: Fault) -> GraphError | None:
        state, options = self._state, self._state.options
        refusal = state.media.refusal_of(
            send.media_ids, phone_number_id, state.now_ms(), check_unknown=options.check_media
        )
        if refusal is not None:
            return refusal
        if options.refused_recipients:
            code = code_for(options.refused_recipients, digits(send.input))
            if code is not None:
                return GraphError(code, "This recipient is set to be refused (simulated)")
        if options.throttle_per_second:
            now_s = time.monotonic()
            rate = options.throttle_per_second
            bucket = self._buckets.setdefault(phone_number_id, TokenBucket(rate, now_s))
            if not bucket.take(rate, now_s):
                return GraphError(130429, "Cloud API message throughput has been reached.")
        if fault is Fault.ERROR:
            return GraphError(options.error_code, "A random error (simulated)", options.error_status)
        if options.people_limit and not state.people.count(
            phone_number_id, send.user_id, options.people_limit, state.now_ms()
        ):
            return GraphError(131048, "More people than the messaging limit allows (simulated)")
        return None

    async def _accept(
        self, request: web.Request, phone_number_id: str, send: Send, raw: bytes, fault: Fault
    ) -> web.StreamResponse:
        """Write the message into the ledger, schedule its webhooks, and answer as the fault says."""
        options, ledger = self._state.options, self._state.ledger
        at_ms = self._state.now_ms()
        endpoint = request.match_info["endpoint"]
        entry = ledger.take(phone_number_id, send, self._wamid(send), raw, at_ms, endpoint=endpoint)
        key = f"{digits(send.input)}/{send.template}"
        held = is_held(options, key)
        await self._until_not_held()
        latency_s = self._latency_s()
        await self._schedule_webhooks(entry, options, key, latency_s)
        if latency_s:
            await asyncio.sleep(latency_s)
        if fault is Fault.NONE:
            ledger.outcomes["held" if held else "accepted"] += 1
            return web.Response(body=accepted_body(options, entry, held=held), headers=JSON_HEADERS)
        ledger.outcomes[fault.value] += 1
        if fault is Fault.BAD_GATEWAY:
            return _bad_gateway()
        if fault is Fault.CLOSE_AFTER:
            return _hang_up(request)
        answer = accepted_body(options, entry, held=held)
        if fault is Fault.HALF_ANSWER:
            return _cut_off(request, answer)
        await asyncio.sleep(options.hang_seconds)
        return web.Response(body=answer, headers=JSON_HEADERS)

    async def _schedule_webhooks(self, entry: Entry, options: Options, key: str, latency_s: float) -> None:
        """Schedule the message's webhooks. An early first one is posted and answered before this returns."""
        if not self._poster.on:
            return
        number = digits(entry.send.input)
        updates = updates_for(options, key, number, has_button=entry.send.button_payload is not None)
        for update in updates:
            if update.kind in (UpdateKind.REPLY, UpdateKind.TAP):
                at_ms = self._state.now_ms() + update.happens_after_ms
                self._state.people.wrote(entry.phone_number_id, entry.send.user_id, at_ms)
        if is_early(options, key):
            self._poster.schedule(entry, updates[1:], latency_s)
            await self._poster.post_now(entry, updates[0])
        else:
            self._poster.schedule(entry, updates, latency_s)

    def _latency_s(self) -> float:
        options = self._state.options
        return (options.latency_ms + self._rng.random() * options.latency_jitter_ms) / 1000

    def _wamid(self, send: Send) -> str:
        self._ids += 1
        who = (send.wa_id or send.input).encode()
        token = bytes((0x1D, 0x04, 0x18, len(who))) + who + b"\x15\x02\x00" + self._salt
        return "wamid." + base64.b64encode(token + self._ids.to_bytes(6)).decode()

    def _unauthorised(self, request: web.Request) -> GraphError | None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            token = request.query.get("access_token", "")
        if not token:
            return graph_errors.NO_TOKEN
        wanted = self._state.options.access_token
        if wanted is not None and not secrets.compare_digest(token.strip().encode(), wanted.encode()):
            return graph_errors.BAD_TOKEN
        return None

    def _refuse(self, refusal: GraphError) -> web.Response:
        ledger, options = self._state.ledger, self._state.options
        throttled = refusal.code in graph_errors.THROTTLING_CODES
        ledger.outcomes["throttled" if throttled else "refused"] += 1
        ledger.error_codes[refusal.code] += 1
        headers = dict(JSON_HEADERS)
        if throttled and options.regain_minutes:
            usage = {"type": "whatsapp", "call_count": 100, "total_cputime": 25, "total_time": 25}
            usage |= {"estimated_time_to_regain_access": options.regain_minutes}
            headers["X-Business-Use-Case-Usage"] = orjson.dumps({options.waba_id: [usage]}).decode()
        trace_id = "A" + secrets.token_urlsafe(16)
        return web.Response(body=orjson.dumps(refusal.body(trace_id)), status=refusal.status, headers=headers)

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """Take a file, or refuse it."""
        state, options, number = self._state, self._state.options, request.match_info["id"]
        if (refusal := self._unauthorised(request)) is not None:
            return self._refuse(refusal)
        if state.waba_of(number) is None:
            return self._refuse(no_object(number, "post"))
        form = await read_upload(request)
        if options.media_error_code:
            refusal = GraphError(options.media_error_code, "Uploads are set to be refused (simulated)")
        else:
            refusal = upload_refusal(form.product, form.mime_type, form.file)
        if refusal is not None or form.file is None:
            return self._refuse(refusal or GraphError(100))
        taken = state.media.take(number, form.mime_type, form.file_name, form.file, state.now_ms())
        await self._until_not_held()
        if self._rng.random() < options.media_close_share:
            return _hang_up(request)
        return _json({"id": taken.id})

    async def templates(self, request: web.Request) -> web.Response:
        """One page of the templates of a WABA."""
        if (refusal := self._refused_waba(request)) is not None:
            return self._refuse(refusal)
        url = str(request.url.with_query(None))
        return _json(page_of(self._state.options.templates, request.query, url))

    async def template_analytics(self, request: web.Request) -> web.Response:
        """What became of templates of a WABA, by day."""
        if (refusal := self._refused_waba(request)) is not None:
            return self._refuse(refusal)
        state, waba_id = self._state, request.match_info["id"]
        entries = [each for each in state.ledger.entries if state.waba_of(each.phone_number_id) == waba_id]
        url, now_s = str(request.url.with_query(None)), state.now_ms() // 1000
        found = analytics_of(state.options, entries, request.query, now_s, url)
        return self._refuse(found) if isinstance(found, GraphError) else _json(found)

    async def numbers(self, request: web.Request) -> web.Response:
        """The numbers of a WABA."""
        if (refusal := self._refused_waba(request)) is not None:
            return self._refuse(refusal)
        numbers = self._state.numbers_of(request.match_info["id"])
        fields = _fields(request)
        return _json({"data": [number_of(self._state.options, number, fields) for number in numbers]})

    async def subscribed_apps(self, request: web.Request) -> web.Response:
        """GET lists the apps that get a WABA's webhooks, POST adds the app, DELETE removes it."""
        if (refusal := self._refused_waba(request)) is not None:
            return self._refuse(refusal)
        waba_id = request.match_info["id"]
        if request.method == "GET":
            return _json({"data": [APP] if waba_id in self._state.subscribed else []})
        if request.method == "POST":
            self._state.subscribed.add(waba_id)
        elif request.method == "DELETE":
            self._state.subscribed.discard(waba_id)
        else:
            return self._refuse(no_object(waba_id, request.method))
        return _json({"success": True})

    async def node(self, request: web.Request) -> web.Response:
        """The fields of a number or of a WABA."""
        if (refusal := self._unauthorised(request)) is not None:
            return self._refuse(refusal)
        state, object_id, fields = self._state, request.match_info["id"], _fields(request)
        is_known_waba = object_id == state.options.waba_id or bool(state.numbers_of(object_id))
        if not WABA_FIELDS.isdisjoint(fields):  # only a WABA has them, and any id may be one
            is_known_waba = state.is_waba(object_id)
        if is_known_waba:
            known = {
                "name": "Simulated WABA",
                "health_status": health_of(state.options, "WABA", object_id),
                "account_review_status": "APPROVED",
                "marketing_messages_onboarding_status": state.options.marketing_onboarding,
                "is_enabled_for_insights": state.options.insights,
                "disable_marketing_messages_on_cloud_api": state.options.disable_marketing_messages_on_cloud_api,
            }
            return _json(
                {"id": object_id} | {name: known[name] for name in fields or ["name"] if name in known}
            )
        if state.waba_of(object_id) is None:
            return self._refuse(no_object(object_id, "get"))
        return _json(number_of(state.options, object_id, fields))

    async def unknown_path(self, request: web.Request) -> web.Response:
        """Refuse any other path."""
        return self._refuse(GraphError(2500, message=f"Unknown path components: {request.path}"))

    def _refused_waba(self, request: web.Request) -> GraphError | None:
        if (refusal := self._unauthorised(request)) is not None:
            return refusal
        object_id = request.match_info["id"]
        return None if self._state.is_waba(object_id) else no_object(object_id, request.method)


def _fields(request: web.Request) -> list[str]:
    return [name.strip() for name in request.query.get("fields", "").split(",") if name.strip()]


def _json(value: object) -> web.Response:
    return web.Response(body=orjson.dumps(value), headers=JSON_HEADERS)


def _bad_gateway() -> web.Response:
    return web.Response(body=BAD_GATEWAY_PAGE, status=HTTPStatus.BAD_GATEWAY, content_type="text/html")


def _hang_up(request: web.Request) -> web.Response:
    """Close the connection; the response returned is never written."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def _cut_off(request: web.Request, answer: bytes) -> web.Response:
    """Write the head and half of `answer`, then close the connection."""
    if request.transport is not None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n"
        request.transport.write(head.encode() + answer[: len(answer) // 2])
    return _hang_up(request)
