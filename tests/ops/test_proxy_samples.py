"""The samples of contrib/ in a real nginx and a real Caddy, in front of a server that notes what reaches it."""

import asyncio
import os
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import httpx
import pytest

from tests.support.patience import PATIENCE_S, eventually
from wacrmd.http.uploads import FORM_BYTES
from wacrmd.services.drafts.uploads import MAX_FILE_BYTES

pytestmark = pytest.mark.anyio

CONTRIB = Path(__file__).parents[2] / "contrib"
PATH = "/webhooks/meta"
MAX_BYTES = 3 << 20
BUFFERS_SINCE = (2, 6, 3)
"""Caddy's option `request_buffers`; the sample names the older one."""


@dataclass
class Upstream:
    """What stands in for wacrmd: answers 200, and keeps the head and the size of each request."""

    port: int
    connections: int = 0
    heads: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            found = re.search(r"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
            body = await (reader.readexactly(int(found[1])) if found else chunked(reader, head))
            self.heads.append(head)
            self.sizes.append(len(body))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


async def chunked(reader: asyncio.StreamReader, head: str) -> bytes:
    body = b""
    if "transfer-encoding" not in head.lower():
        return body
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    return body


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


@dataclass(frozen=True)
class Sample:
    """The files of a sample, and what they name."""

    nginx: str
    caddy: str
    host: str
    upstream: str
    provider: int | None = None
    """The port of a provider of single sign-on, if the comment with it is to count."""


WEBHOOKS = Sample("nginx/wacrmd.conf", "caddy/Caddyfile", "hooks.example.com", "127.0.0.1:8081")
DASHBOARD = Sample(
    "nginx/dashboard.conf", "caddy/Caddyfile.dashboard", "wacrmd.example.com", "127.0.0.1:8082"
)


def caddy(sample: Sample, folder: Path, port: int, upstream: int) -> list[str]:
    """The command that runs Caddy's sample on a port of this machine, without a certificate."""
    version = subprocess.run(["caddy", "version"], check=True, capture_output=True, text=True).stdout
    text = (CONTRIB / sample.caddy).read_text()
    text = text.replace(f"{sample.host} {{", f"http://127.0.0.1:{port} {{")
    text = text.replace(sample.upstream, f"127.0.0.1:{upstream}")
    if sample.provider:
        text = re.sub(r"(?m)^(\t+)#\t", r"\1", text).replace("127.0.0.1:9091", f"127.0.0.1:{sample.provider}")
    if tuple(map(int, re.findall(r"\d+", version)[:3])) < BUFFERS_SINCE:
        text = text.replace("\t\t\trequest_buffers 3MiB", "\t\t\tbuffer_requests")
    path = folder / "Caddyfile"
    path.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + text)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(path)]


