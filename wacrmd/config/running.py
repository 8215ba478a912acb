"""What a running daemon needs from its configuration: the key file, the effect of a reload, warnings."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from wacrmd.config.bind import Bind
from wacrmd.config.sections import RELOADABLE, SECTIONS, Config, Section
from wacrmd.domain.attempt import UncertainPolicy
from wacrmd.domain.log_level import LogLevel

CREDENTIAL = Path("/etc/credstore/wacrmd.key")
"""The file from which systemd loads the key as a credential of the unit."""


def key_file(config: Config, environ: Mapping[str, str] = os.environ) -> Path:
    """The file with the key that encrypts secrets (see `[storage] key_file`)."""
    if config.storage.key_file:
        return Path(config.storage.key_file)
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if directory and (credential := Path(directory, "wacrmd.key")).exists():
        return credential
    return config.storage.path.with_name(config.storage.path.name + ".key")


def key_file_offline(config: Config) -> Path:
    """The same for commands that an administrator runs: a credential is where systemd takes it from."""
    if config.storage.key_file or not os.access(CREDENTIAL, os.R_OK):
        return key_file(config, {})
    return CREDENTIAL


def reload(running: Config, wanted: Config) -> tuple[Config, list[str], list[str]]:
    """The merged configuration, the keys that took effect, and the keys that wait for a restart.

    Keys are named `section.key`.
    """
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
    """Settings that are allowed but may be mistakes: one sentence each."""
    found: list[str] = []
    for name, bind in (("api", config.api.bind), ("webhooks", config.webhooks.bind)):
        if not bind.is_local:
            found.append(
                f"[{name}] bind: other machines can reach {bind}, and without TLS; "
                "127.0.0.1 behind a reverse proxy is safer"
            )
    dashboard = config.dashboard
    if dashboard.bind is not None and not dashboard.bind.is_local and not dashboard.public_url:
        found.append(
            f"[dashboard] bind: other machines can reach {dashboard.bind}, and passwords are sent without TLS; "
            "127.0.0.1 behind a reverse proxy with https is safer, and then public_url"
        )
    if dashboard.public_url.startswith("http:"):
        found.append("[dashboard] public_url: passwords are sent unencrypted over http; use https")
    graph = urlsplit(config.meta.graph_url)
    if graph.scheme == "http" and not Bind.parse(f"{_bracketed(graph.hostname or '')}:80").is_local:
        found.append("[meta] graph_url: access tokens are sent unencrypted over http; use https")
    if config.sender.on_uncertain is UncertainPolicy.RESEND:
        found.append('[sender] on_uncertain: "resend" may send a message twice; "hold" never does')
    if any(network.endswith("/0") for network in config.outbound_webhooks.allow_private):
        found.append(
            "[outbound_webhooks] allow_private: a /0 network allows local apps to call every private address"
        )
    if config.log.level is LogLevel.DEBUG:
        found.append(
            '[log] level: "debug" is slow and writes a lot; wacrmd log-level debug --for 10 is for ten minutes only'
        )
    if not config.log.mask_phone_numbers:
        found.append("[log] mask_phone_numbers: the log contains full phone numbers")
    if not config.optout.stop_keywords:
        found.append(
            "[optout] stop_keywords: nobody can opt out by a message; only WhatsApp's own setting still works"
        )
    return found


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
