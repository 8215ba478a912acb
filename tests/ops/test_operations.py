"""The commands, settings, hold reasons and metrics that the guides name exist."""

import re
import shlex
from pathlib import Path

import click
import pytest

from tests.docs.pages import markdown_files
from tests.support.table import rows
from wacrmd.cli.main import root
from wacrmd.config.sections import SECTIONS
from wacrmd.domain.hold import HoldReason
from wacrmd.metrics import Metrics

TOP = Path(__file__).parents[2]
GUIDES = (*markdown_files(), TOP / "contrib/prometheus/wacrmd.rules.yml")
TEXT = (TOP / "docs/operations.md").read_text()


UNQUOTED = r"(?=(?:[^']*'[^']*')*[^']*$)"


def commands(text: str) -> list[str]:
    """Every command line of wacrmd in code blocks, inline code and the actions of alerts."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    inline = re.findall(r"`((?:sudo )?wacrmd [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    actions = re.findall(r"action: (.*)", text)
    parts = [
        part
        for line in (*lines, *inline, *actions)
        for part in re.split(rf"[;|>]|&&|(?:, | then | or ){UNQUOTED}", line)
    ]
    return [
        re.sub(r"^(sudo )?(-u wacrmd )?", "", part.strip())
        for part in parts
        if re.match(r"(sudo )?wacrmd [a-z-]", part.strip())
    ]


FOUND = sorted({command for guide in GUIDES for command in commands(guide.read_text())})


def test_the_guides_contain_commands() -> None:
    assert len(FOUND) > 40


@rows("line", FOUND)
def test_each_command_of_the_guides_exists_with_its_options(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = root
    context = click.Context(root, info_name="wacrmd", resilient_parsing=True)
    while isinstance(command, click.Group):
        if not words:
            return  # a noun without a verb
        found = command.get_command(context, words[0])
        if found is None and not words[0].islower():
            return
        assert found is not None, f"there is no '{line}'"
        command, words = found, words[1:]
    options = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
    for word in words:
        if word.startswith("--"):
            assert word in options, f"'{line}' knows no {word}"


def test_each_setting_that_the_guide_names_exists() -> None:
    named = set(re.findall(r"`\[(\w+)\] (\w+)", TEXT))
    assert len(named) > 5
    for section, key in named:
        assert key in SECTIONS[section].model_fields, f"[{section}] {key}"
    kept = set(re.findall(r"`(\w+_days)`", TEXT))
    assert kept == set(SECTIONS["retention"].model_fields)


def test_each_reason_of_a_hold_is_explained() -> None:
    named = set(re.findall(r"`([a-z_]+)`", TEXT[TEXT.index("| hold |") : TEXT.index("### Messages fail")]))
    assert {reason.value for reason in HoldReason} - named <= {"draining", "number_removed"}


def test_each_metric_of_the_guide_exists() -> None:
    names = {family.name for family in Metrics().registry.collect()}
    for name in re.findall(r"\bwacrmd_[a-z]+_[a-z_]+", TEXT):
        assert name.removesuffix("_total") in names, name


@pytest.mark.parametrize("sample", ["contrib/nginx/wacrmd.conf", "contrib/caddy/Caddyfile"])
def test_the_proxy_samples_forward_only_the_webhook_path(sample: str) -> None:
    text = (TOP / sample).read_text()
    webhooks = SECTIONS["webhooks"]()
    bind, path = str(getattr(webhooks, "bind")), str(getattr(webhooks, "path"))  # noqa: B009 - a Section has no keys
    plain = "\n".join(line.split("#")[0] for line in text.splitlines())
    assert set(re.findall(r"127\.0\.0\.1:\d+", plain)) == {bind}
    assert f" {path}" in plain
    assert "404" in plain
