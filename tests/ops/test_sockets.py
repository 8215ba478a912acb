"""With `wacrmd.socket`, systemd holds the sockets: connections wait while the daemon is restarted."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.e2e.process import free_ports
from tests.support.patience import PATIENCE_S

ACTIVATE = shutil.which("systemd-socket-activate")


@pytest.mark.exhaustive(only=True)
@pytest.mark.skipif(ACTIVATE is None, reason="systemd-socket-activate is not installed here")
def test_a_request_that_comes_before_the_daemon_is_answered_by_it(tmp_path: Path) -> None:
    api, webhooks = free_ports(2)
    config = tmp_path / "config.toml"
    config.write_text(
        f'[storage]\npath = "{tmp_path}/wacrmd.db"\n[admin]\nsocket = "{tmp_path}/admin.sock"\n'
        f'[api]\nbind = "127.0.0.1:{api}"\n[webhooks]\nbind = "127.0.0.1:{webhooks}"\n[dashboard]\nbind = ""\n'
    )
    listen = [f"--listen=127.0.0.1:{port}" for port in (api, webhooks)]
    serve = [sys.executable, "-m", "wacrmd.cli.main", "serve", "--config", str(config)]
    manager = subprocess.Popen([str(ACTIVATE), *listen, *serve], stderr=subprocess.PIPE, text=True)
    try:
        assert manager.stderr is not None
        for port in (api, webhooks):
            assert f"{port}" in next(line for line in manager.stderr if "Listening on" in line)
        with socket.create_connection(("127.0.0.1", api)):  # starts the daemon, as systemd would
            answer = httpx.get(f"http://127.0.0.1:{api}/livez", timeout=PATIENCE_S)
        assert answer.status_code == 200
        challenge = httpx.get(f"http://127.0.0.1:{webhooks}/webhooks/meta", timeout=PATIENCE_S)
        assert challenge.status_code == 403
        manager.terminate()
        said = manager.stderr.read()
        assert manager.wait(PATIENCE_S) == 0, said
        assert '"event":"daemon_ready"' in said
    finally:
        manager.kill()
        manager.wait()
        if manager.stderr is not None:
            manager.stderr.close()
