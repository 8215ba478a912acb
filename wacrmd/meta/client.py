"""Calls to Meta's Graph API: sending messages, and the management calls around it."""

import secrets
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from wacrmd.clock import DAY, SECOND, Millis
from wacrmd.domain.marketing_route import Endpoint
from wacrmd.domain.template import Template
from wacrmd.domain.template_clicks import LinkClicks
from wacrmd.errors import WacrmdError
from wacrmd.fields import JsonObject
from wacrmd.http_client.client import Timeouts
from wacrmd.http_client.failure import NotSentError, RequestFailedError
from wacrmd.http_client.message import RequestHead
from wacrmd.http_client.tls import no_doubt
from wacrmd.meta.analytics import ENABLED_FIELD, clicks_of
from wacrmd.meta.answer import date_of, error_of, outcome_of
from wacrmd.meta.errors import rule_for
from wacrmd.meta.management import MAX_TEXT, Health, NumberInfo, app_names, templates_of
from wacrmd.meta.outcome import MetaError, NotSent, Outcome, Refused, Unknown
from wacrmd.meta.transport import Transport, request_head
from wacrmd.meta.untrusted import as_id, as_json, as_object, as_objects, as_text
from wacrmd.meta.upload_form import FileToUpload, upload_form

NUMBER_FIELDS = (
    "id,display_phone_number,verified_name,quality_rating,code_verification_status,name_status,status,throughput,"
    "whatsapp_business_manager_messaging_limit,platform_type,account_mode,is_on_biz_app"
)
"""The fields that are read of a phone number."""

TEMPLATE_FIELDS = (
    "id,name,language,status,category,components,parameter_format,quality_score,rejected_reason,previous_category,"
    "sub_category,message_send_ttl_seconds"
)
"""The fields that are read of a template."""

ONBOARDING_FIELD = "marketing_messages_onboarding_status"
"""The field of a business account that says whether `/marketing_messages` takes its messages."""

PAGE = "100"
"""Items of a page of a list."""

MARKETING_PRODUCT = "MARKETING_MESSAGES_API_FOR_WHATSAPP"
"""The `product_type` of messages that were posted to `/marketing_messages`; without one Meta counts the others."""

MAX_PAGES = 200
"""Pages that are read of a list; a business account has at most 6,000 templates, and a page holds 100."""

TOKEN_UNUSABLE = MetaError(
    190, "the access token holds characters that no HTTP header may carry", "The request was not sent."
)
"""The error for a send with such a token; Meta is not asked."""

MAX_DATE_AGE_S = 30.0
"""The time in an answer that took longer may be old: the answer waited while this process did not run."""

_MAX_PREPARED = 1024


class MetaCallError(WacrmdError):
    """A management call failed. The text says why in one sentence; `error` is Meta's error object, if there is one.

    `http_status` is that of the answer, if one came.
    """

    def __init__(self, sentence: str, error: MetaError | None = None, http_status: int | None = None) -> None:
        super().__init__(sentence)
        self.error = error
        self.http_status = http_status


