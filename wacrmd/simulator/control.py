"""The control endpoints below `/_simulator`: ledger, options, replies and any webhook."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web

from wacrmd.simulator.inbound import Sender, changed_number, changed_user_id, contact, message_of
from wacrmd.simulator.options import OptionError
from wacrmd.simulator.payloads import envelope
from wacrmd.simulator.people import user_id_of, wa_id_of_user
from wacrmd.simulator.sends import digits
from wacrmd.simulator.state import State
from wacrmd.simulator.webhooks import WebhookPoster

PAGE, MAX_PAGE = 1000, 10_000


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""Answers a request."""


class BadRequestError(Exception):
    """A control request cannot be carried out; the text says what was expected."""


class Control:
    """The control endpoints of one simulated Meta; they need no token."""

    def __init__(self, state: State, poster: WebhookPoster) -> None:
        self._state = state
        self._poster = poster

    def routes(self) -> list[web.RouteDef]:
        """The routes, below `/_simulator`."""
        handlers = (
            ("GET", "/messages", self.messages),
            ("DELETE", "/messages", self.clear),
            ("GET", "/media", self.media),
            ("GET", "/summary", self.summary),
            ("GET", "/options", self.options),
            ("PATCH", "/options", self.change),
            ("POST", "/webhooks", self.webhook),
            ("POST", "/reply", self.reply),
            ("POST", "/people", self.change_person),
            ("POST", "/restrictions", self.restrict),
            ("POST", "/verify", self.verify),
        )
        return [web.route(method, path, _errors_as_json(handler)) for method, path, handler in handlers]

    async def messages(self, request: web.Request) -> web.Response:
        """A page of the ledger, or with `?count_only=1` only its counts."""
        counts = self._state.ledger.counts()
        if request.query.get("count_only") in ("1", "true"):
            return _json(counts)
        after, limit = _whole(request, "after", 0), min(_whole(request, "limit", PAGE), MAX_PAGE)
        page = self._state.ledger.page(after, limit)
        return _json(
            counts
            | {
                "messages": [entry.as_json() for entry in page],
                "next_after": page[-1].n if len(page) == limit and limit else None,
            }
        )

    async def media(self, request: web.Request) -> web.Response:
        """The files that were uploaded, in order."""
        del request
        return _json({"media": [each.as_json() for each in self._state.media.files.values()]})

    async def clear(self, request: web.Request) -> web.Response:
        """Delete the ledger and the waiting webhooks."""
        del request
        self._poster.clear()
        self._state.ledger.clear()
        return _json({"success": True})

    async def summary(self, request: web.Request) -> web.Response:
        """Totals of requests, messages, outcomes and webhooks."""
        del request
        return _json(self.totals())

    def totals(self) -> dict[str, Any]:
        """The answer of `summary` as a value."""
        totals = self._state.ledger.summary()
        totals["media"] = len(self._state.media.files)
        totals["webhooks"] |= {"pending": self._poster.pending, "given_up": self._poster.given_up}
        return totals

    async def options(self, request: web.Request) -> web.Response:
        """The current options."""
        del request
        return _json(self._state.options.public())

    async def change(self, request: web.Request) -> web.Response:
        """Change options."""
        self._state.change(await _body(request))
        return _json(self._state.options.public())

    async def webhook(self, request: web.Request) -> web.Response:
        """Post `{"field", "value", "waba_id"?, "time"?}`, or `{"webhook"}` unchanged, once, signed."""
        body = await _body(request)
        if (whole := body.get("webhook")) is None:
            field, value = body.get("field"), body.get("value")
            if not isinstance(field, str) or not isinstance(value, dict):
                raise BadRequestError('expected {"field": "…", "value": {…}} or {"webhook": {…}}')
            waba_id = str(body.get("waba_id") or self._state.options.waba_id)
            whole = envelope(waba_id, field, value, body.get("time"))
        if not isinstance(whole, dict):
            raise BadRequestError("webhook: expected an object")
        return await self._inject(whole)

    async def reply(self, request: web.Request) -> web.Response:
        """Post a message from the recipient of `wamid`, or from `to`; its keys are those of `inbound.message_of`."""
        asked = await _body(request)
        wamid, to = asked.get("wamid"), asked.get("to")
        if not isinstance(asked.get("text", ""), str) or not (isinstance(wamid, str) or isinstance(to, str)):
            raise BadRequestError('expected {"wamid" or "to": "…", "text": "…"}, "button_payload" for a tap')
        ledger, options = self._state.ledger, self._state.options
        entry = ledger.find(wamid) if isinstance(wamid, str) else ledger.last_to(digits(str(to)))
        if entry is None and to is None:
            raise BadRequestError(f"wamid: no message {wamid} was accepted")
        number = str(asked.get("phone_number_id") or (entry.phone_number_id if entry else ""))
        if not number:
            raise BadRequestError("phone_number_id: expected, as nothing was sent to this recipient yet")
        sender = Sender(entry.send.wa_id, entry.send.user_id) if entry else _stranger(str(to))
        self._state.people.wrote(number, sender.user_id, self._state.now_ms())
        context = entry.wamid if entry is not None and asked.get("context", True) else None
        try:
            message = message_of(options, sender, _message_id(), self._state.now_ms(), asked, context)
        except ValueError as error:
            raise BadRequestError(str(error)) from error
        return await self._inject_message(number, message, [contact(options, sender)])

    async def change_person(self, request: web.Request) -> web.Response:
        """Post the system message of a person with a new number (`number` to `new_number`) or user id."""
        match await _body(request):
            case {"phone_number_id": str(number), "number": str(before), "new_number": str(after)}:
                message = changed_number(digits(before), digits(after), _message_id(), self._state.now_ms())
            case {"phone_number_id": str(number), "user_id": str(before), "new_user_id": str(after)}:
                message = changed_user_id(before, after, _message_id(), self._state.now_ms())
            case _:
                raise BadRequestError(
                    'expected {"phone_number_id": "…", "number": "…", "new_number": "…"}, or "user_id" and "new_user_id"'
                )
        return await self._inject_message(number, message, [])

    async def restrict(self, request: web.Request) -> web.Response:
        """Post an ACCOUNT_RESTRICTION of the kinds `types`, which ends in `hours`; without `hours` it does not end."""
        asked = await _body(request)
        types, hours = asked.get("types"), asked.get("hours")
        if not isinstance(types, list) or not all(isinstance(each, str) for each in types) or not types:
            raise BadRequestError('expected {"types": ["RESTRICTED_…"], "hours"?: 24, "waba_id"?: "…"}')
        if hours is not None and (isinstance(hours, bool) or not isinstance(hours, int | float)):
            raise BadRequestError("hours: expected a number")
        now_s = self._state.now_ms() // 1000
        ends = {} if hours is None else {"expiration": now_s + round(hours * 3600)}
        value = {
            "event": "ACCOUNT_RESTRICTION",
            "restriction_info": [{"restriction_type": each} | ends for each in types],
        }
        waba_id = str(asked.get("waba_id") or self._state.options.waba_id)
        return await self._inject(envelope(waba_id, "account_update", value, now_s))

    async def verify(self, request: web.Request) -> web.Response:
        """Verify the callback URL with `verify_token`, like Meta when the URL is entered."""
        token = (await _body(request)).get("verify_token")
        if not isinstance(token, str):
            raise BadRequestError('expected {"verify_token": "…"}')
        return _json({"verified": await self._poster.verify(token, str(secrets.randbelow(10**10)))})

    async def _inject_message(
        self, phone_number_id: str, message: dict[str, Any], contacts: list[dict[str, Any]]
    ) -> web.Response:
        options = self._state.options
        value: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "metadata": {
                "display_phone_number": options.display_phone_number,
                "phone_number_id": phone_number_id,
            },
        }
        value |= {"contacts": contacts} if contacts else {}
        waba_id = self._state.waba_of(phone_number_id) or options.waba_id
        return await self._inject(envelope(waba_id, "messages", value | {"messages": [message]}))

    async def _inject(self, webhook: dict[str, Any]) -> web.Response:
        if not self._poster.on:
            raise BadRequestError("webhooks are off: set webhook_url, and webhooks to true")
        status = await self._poster.inject(webhook)
        return _json({"status": status or None, "webhook": webhook})


