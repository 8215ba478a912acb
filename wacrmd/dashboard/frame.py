"""The frame of all pages: who looks, what is answered to strangers, and to errors."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from anyio.abc import TaskGroup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from wacrmd.dashboard.actions import BY_NAME, perform, require, require_lasting, stream
from wacrmd.dashboard.errors import title_of
from wacrmd.dashboard.forms import allow_again
from wacrmd.dashboard.guard import SAFE_METHODS
from wacrmd.dashboard.kept import Kept
from wacrmd.dashboard.live import END, EVENT_STREAM, Live
from wacrmd.dashboard.live_parts import Source
from wacrmd.dashboard.render import page
from wacrmd.dashboard.turns import Turns
from wacrmd.dashboard.visitor import Visitor, visitor_of
from wacrmd.domain.page import Page
from wacrmd.domain.plain_words import plainly
from wacrmd.errors import ERRORS, ErrorCode, Refusal, not_found
from wacrmd.http.uploads import Uploads
from wacrmd.operations.paging import encode_cursor
from wacrmd.services.context import Context

OFTEN = (
    ("/broadcasts", "Broadcasts", "broadcast.list"),
    ("/templates", "Templates", "template.list"),
    ("/numbers", "Numbers", "number.list"),
    ("/statistics", "Statistics", "stats"),
    ("/costs", "Costs", "price.spent"),
    ("/optouts", "Opt-outs", "optout.list"),
)
"""The menu: path, name, and the operation without which the page is nothing."""

SELDOM = (
    ("/media", "Files", "media.list"),
    ("/settings", "Settings", "account.list"),
    ("/webhooks", "Webhooks", "webhook.list"),
    ("/keys", "Keys", "key.list"),
    ("/users", "Users", "user.list"),
    ("/audit", "Audit", "audit"),
    ("/status", "Status", "status"),
)
"""What is below "More", so that the menu has one line: what is set up once, and looked at by few."""

SECTION_OF = {"/messages": "/broadcasts"}
"""Pages that are reached from one of the menu, and belong to it."""

WRONG_ADDRESS = (
    "The address of this page is not right: it was cut or changed, or the list has become shorter."
)


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who is logged in."""

    ctx: Context
    request: Request
    visitor: Visitor
    kept: Kept
    uploads: Uploads
    live: Live
    tasks: TaskGroup
    """Runs what goes on after the page was answered; it is cancelled before the database is closed."""

    async def perform(self, operation: str, /, *, cursor: str | None = None, **given: object) -> Any:
        """The result of an operation, done for the visitor; parameters that are None are left out. Raises Refusal.

        `cursor` is that of a page of a list (`Visit.pages`), for an operation that answers with one.
        """
        await self._require_lasting(operation)
        return await perform(self.ctx, self.visitor, operation, given, cursor=cursor)

    async def perform_with_file(self, operation: str, descriptor: int, /, **given: object) -> Any:
        """The same with an open file, which goes along with the parameters."""
        await self._require_lasting(operation)
        return await perform(self.ctx, self.visitor, operation, given, files=(descriptor,))

    def stream(self, operation: str, /, **given: object) -> AsyncGenerator[Any, None]:
        """The items of an operation that answers with a stream; close it. Raises Refusal when it begins."""
        return stream(self.ctx, self.visitor, operation, **given)

    def param(self, name: str) -> str | None:
        """A parameter in the address of the page; None if it is empty or not given."""
        return self.request.query_params.get(name, "").strip() or None

    def address(self, **changes: str | None) -> str:
        """The address of this page with other parameters; None takes one out."""
        return path(
            self.request.url.path, **{**self.request.query_params, "notice": None, "once": None, **changes}
        )

    def pages(self, found: Page[Any]) -> Mapping[str, str | None]:
        """The ways from this page of a list to others, by what they are called: the newest, and the next older one."""
        after = encode_cursor(found.next)
        return {
            "Newest": self.address(cursor=None) if self.param("cursor") else None,
            "Older": None if after is None else self.address(cursor=after),
        }

    def may(self, operation: str) -> bool:
        """Whether the visitor's role may call an operation: a page shows no button that would be refused."""
        return self.visitor.may(BY_NAME[operation])

    async def require(self, operation: str) -> None:
        """Refuse a page that leads to an operation which the visitor may not call, as the operation would."""
        await self._require_lasting(operation)
        await require(self.ctx, self.visitor, operation)

    async def _require_lasting(self, operation: str) -> None:
        """Refuse what came with a body if the visitor may not ask for it any more: a body takes its time to arrive."""
        if self.request.method not in SAFE_METHODS:
            await require_lasting(self.ctx, self.visitor, operation)

    async def find(self, operation: str, what: str, by: str) -> Any:
        """The item of a list whose attribute is what the address has under this name; raises Refusal if there is none."""
        listed = await self.perform(operation)
        items = listed.items if isinstance(listed, Page) else listed
        found = [each for each in items if getattr(each, by) == self.request.path_params[by]]
        if not found:
            raise not_found(what)
        return found[0]

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page with the frame that all have."""
        here = self._here
        return page(
            template,
            status=status,
            visitor=self.visitor,
            may=self.may,
            often=self._allowed(OFTEN),
            seldom=self._allowed(SELDOM),
            here=here,
            notice=self.take("notice"),
            **values,
        )

    def events(self, path: str, *sources: Source) -> Response:
        """What changes on a page, as server-sent events; who asks for something else is led to the page."""
        headers = self.request.headers
        if EVENT_STREAM not in headers.get("accept", "") or self.request.method == "HEAD":
            return self.redirect(path)
        seen = headers.get("last-event-id") or self.param("seen")
        return self.live.answer(self.visitor.session, sources, seen)

    def redirect(self, path: str) -> Response:
        """Leads to a page of the dashboard."""
        return RedirectResponse(path, status_code=303)

    def done(self, path: str, text: str) -> Response:
        """After a change: leads to a page, so that a reload does not repeat it, and says there what was done."""
        return self._lead(path, "notice", text)

    def reveal(self, path: str, secret: object) -> Response:
        """After a secret was made: leads to a page that shows it this once (`take("once")`); a reload does not."""
        return self._lead(path, "once", secret)

    def keep(self, value: object, *, size: int) -> str:
        """Keep a value of so many bytes for the next pages of this person; the key for `look`."""
        return self.kept.add(self.visitor.session, value, self.ctx.clock.now(), size=size)

    def keep_grown(self, key: str, *, size: int) -> None:
        """Keep a value as long again that has so many bytes now."""
        self.kept.grown(key, self.ctx.clock.now(), size=size)

    def look(self, key: str | None) -> Any:
        """A value that was kept; None if it is there no more."""
        return self.kept.look(self.visitor.session, key, self.ctx.clock.now())

    def take(self, parameter: str) -> Any:
        """What the parameter of the address has the key of, once."""
        return self.kept.take(self.visitor.session, self.param(parameter), self.ctx.clock.now())

    def _lead(self, path: str, parameter: str, value: object) -> Response:
        key = self.kept.add(self.visitor.session, value, self.ctx.clock.now())
        return self.redirect(f"{path}{'&' if '?' in path else '?'}{parameter}={key}")

    def confirm(
        self,
        title: str,
        text: str,
        *,
        button: str,
        back: str,
        fields: Mapping[str, str] | None = None,
        danger: bool = True,
    ) -> Response:
        """A page that asks before something that cannot be taken back; the answer goes to its own address, with `fields`."""
        return self.page(
            "confirm.html",
            title=title,
            text=text,
            action=quote(self.request.scope["path"]),
            button=button,
            back=back,
            fields=fields or {},
            danger=danger,
        )

    def refused(self, refusal: Refusal) -> Response:
        """A page that says why there is no other one, and leads on."""
        title, text = title_of(refusal), plainly(refusal.message)
        back, label = self._section
        if (
            refusal.code is ErrorCode.BAD_REQUEST
            and self.request.method in SAFE_METHODS
            and self.request.url.query
        ):
            # No form leads here: what can be wrong in one, its page shows beside the field.
            title, text, label = "Nothing here", WRONG_ADDRESS, "Open it from its beginning"
            back = quote(self.request.scope["path"])
        status = ERRORS[refusal.code].status
        return self.message(title, text, status=status, back=back, label=label)

    def message(self, title: str, text: str, *, status: int, back: str, label: str) -> Response:
        """A page that says one thing, with a way on."""
        return self.page("message.html", status=status, title=title, text=text, back=back, label=label)

    @property
    def _here(self) -> str:
        """The path of the menu to which this page belongs."""
        first = "/" + self.request.url.path.split("/")[1]
        return SECTION_OF.get(first, first)

    @property
    def _section(self) -> tuple[str, str]:
        """The page of the menu to which this one belongs: its address and its name."""
        known = [*self._allowed(OFTEN), *self._allowed(SELDOM)]
        return next((each for each in known if each[0] == self._here), known[0])

    def _allowed(self, menu: Iterable[tuple[str, str, str]]) -> list[tuple[str, str]]:
        """Path and name of what the visitor may look at."""
        return [(path, name) for path, name, needs in menu if self.may(needs)]


def path(page: str, /, **params: str | None) -> str:
    """The address of a page with these parameters; those that are empty are left out."""
    query = urlencode({name: value for name, value in params.items() if value})
    return page + (f"?{query}" if query else "")


def refused(
    text: str, *, status: int, title: str = "Not possible", link: str = "/login", label: str = "Log in"
) -> Response:
    """A page for who is not logged in."""
    return page("refused.html", status=status, title=title, text=text, link=link, label=label, notice=None)


def refused_unknown(refusal: Refusal) -> Response:
    """A page where nobody can know who looks: the reverse proxy names no user, or the database cannot be read.

    No login helps: the header of a proxy comes before every session.
    """
    is_no_user = refusal.code is ErrorCode.FORBIDDEN
    return refused(
        refusal.message,
        status=ERRORS[refusal.code].status,
        title="You are no user here" if is_no_user else title_of(refusal),
        link="/",
        label="Try again",
    )


_PASSES = (ErrorCode.UNAVAILABLE, ErrorCode.RATE_LIMITED)


def _refused_part(refusal: Refusal) -> Response:
    """For a part that a page asks for: no page is put into another one. What passes by itself leaves the part as it is."""
    if refusal.code in _PASSES:
        return Response(status_code=204)
    return Response(headers={"HX-Refresh": "true"})  # the page says what is wrong


def _to_login(request: Request) -> Response:
    """Lead a stranger to the login, and back to the page afterwards; refuse an action."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    login = f"/login?next={quote(wanted)}"
    if request.method not in SAFE_METHODS:
        return refused(
            "Your session has ended. Nothing was done: log in, and do it again.", status=403, link=login
        )
    if EVENT_STREAM in request.headers.get("accept", ""):
        return Response(END, media_type=EVENT_STREAM)  # else the page would ask again and again
    if request.headers.get("hx-request"):  # a part of a page: the login must not be put into it
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    return RedirectResponse(login, status_code=303)


Handler = Callable[[Visit], Awaitable[Response]]

Row = tuple[str, str, Handler]
"""Method, path and handler of a page or an action."""


def visited(
    ctx: Context,
    kept: Kept,
    uploads: Uploads,
    live: Live,
    turns: Turns,
    tasks: TaskGroup,
    handler: Handler,
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a page or an action: strangers are led to the login, or refused."""

    async def endpoint(request: Request) -> Response:
        is_part = request.method in SAFE_METHODS and "hx-request" in request.headers
        try:
            visitor = await visitor_of(ctx, request)
        except Refusal as refusal:
            return _refused_part(refusal) if is_part else refused_unknown(refusal)
        if visitor is None:
            return _to_login(request)
        visit = Visit(ctx, request, visitor, kept, uploads, live, tasks)
        try:
            async with turns.turn(visitor.key):
                return await handler(visit)
        except Refusal as refusal:
            if is_part:
                return _refused_part(refusal)
            return allow_again(visit.refused(refusal), refusal)

    return endpoint
