"""What fails a test by itself: errors that nobody sees who only looks at the page."""

from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Request, Response, WebError

LEFT = "net::ERR_ABORTED"
"""The browser itself gave a request up, because the page was left or the answer became a download."""
WITHOUT_HOST = frozenset({"about", "blob", "data"})


@dataclass
class Watched:
    """Collects the errors of all tabs of a context: of scripts, of the content policy, of requests, requests elsewhere."""

    host: str
    """Of the dashboard, with its port."""
    problems: list[str] = field(default_factory=list)
    expected: list[int] = field(default_factory=list)
    """The error statuses that the test provokes, each once."""
    outage: bool = False
    """Whether the test stops the daemon: from now on connections may fail, and scripts say so."""

    def watch(self, context: BrowserContext) -> None:
        """Begin."""
        context.on("console", self._console)
        context.on("weberror", self._script)
        context.on("request", self._request)
        context.on("requestfailed", self._failed)
        context.on("response", self._response)

    def expect(self, status: int) -> None:
        """Let one answer have this status, from 400: the test provokes it."""
        self.expected.append(status)

    def check(self) -> None:
        """Fail if there was an error, or if an expected status did not come."""
        assert not self.problems, "\n".join(self.problems)
        assert not self.expected, f"expected, and did not come: {self.expected}"

    def _console(self, message: ConsoleMessage) -> None:
        # The browser also writes a line for each error status, which `_response` has seen.
        is_known = self.outage or "the server responded with a status of" in message.text
        if message.type in ("error", "warning") and not is_known:
            self.problems.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _script(self, error: WebError) -> None:
        self.problems.append(f"script: {error.error}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in WITHOUT_HOST and parts.netloc != self.host:
            self.problems.append(f"elsewhere: {request.method} {request.url}")

    def _failed(self, request: Request) -> None:
        if request.failure != LEFT and not self.outage:
            self.problems.append(f"failed: {request.method} {request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status in self.expected:
            self.expected.remove(response.status)
        elif response.status >= HTTPStatus.BAD_REQUEST:
            self.problems.append(f"status {response.status}: {response.request.method} {response.url}")
