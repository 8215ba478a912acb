"""The control endpoints below `/_simulator`: ledger, options, replies and any webhook."""

import secrets
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web

from wacrmd.simulator.options import OptionError
from wacrmd.simulator.payloads import envelope, inbound
from wacrmd.simulator.sends import digits
from wacrmd.simulator.state import State
from wacrmd.simulator.webhooks import WebhookPoster

PAGE, MAX_PAGE = 1000, 10_000


class BadRequestError(Exception):
    """A control request cannot be carried out; the text says what was expected."""


class Control:
    """The control endpoints of one simulated Meta; they need no token."""

    def __init__(self, state: State, poster: WebhookPoster) -> None:
        self._state = state
        self._poster = poster

    def routes(self) -> list[web.RouteDef]:
        """The routes, below `/_simulator`."""
        return [
            web.get("/messages", self.messages),
            web.delete("/messages", self.clear),
            web.get("/summary", self.summary),
            web.get("/options", self.options),
            web.patch("/options", self.change),
            web.post("/webhooks", self.webhook),
            web.post("/reply", self.reply),
            web.post("/verify", self.verify),
        ]

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
        """Post a message from the recipient of `wamid`, or from `to`: a `text`, or a tap on a button."""
        body = await _body(request)
        text, wamid, to = body.get("text", ""), body.get("wamid"), body.get("to")
        payload = body.get("button_payload")
        if not isinstance(text, str) or not (isinstance(wamid, str) or isinstance(to, str)):
            raise BadRequestError('expected {"wamid" or "to": "…", "text": "…"}, "button_payload" for a tap')
        ledger, options = self._state.ledger, self._state.options
        entry = ledger.find(wamid) if isinstance(wamid, str) else ledger.last_to(digits(str(to)))
        if entry is None and to is None:
            raise BadRequestError(f"wamid: no message {wamid} was accepted")
        number = str(body.get("phone_number_id") or (entry.phone_number_id if entry else ""))
        if not number:
            raise BadRequestError("phone_number_id: expected, as nothing was sent to this recipient yet")
        wa_id = entry.send.wa_id if entry else digits(str(to))
        user_id = entry.send.user_id if entry else None
        message = inbound(wa_id, user_id, f"wamid.{secrets.token_urlsafe(24)}", time.time_ns() // 1_000_000)
        if entry is not None:
            message["context"] = {"from": options.display_phone_number, "id": entry.wamid}
        if payload is not None:
            message |= {"type": "button", "button": {"payload": payload, "text": text}}
        else:
            message |= {"type": "text", "text": {"body": text}}
        contact: dict[str, Any] = {"profile": {"name": "Simulated Person"}}
        contact |= {"wa_id": wa_id} if wa_id else {"user_id": user_id}
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": options.display_phone_number, "phone_number_id": number},
            "contacts": [contact],
            "messages": [message],
        }
        return await self._inject(envelope(self._state.waba_of(number) or options.waba_id, "messages", value))

    async def verify(self, request: web.Request) -> web.Response:
        """Verify the callback URL with `verify_token`, like Meta when the URL is entered."""
        token = (await _body(request)).get("verify_token")
        if not isinstance(token, str):
            raise BadRequestError('expected {"verify_token": "…"}')
        return _json({"verified": await self._poster.verify(token, str(secrets.randbelow(10**10)))})

    async def _inject(self, webhook: dict[str, Any]) -> web.Response:
        if not self._poster.on:
            raise BadRequestError("webhooks are off: set webhook_url, and webhooks to true")
        status = await self._poster.inject(webhook)
        return _json({"status": status or None, "webhook": webhook})


@web.middleware
async def errors_as_json(request: web.Request, handler: Any) -> web.StreamResponse:
    """Answer a control request that cannot be carried out with 400 and the reason."""
    try:
        answer: web.StreamResponse = await handler(request)
    except OptionError as error:
        return _json(
            {"error": "an option cannot be used", "problems": error.problems}, HTTPStatus.BAD_REQUEST
        )
    except BadRequestError as error:
        return _json({"error": str(error)}, HTTPStatus.BAD_REQUEST)
    return answer


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