def _stranger(to: str) -> Sender:
    """Somebody to whom nothing was sent, by number or user id."""
    number = digits(to)
    return Sender(number, user_id_of(number)) if number.isdecimal() else Sender(wa_id_of_user(to), to)


def _message_id() -> str:
    return f"wamid.{secrets.token_urlsafe(24)}"


def _errors_as_json(handler: Handler) -> Handler:
    """Let a control request that cannot be carried out be answered with 400 and the reason.

    No middleware of aiohttp: it remembers the last thousand handlers with theirs, and with them each simulated Meta.
    """

    @wraps(handler)
    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except OptionError as error:
            return _json(
                {"error": "an option cannot be used", "problems": error.problems}, HTTPStatus.BAD_REQUEST
            )
        except BadRequestError as error:
            return _json({"error": str(error)}, HTTPStatus.BAD_REQUEST)

    return answered


async def _body(request: web.Request) -> Mapping[str, Any]:
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        raise BadRequestError("expected a JSON object as the body") from None
    if not isinstance(body, dict):
        raise BadRequestError("expected a JSON object as the body")
    return body


def _whole(request: web.Request, name: str, fallback: int) -> int:
    text = request.query.get(name, str(fallback))
    if not text.isdecimal():
        raise BadRequestError(f"{name}: expected a whole number, found {text!r}")
    return int(text)


def _json(value: object, status: int = HTTPStatus.OK) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")