def nginx(sample: Sample, folder: Path, port: int, upstream: int) -> list[str]:
    """The command that runs nginx's sample on a port of this machine, without a certificate and port 80."""
    text = (CONTRIB / sample.nginx).read_text()
    if sample.provider:
        text = signed_on(text).replace("127.0.0.1:4180", f"127.0.0.1:{sample.provider}")
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    text = re.sub(r"(?m)^\s*(listen \[::\]:443 ssl|ssl_certificate.*);\n", "", text)
    text = re.sub(r"listen 80;|listen \[::\]:80;", f"listen unix:{folder}/plain.sock;", text, count=1)
    text = text.replace("listen [::]:80;", "")
    text = text.replace(sample.upstream, f"127.0.0.1:{upstream}").replace("/var/log/nginx", str(folder))
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path = folder / "nginx.conf"
    # As root, its workers would change to a user who may not enter the folders of tests.
    user = "user root;\n" if os.geteuid() == 0 else ""
    path.write_text(
        f"{user}daemon off;\npid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{text}\n}}\n"
    )
    return ["nginx", "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(path)]


ABOVE = "\t\t... and the lines above, without the one of Remote-User\n"


def signed_on(text: str) -> str:
    """The sample of nginx with what its comment says in place of the location."""
    text, _, comment = text.partition("# With single sign-on")
    before, _, location = text.rpartition("\tlocation / {\n")
    lines = location.partition("\t}\n")[0].replace('proxy_set_header Remote-User "";', "")
    active = re.sub(r"(?m)^#", "", comment.partition("\n")[2])
    assert ABOVE in active
    return before + active.replace(ABOVE, lines) + "}\n"


PROXIES = {"caddy": caddy, "nginx": nginx}


@asynccontextmanager
async def proxied(name: str, folder: Path, sample: Sample) -> AsyncIterator[tuple[int, Upstream]]:
    """The port of a proxy that runs the sample, and what is behind it."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {name})")
    upstream = Upstream(0)
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, limit=1 << 16)
    upstream.port = server.sockets[0].getsockname()[1]
    port = free_port()
    command = PROXIES[name](sample, folder, port, upstream.port)
    environment = {**os.environ, "HOME": str(folder)}
    with (folder / "output").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=output, stderr=output, env=environment
        )
    try:
        await eventually(lambda: listens(port) or process.returncode is not None)
        assert process.returncode is None, (folder / "output").read_text()
        yield port, upstream
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        server.close()


def listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("name", PROXIES)
async def test_the_samples_of_proxies_in_the_programs_themselves(name: str, tmp_path: Path) -> None:
    async with proxied(name, tmp_path, WEBHOOKS) as (port, upstream):
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as client:
            await exactly_three_mebibytes_pass(client, upstream)
            await nothing_else_passes(client, upstream)
            await no_upgrade_passes(client, upstream)
        await a_body_waits_in_the_proxy_until_it_is_whole(port, upstream)


@pytest.mark.parametrize("name", PROXIES)
async def test_what_a_browser_says_of_itself_does_not_pass_to_the_dashboard(
    name: str, tmp_path: Path
) -> None:
    async with proxied(name, tmp_path, DASHBOARD) as (port, upstream):
        sent = {
            "Remote-User": "ann",
            "X-Forwarded-For": "192.0.2.7",
            "Connection": "Upgrade",
            "Upgrade": "h2c",
            "Cookie": "__Host-wacrmd_session=x",
        }
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as client:
            assert (await client.get("/broadcasts", headers=sent)).status_code == 200
        head = upstream.heads[-1].lower()
        assert "remote-user" not in head
        assert "upgrade" not in head
        assert re.findall(r"x-forwarded-for: (.*)\r", head) == ["127.0.0.1"]
        assert re.findall(r"\r\nhost: (127\.0\.0\.1)", head)
        assert "cookie: __host-wacrmd_session=x" in head


async def answer_as_provider(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says as oauth2-proxy and Authelia do who is logged in: whom the cookie names."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    if named := re.search(r"(?i)\r\ncookie: sso=(\S+)", head):
        said = f"200 OK\r\nX-Auth-Request-Email: {named[1]}\r\nRemote-User: {named[1]}"
    elif "/oauth2/sign_in" in head:
        said = "403 Forbidden"
    else:
        said = "401 Unauthorized"
    writer.write(f"HTTP/1.1 {said}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("name", PROXIES)
async def test_with_single_sign_on_the_provider_alone_names_the_user(name: str, tmp_path: Path) -> None:
    provider = await asyncio.start_server(answer_as_provider, "127.0.0.1", 0)
    sample = replace(DASHBOARD, provider=provider.sockets[0].getsockname()[1])
    async with provider, proxied(name, tmp_path, sample) as (port, upstream):
        spoofed = {"Remote-User": "boss"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as client:
            assert (await client.get("/broadcasts", headers=spoofed)).status_code in (401, 403)
            assert not upstream.heads
            ann = {"Cookie": "sso=ann@example.com"}
            assert (await client.get("/broadcasts", headers=spoofed | ann)).status_code == 200
        assert re.findall(r"(?i)\r\nremote-user: (.*)\r", upstream.heads[-1]) == ["ann@example.com"]


async def exactly_three_mebibytes_pass(client: httpx.AsyncClient, upstream: Upstream) -> None:
    answer = await client.post(PATH, content=b"x" * MAX_BYTES)
    assert (answer.status_code, upstream.sizes) == (200, [MAX_BYTES])
    answer = await client.post(PATH, content=b"x" * (MAX_BYTES + 1))
    assert answer.status_code >= 400
    assert upstream.sizes == [MAX_BYTES]


async def nothing_else_passes(client: httpx.AsyncClient, upstream: Upstream) -> None:
    before = upstream.connections
    for path in ("/", "/api/v1/me", "/metrics", f"{PATH}/more", "/webhooks/meta%2f..%2f..%2fmetrics"):
        assert (await client.get(path)).status_code == 404, path
    for method in ("PUT", "DELETE", "OPTIONS"):
        assert (await client.request(method, PATH)).status_code in (403, 404)
    assert upstream.connections == before
    assert (await client.get(PATH, params={"hub.mode": "subscribe"})).status_code == 200


async def no_upgrade_passes(client: httpx.AsyncClient, upstream: Upstream) -> None:
    for protocol in ("h2c", "websocket"):
        headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": protocol, "HTTP2-Settings": "AAMAAABk"}
        assert (await client.get(PATH, headers=headers)).status_code == 200
        assert "upgrade" not in upstream.heads[-1].lower()


async def a_body_waits_in_the_proxy_until_it_is_whole(port: int, upstream: Upstream) -> None:
    before, count = upstream.connections, len(upstream.sizes)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST %b HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2000\r\n\r\n" % PATH.encode())
    writer.write(b"x" * 1000)
    await writer.drain()
    await anyio.sleep(0.2)  # a proxy that passes bodies on as they come has connected by then
    assert upstream.connections == before
    writer.write(b"x" * 1000)
    assert b" 200 " in await reader.readline()
    assert upstream.sizes[count:] == [2000]
    writer.close()


def test_nginx_redirects_to_the_name_of_the_site_and_not_to_that_of_the_caller() -> None:
    for sample in (WEBHOOKS, DASHBOARD):
        text = (CONTRIB / sample.nginx).read_text()
        assert re.findall(r"return 301 (\S+);", text) == ["https://$server_name$request_uri"]


def test_nginx_passes_every_file_that_the_dashboard_takes_and_some_more() -> None:
    """So that it is the dashboard which says that a file is too large."""
    text = (CONTRIB / DASHBOARD.nginx).read_text()
    (size,) = re.findall(r"client_max_body_size (\d+)m;", text)
    assert int(size) << 20 > MAX_FILE_BYTES + FORM_BYTES
