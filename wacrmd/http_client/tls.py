"""TLS of a client, which goes by the daemon's time where the machine's clock is wrong."""

import ssl
import time
from collections.abc import Callable
from typing import Any

from wacrmd.clock import SECOND, Millis, iso

_NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, for which Python has no name."""


def no_doubt() -> Millis | None:
    """The machine's clock is right."""
    return None


class Tls:
    """How a client's connections are verified.

    A certificate is valid from one time to another, and OpenSSL compares them with the machine's clock. While that is not
    trusted, `doubted` returns the time by which the daemon goes. Either of the two may be right, so the server's
    certificate has to be valid at one of them. All else is verified as ever, but for the times of the authorities.
    """

    def __init__(
        self,
        make: Callable[[], ssl.SSLContext],
        doubted: Callable[[], Millis | None] = no_doubt,
        *,
        at_once: bool = False,
    ) -> None:
        self._make = make
        self._doubted = doubted
        self._context: ssl.SSLContext | None = self._made() if at_once else None
        """Made for the first connection, or `at_once`, before anybody is served: to read the authorities takes 45 ms of the
        event loop, also on a thread, which lets go of nothing meanwhile."""
        self._timeless: ssl.SSLContext | None = None

    def _made(self) -> ssl.SSLContext:
        context = self._make()
        context.options |= ssl.OP_NO_RENEGOTIATION  # a server could ask for one handshake after the other
        return context

    def context(self) -> ssl.SSLContext:
        """The context of the next connection; `check` is called after its handshake."""
        if self._doubted() is None:
            self._context = self._context or self._made()
            return self._context
        if self._timeless is None:
            self._timeless = self._made()
            self._timeless.verify_flags |= _NO_CHECK_TIME
        return self._timeless

    def check(self, context: ssl.SSLContext, certificate: dict[str, Any]) -> None:
        """Raise SSLCertVerificationError for a certificate that was verified by `context`, and is not valid now."""
        now = self._doubted()
        if context is self._context or now is None:
            return
        begin, end = (ssl.cert_time_to_seconds(certificate[each]) for each in ("notBefore", "notAfter"))
        if not any(begin <= at <= end for at in (now / SECOND, time.time())):
            raise ssl.SSLCertVerificationError(
                f"certificate is valid from {iso(begin * SECOND)} to {iso(end * SECOND)}: set the machine's clock"
            )
