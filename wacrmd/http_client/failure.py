"""How far a request got before it failed; pure."""

from enum import StrEnum

from wacrmd.http_client.message import Headers


class Phase(StrEnum):
    """How far a request got before it failed; before WRITE nothing was sent."""

    POOL = "pool"
    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    WRITE = "write"
    READ = "read"
    ANSWER = "answer"


class RequestFailedError(Exception):
    """A request failed; `phase` says how far it got, `detail` what happened.

    `status` and `headers` are those of the answer, if its head had come.
    """

    def __init__(
        self, phase: Phase, detail: str, status: int | None = None, headers: Headers | None = None
    ) -> None:
        super().__init__(f"{detail} ({phase})")
        self.phase = phase
        self.detail = detail
        self.status = status
        self.headers = headers or Headers([])


class NotSentError(RequestFailedError):
    """No byte of the request was sent: sending it again is safe."""


class OutcomeUnknownError(RequestFailedError):
    """Bytes of the request may have been sent: the peer may have acted on it."""


class IdleConnectionLostError(OutcomeUnknownError):
    """The server closed a connection that had been idle and answered nothing: it has hardly read the request."""