class MetaClient:
    """Meta's Graph API at `graph_url` in `api_version`; must be used in one event loop.

    `read_timeout_s` is the time from having a connection to the answer's last byte.
    """

    def __init__(
        self,
        graph_url: str,
        api_version: str,
        *,
        connect_timeout_s: float,
        read_timeout_s: float,
        max_connections: int,
        doubted: Callable[[], Millis | None] = no_doubt,
        ssl_context: Callable[[], ssl.SSLContext] = httpx.create_ssl_context,
    ) -> None:
        timeout = httpx.Timeout(read_timeout_s, connect=connect_timeout_s, pool=connect_timeout_s)
        self._base = f"{graph_url.rstrip('/')}/{api_version}"
        self._transport = Transport(
            max_connections=max_connections,
            doubted=doubted,
            ssl_context=ssl_context,
            tls=self._base.startswith("https:"),
        )
        self._http = httpx.AsyncClient(
            transport=self._transport,
            timeout=timeout,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"Accept-Encoding": "identity", "User-Agent": "wacrmd"},
            trust_env=False,
        )
        self._send_timeouts = Timeouts(connect_timeout_s, connect_timeout_s, read_timeout_s)
        self._prepared: dict[tuple[str, str, Endpoint], RequestHead] = {}
        self._last_date = ""
        self.on_time: Callable[[Millis], None] | None = None
        """Called with Meta's time as an answer tells it, about once a second while answers come."""

    async def send(
        self,
        phone_number_id: str,
        access_token: str,
        body: bytes,
        *,
        endpoint: Endpoint = Endpoint.MESSAGES,
    ) -> Outcome:
        """Post one message (the body of `payloads.body`) once; its outcome. Raises nothing but cancellation.

        `phone_number_id` is digits. After a cancellation the outcome is unknown. The request bypasses httpx's
        client, which would cost half as much CPU again and adds nothing here.
        """
        if not _fits_header(access_token):
            return Refused(TOKEN_UNUSABLE, httpx.codes.UNAUTHORIZED)
        began = time.monotonic()
        try:
            head = self._prepare(phone_number_id, access_token, endpoint)
            answer = await self._transport.exchange(head, body, self._send_timeouts)
        except RequestFailedError as error:
            kind = NotSent if isinstance(error, NotSentError) else Unknown
            return kind(error.phase, error.detail)
        self._tell_time(answer.headers, began)
        return outcome_of(answer.status, answer.headers, answer.content)

    def _prepare(self, phone_number_id: str, access_token: str, endpoint: Endpoint) -> RequestHead:
        key = (phone_number_id, access_token, endpoint)
        if (head := self._prepared.get(key)) is None:
            headers = {
                "Authorization": f"Bearer {access_token}",
                "Content-Type": "application/json",
                "Accept": "*/*",
                "Accept-Encoding": "identity",
                "User-Agent": "wacrmd",
            }
            head = request_head("POST", f"{self._base}/{phone_number_id}/{endpoint}", headers)
            if len(self._prepared) >= _MAX_PREPARED:
                self._prepared.clear()
            self._prepared[key] = head
        return head

    async def templates(self, waba_id: str, access_token: str, now: Millis) -> list[Template]:
        """All templates of a business account, read at `now`; raises MetaCallError."""
        params = {"limit": PAGE, "fields": TEMPLATE_FIELDS}
        items = await self._list(f"{waba_id}/message_templates", access_token, params)
        return templates_of(waba_id, items, now)

    async def subscribed_apps(self, waba_id: str, access_token: str) -> list[str]:
        """The names of the apps that receive the webhooks of a business account; raises MetaCallError."""
        return app_names(await self._list(f"{waba_id}/subscribed_apps", access_token, {"limit": PAGE}))

    async def number(self, phone_number_id: str, access_token: str) -> NumberInfo:
        """What Meta says about a phone number; raises MetaCallError."""
        return NumberInfo.of(
            await self._call("GET", phone_number_id, access_token, {"fields": NUMBER_FIELDS})
        )

    async def health(self, node_id: str, access_token: str) -> Health:
        """Whether a number, business account or template can send messages; raises MetaCallError."""
        answer = await self._call("GET", node_id, access_token, {"fields": "health_status"})
        health = answer.get("health_status")
        if not isinstance(health, dict):
            raise MetaCallError(f"Meta's answer about {node_id} has no health_status.")
        return Health.of(health)

    async def marketing_onboarding(self, waba_id: str, access_token: str) -> str | None:
        """What Meta says, in its word, about the business account and `/marketing_messages`; raises MetaCallError."""
        answer = await self._call("GET", waba_id, access_token, {"fields": ONBOARDING_FIELD})
        return as_text(answer.get(ONBOARDING_FIELD), MAX_TEXT)

    async def has_analytics(self, waba_id: str, access_token: str) -> bool:
        """Whether somebody has switched Meta's analytics of templates on for the business account; raises MetaCallError.

        This client never does: it cannot be undone, and lets Meta use chats (docs/meta.md, Template analytics).
        """
        answer = await self._call("GET", waba_id, access_token, {"fields": ENABLED_FIELD})
        return answer.get(ENABLED_FIELD) is True

    async def template_clicks(
        self,
        waba_id: str,
        access_token: str,
        template_ids: Sequence[str],
        days: range,
        *,
        now: Millis,
        marketing: bool = False,
    ) -> list[LinkClicks]:
        """The clicks on links of up to 10 templates on some days of UTC up to today; raises MetaCallError.

        `template_ids` are digits. `marketing`: of messages that were posted to `/marketing_messages`, else of the others.
        """
        params = {
            "start": str(days.start * DAY // SECOND),
            "end": str(min(days.stop * DAY, now) // SECOND),
            "granularity": "DAILY",
            "metric_types": '["CLICKED"]',
            "template_ids": f"[{','.join(template_ids)}]",
        }
        if marketing:
            params["product_type"] = MARKETING_PRODUCT
        items = await self._list(f"{waba_id}/template_analytics", access_token, params)
        return clicks_of(items, frozenset(template_ids), days)

    async def subscribe(self, waba_id: str, access_token: str) -> None:
        """Subscribe the token's app to the webhooks of a business account; raises MetaCallError."""
        answer = await self._call("POST", f"{waba_id}/subscribed_apps", access_token, {})
        if answer.get("success") is not True:
            raise MetaCallError(f"Meta did not confirm the subscription to {waba_id}.")

    async def upload(self, phone_number_id: str, access_token: str, file: FileToUpload) -> str:
        """Upload a file for a number; Meta's id of it. Raises MetaCallError; then Meta may have the file all the same."""
        if not _fits_header(access_token):
            raise MetaCallError(f"{TOKEN_UNUSABLE.title}.".capitalize(), TOKEN_UNUSABLE)
        path, boundary = f"{phone_number_id}/media", f"wacrmd{secrets.token_hex(16)}"
        headers = {
            "Authorization": f"Bearer {access_token}",
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Accept-Encoding": "identity",
            "User-Agent": "wacrmd",
        }
        timeouts = self._send_timeouts._replace(read_s=file.patience_s)
        try:
            head = request_head("POST", f"{self._base}/{path}", headers)
            answer = await self._transport.exchange(head, upload_form(file, boundary), timeouts)
        except RequestFailedError as error:
            raise MetaCallError(f"The request to Meta for {path} failed: {error.detail}.") from error
        document = _document(path, httpx.Response(answer.status, content=answer.content))
        if (found := as_id(document.get("id"))) is None:
            raise MetaCallError(f"Meta's answer to {path} has no id.")
        return found

    async def aclose(self) -> None:
        """Close all connections; sends in flight end with an unknown outcome."""
        await self._http.aclose()

    async def _list(self, path: str, access_token: str, params: Mapping[str, str]) -> list[JsonObject]:
        """All pages of a list. Only the cursor is used, not the URL in `next`: the token must go to no other host."""
        items: list[JsonObject] = []
        params = dict(params)
        for _ in range(MAX_PAGES):
            page = await self._call("GET", path, access_token, params)
            data, paging = page.get("data"), page.get("paging")
            if not isinstance(data, list):
                raise MetaCallError(f"Meta's answer to {path} has no list.")
            items += as_objects(data)
            after = _next_cursor(paging)
            if after is None:
                return items
            params = params | {"after": after}
        raise MetaCallError(f"Meta's answer to {path} has more than {MAX_PAGES} pages.")

    async def _call(self, method: str, path: str, access_token: str, params: Mapping[str, str]) -> JsonObject:
        if not _fits_header(access_token):
            raise MetaCallError(f"{TOKEN_UNUSABLE.title}.".capitalize(), TOKEN_UNUSABLE)
        began = time.monotonic()
        try:
            response = await self._http.request(
                method,
                f"{self._base}/{path}",
                params=params,
                headers={"Authorization": f"Bearer {access_token}"},
            )
        except RequestFailedError as error:
            raise MetaCallError(f"The request to Meta for {path} failed: {error.detail}.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise MetaCallError(f"The request to Meta for {path} failed: {error}.") from error
        self._tell_time(response.headers, began)
        return _document(path, response)

    def _tell_time(self, headers: Mapping[str, str], began: float) -> None:
        """Pass on the time of an answer to a request that began then, unless it is known or may have waited long."""
        date = headers.get("date", "")
        if date == self._last_date or self.on_time is None or time.monotonic() - began > MAX_DATE_AGE_S:
            return
        self._last_date = date
        if (at := date_of(date)) is not None:
            self.on_time(at)


def _document(path: str, response: httpx.Response) -> JsonObject:
    """The JSON object of an answer; raises MetaCallError for anything else."""
    document = as_json(response.content)
    if error := error_of(document):
        rule = rule_for(error.code, error.subcode, http_status=response.status_code)
        details = f": {error.details.rstrip('.')}" if error.details else ""
        what = f"{error.title.rstrip('.')} (code {error.code_text}){details}"
        raise MetaCallError(f"Meta refused {path}: {what}. {rule.advice}", error, response.status_code)
    if not response.is_success or not isinstance(document, dict):
        raise MetaCallError(
            f"Meta answered {path} with HTTP {response.status_code} and no usable JSON; "
            "check [meta] graph_url and api_version, or try again later.",
            http_status=response.status_code,
        )
    return document


def _fits_header(access_token: str) -> bool:
    return access_token.isascii() and access_token.isprintable()


def _next_cursor(paging: Any) -> str | None:
    """The cursor of the next page; the last page has no `next`."""
    page = as_object(paging)
    return as_text(as_object(page.get("cursors")).get("after")) if page.get("next") else None
