"""The configuration and the key file as somebody may damage them: used, or refused with a sentence."""

from pathlib import Path

import pytest
from hypothesis import given

from tests.fuzz.effort import examples
from tests.fuzz.mutations import mutated_bytes, mutated_text
from wacrmd import key_file
from wacrmd.config import parse
from wacrmd.errors import ConfigError, KeyFileError

CONFIG = (Path(__file__).parents[2] / "config.example.toml").read_text(encoding="utf-8")
SECTIONS = [
    "\n".join(line.removeprefix("# ") for line in block.splitlines() if "=" in line or line.startswith("["))
    for block in CONFIG.split("\n\n")
    if "[" in block
]
KEY = b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"


@examples(60)
@given(
    mutated_text(
        SECTIONS,
        [
            "[a]\n",
            "=",
            '"',
            "'''",
            "1e9",
            "-1",
            "inf",
            "[",
            "{",
            "2026-01-01",
            "\n",
            "true",
            "9" * 5000,
            "0x" + "F" * 5000,
            "[" * 5000,
            "\\u0000",
        ],
    )
)
def test_a_configuration_is_read_or_refused_with_a_reason(text: str) -> None:
    try:
        parse(text, "config.toml")
    except ConfigError as error:
        assert str(error)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("key")


@examples(60)
@given(
    mutated_bytes(
        [KEY, KEY * 2, b"# rotated\n" + KEY],
        [b"=", b"\n", b"\r\n", b"#", b" ", b"\xff", b"\0", b"A" * 70_000],
    )
)
def test_a_key_file_is_read_or_refused_with_a_reason(folder: Path, content: bytes) -> None:
    path = folder / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    try:
        vaults = key_file.read(path)
    except KeyFileError as error:
        assert str(path) in str(error)
        return
    assert vaults
