"""Somebody's texts hold characters that control a terminal: no command passes one on to it, and no log line."""

import io
import json
import os
import re
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path

import anyio.to_thread
import pytest

from tests.support.patience import PATIENCE_S
from tests.support.site import PHONE_NUMBER_ID, Site, people, phones, site
from tests.support.terminal import stdout_on_a_terminal
from wacrmd import log
from wacrmd.cli.main import main
from wacrmd.store.database import Tx

pytestmark = pytest.mark.anyio

POISON = "\x1b]0;owned\x07\x1b[2J\x9b2J\x7f\u202eabc\u2066\r"
"""The title of the window, a cleared screen in two forms, a hidden character, and text that runs backwards."""

OWN = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[2K|\x1b\[1A|\r(?=\r*\n|\x1b\[2K|$)|[\n\t]")
"""What commands themselves write: colours, and a picture that is drawn again."""

TEXTS = {
    "account": ("name",),
    "number": ("label", "display_phone", "verified_name", "hold_detail", "quality", "limit_tier"),
    "api_key": ("name",),
    "broadcast": ("name", "template_name", "template_language", "hold_detail"),
    "recipient": ("error_title", "error_details", "wamid", "wa_id", "user_id"),
    "other_message": ("wamid",),
    "template": ("name", "language", "status", "category", "quality", "reason"),
    "template_sync": ("error",),
    "optout": ("detail",),
    "webhook_endpoint": ("url", "disabled_reason"),
    "account_notice": ("kind", "detail"),
    "audit": ("user",),
    "button_reply": ("button",),
    "pricing": ("category", "type"),
    "template_click": ("template_name", "template_language", "button"),
}
"""Texts from outside, by table."""

COMMANDS = (
    ("status",),
    ("doctor",),
    ("account", "list"),
    ("number", "list"),
    ("number", "show", PHONE_NUMBER_ID),
    ("key", "list"),
    ("broadcast", "list"),
    ("broadcast", "show", "ID"),
    ("broadcast", "watch", "ID"),
    ("broadcast", "recipients", "ID"),
    ("broadcast", "export", "ID"),
    ("broadcast", "export", "ID", "--format", "jsonl"),
    ("template", "list"),
    ("stats", "--by", "template"),
    ("optout", "list"),
    ("optout", "export", "--account", "ACCOUNT"),
    ("webhook", "list"),
    ("webhook", "deliveries", "HOOK"),
    ("audit",),
    ("export-person", phones(1)[0]),
    ("broadcast", "show", "nobody" + POISON),
    ("broadcast", "create", "--account", "ACCOUNT", "--template", "hello", "--csv", "FILE", "--dry-run"),
    ("account", "remove", POISON),
    ("optout", "remove", f"\udcff{POISON}", "--account", "ACCOUNT"),
    ("optout", "remove", POISON, "--account", "ACCOUNT"),
    ("check-config", "--config", POISON.replace("\x1b", "") + ".toml"),
)


def poison(tx: Tx) -> None:
    tx.execute(
        "INSERT INTO template_click (waba_id, day, template_name, template_language, is_marketing, button, people)"
        " SELECT waba_id, unixepoch() / 86400, 'hello', 'en_US', 0, 'Shop', 3 FROM number"
    )
    for table, columns in TEXTS.items():
        for column in columns:
            whole = f"coalesce({column} || char(10), '') || hex(randomblob(4)) || ?"
            tx.execute(f"UPDATE {table} SET {column} = {whole}", (POISON,))
    for table, column in (("recipient", "params"), ("audit", "params"), ("recipient_history", "detail")):
        bad = json.dumps(
            [POISON] if column == "params" and table == "recipient" else {"name": POISON, "error": POISON}
        )
        tx.execute(f"UPDATE {table} SET {column} = ? WHERE {column} IS NOT NULL", (bad,))


def controls(text: str) -> list[str]:
    """The control characters in a text that are not of our own."""
    bidi = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    rest = OWN.sub("", text)
    return [
        each for each in rest if unicodedata.category(each) == "Cc" or unicodedata.bidirectional(each) in bidi
    ]


def look(here: Site, capsys: pytest.CaptureFixture[str], line: list[str]) -> str:
    """What a command writes to a terminal, errors included."""
    capsys.readouterr()
    with stdout_on_a_terminal() as terminal:
        main(["--socket", str(here.socket), *line])
    return terminal.text + capsys.readouterr().err


@pytest.fixture
async def poisoned(tmp_path: Path) -> AsyncIterator[tuple[Site, dict[str, str]]]:
    async with site(tmp_path, failed_recipients=(f"{phones(2)[1]}=131049",)) as here:
        await here.admin("webhook.add", account="shop", url="https://crm.example.com/x")
        await here.admin("optout.add", account="shop", phone=phones(9)[8])
        await here.admin("template.sync")
        sent = await here.send(people(3))
        await here.until(sent, lambda shown: shown["failed_count"] == 1 and shown["delivered_count"] > 0)
        await here.admin("number.pause", id=PHONE_NUMBER_ID, reason="closed")
        held = await here.send(people(2))
        (hook,) = await here.admin("webhook.list")
        (account,) = await here.admin("account.list")
        await here.running.ctx.db.write(poison)
        file = tmp_path / f"{POISON.replace('/', '')}.csv"
        file.write_text(f'to,"{POISON}",name\n{phones(1)[0]},a,b\nnobody,"{POISON}",b\n', "utf-8")
        yield (
            here,
            {"ID": sent, "HELD": held, "HOOK": hook["id"], "ACCOUNT": account["id"], "FILE": str(file)},
        )


@pytest.mark.exhaustive(only=True)
async def test_no_command_passes_a_control_character_on_to_a_terminal(
    poisoned: tuple[Site, dict[str, str]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, ids = poisoned
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    seen = 0
    for command in COMMANDS:
        line = [ids.get(each, each) for each in command]
        for options in ((), ("--json",)):
            with anyio.fail_after(PATIENCE_S):
                text = await anyio.to_thread.run_sync(look, here, capsys, [*line, *options])
            assert not controls(text), (line, options, controls(text), text)
            seen += "owned" in text
    assert seen > len(COMMANDS)


async def test_json_in_a_pipe_is_exact(
    poisoned: tuple[Site, dict[str, str]], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    here, _ = poisoned
    await anyio.to_thread.run_sync(main, ["--socket", str(here.socket), "--json", "key", "list"])
    (key,) = json.loads(capfdbinary.readouterr().out)
    assert key["name"].endswith(POISON)


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_log_line_holds_none(form: str) -> None:
    level, stream, processors = log.level(), log._output.stream, log._processors[:]
    try:
        written = io.StringIO()
        log.configure("info", form, stream=written)
        log.get_logger("x").info("sent", detail=POISON, parts=[POISON], **{f"name{POISON}": {"a": POISON}})
        assert "owned" in written.getvalue()
        assert not controls(written.getvalue()), written.getvalue()
    finally:
        log.configure(level, "json", stream=stream)
        log._processors[:] = processors


def test_the_poison_is_one() -> None:
    assert len(controls(POISON)) > 5
    assert os.linesep not in POISON
