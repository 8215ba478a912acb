"""What a running daemon asks of its configuration: the key file, what a reload changes, what to warn of."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from wacrmd.config.bind import Bind
from wacrmd.config.sections import RELOADABLE, SECTIONS, Config, Section


def key_file(config: Config, environ: Mapping[str, str] = os.environ) -> Path:
    """The file of the key that seals secrets (see `[storage] key_file`)."""
    if config.storage.key_file:
        return Path(config.storage.key_file)
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if directory and (credential := Path(directory, "wacrmd.key")).exists():
        return credential
    return config.storage.path.with_name(config.storage.path.name + ".key")


def reload(running: Config, wanted: Config) -> tuple[Config, list[str], list[str]]:
    """The configuration to go on with, the keys that took effect, and those that wait for a restart."""
    applied: list[str] = []
    waiting: list[str] = []
    sections: dict[str, Section] = {}
    for name, section in SECTIONS.items():
        before, after = getattr(running, name), getattr(wanted, name)
        changed = [key for key in section.model_fields if getattr(before, key) != getattr(after, key)]
        now = [key for key in changed if f"{name}.{key}" in RELOADABLE]
        applied += [f"{name}.{key}" for key in now]
        waiting += [f"{name}.{key}" for key in changed if key not in now]
        sections[name] = before.model_copy(update={key: getattr(after, key) for key in now})
    return running.model_copy(update=sections), applied, waiting


def warnings(config: Config) -> list[str]:
    """What is allowed but seldom meant: one sentence each."""
    said: list[str] = []
    for name, bind in (("api", config.api.bind), ("webhooks", config.webhooks.bind)):
        if not bind.is_local:
            said.append(
                f"[{name}] bind: {bind} can be reached from other machines, and without TLS; "
                "127.0.0.1 with a reverse proxy is safer"
            )
    graph = urlsplit(config.meta.graph_url)
    if graph.scheme == "http" and not Bind.parse(f"{_bracketed(graph.hostname or '')}:80").is_local:
        said.append("[meta] graph_url: access tokens travel unencrypted over http; use https")
    if config.sender.on_uncertain == "resend":
        said.append('[sender] on_uncertain: "resend" may send a message twice; "hold" never does')
    if any(network.endswith("/0") for network in config.outbound_webhooks.allow_private):
        said.append(
            "[outbound_webhooks] allow_private: a /0 network lets local apps call every private address"
        )
    if config.log.level == "debug":
        said.append(
            '[log] level: "debug" is slow and tells much; wacrmd log-level debug --for 10 does it for a while'
        )
    if not config.log.mask_phone_numbers:
        said.append("[log] mask_phone_numbers: people's phone numbers stand in the log in full")
    if not config.optout.stop_keywords:
        said.append("[optout] stop_keywords: nobody can opt out by a message; Meta's own button still counts")
    return said


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
