"""The target of a request in one form."""

import pytest

from wacrmd.http.request_target import origin_form

OTHERS = [(b"accept", b"*/*"), (b"host", b"header.example")]


@pytest.mark.parametrize(
    ("method", "target", "path", "host"),
    [
        (b"GET", b"/api/v1/me?a=1", b"/api/v1/me?a=1", b"header.example"),
        (b"GET", b"http://a.example/api/v1/me", b"/api/v1/me", b"a.example"),
        (
            b"GET",
            b"HTTPS://a.example:8443/api/v1/me?a=http://b/",
            b"/api/v1/me?a=http://b/",
            b"a.example:8443",
        ),
        (b"GET", b"http://user:pass@a.example/x", b"/x", b"a.example"),
        (b"GET", b"http://[::1]:8080/x/", b"/x/", b"[::1]:8080"),
        (b"GET", b"http://a.example", b"/", b"a.example"),
        (b"GET", b"http://a.example?x=1", b"/?x=1", b"a.example"),
        (b"GET", b"http://a.example//x", b"//x", b"a.example"),
        (b"OPTIONS", b"http://a.example", b"*", b"a.example"),
        (b"OPTIONS", b"http://a.example/", b"/", b"a.example"),
        (b"OPTIONS", b"*", b"*", b"header.example"),
        (b"GET", b"http:///x", b"http:///x", b"header.example"),
        (b"GET", b"ftp://a.example/x", b"ftp://a.example/x", b"header.example"),
        (b"GET", b"/http://a.example/x", b"/http://a.example/x", b"header.example"),
        (b"CONNECT", b"a.example:443", b"a.example:443", b"header.example"),
    ],
)
def test_a_whole_url_becomes_its_path_and_its_host_counts(
    method: bytes, target: bytes, path: bytes, host: bytes
) -> None:
    found, headers = origin_form(method, target, list(OTHERS))
    assert found == path
    assert sorted(headers) == [(b"accept", b"*/*"), (b"host", host)]
