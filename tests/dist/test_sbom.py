"""The lists of what the products contain are valid CycloneDX, complete, and agree with the lock file.

Those that need the products run with `make dist-test`, the others always.
"""

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from wacrmd import __version__

ROOT = Path(__file__).parents[2]
DIST = Path(os.environ.get("WACRMD_DIST", "nowhere")).absolute()

needs_products = pytest.mark.skipif("WACRMD_DIST" not in os.environ, reason="make dist-test runs these")


@pytest.fixture(scope="module")
def sbom() -> Iterator[ModuleType]:
    """The program of contrib/, which is no package."""
    spec = importlib.util.spec_from_file_location("sbom", ROOT / "contrib/executable/sbom.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["sbom"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["sbom"]


def check_is_valid(text: str) -> None:
    """By the official schema, which comes with pip-audit."""
    reason = "the environment is older than the lock file: make venv"
    validation = pytest.importorskip("cyclonedx.validation.json", reason=reason)
    version = pytest.importorskip("cyclonedx.schema").SchemaVersion.V1_6
    assert validation.JsonStrictValidator(version).validate_str(text) is None


def names(document: dict[str, Any]) -> set[str]:
    return {each["name"] for each in document["components"]}


def pins() -> set[tuple[str, str]]:
    text = (ROOT / "requirements.lock").read_text()
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", text, re.MULTILINE))


def vendored() -> dict[str, str]:
    """The packages whose files browsers load, with the versions."""
    rows = re.findall(r"^\|[^|]+\| ([\w.-]+) \(.*?\) \| (\S+) \|", (ROOT / "wacrmd/dashboard/VENDORED.md").read_text(), re.M)
    return dict(rows)


def test_the_list_of_the_wheel_is_the_lock_file(sbom: ModuleType, tmp_path: Path) -> None:
    wheel = tmp_path / "wacrmd.whl"
    wheel.write_bytes(b"")
    document = sbom.of_wheel(__version__, [wheel])
    check_is_valid(json.dumps(document))
    of_python = [each for each in document["components"] if each["purl"].startswith("pkg:pypi/")]
    assert {(each["name"], each["version"]) for each in of_python} == pins()
    assert len(document["components"]) == len(of_python) + len(vendored())
    for each in of_python:
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
        (origin,) = each["externalReferences"]
        assert all(re.fullmatch("[0-9a-f]{64}", one["content"]) for one in origin["hashes"])
    graph = {each["ref"]: each["dependsOn"] for each in document["dependencies"]}
    direct = {ref.split("/")[1].split("@")[0] for ref in graph["wacrmd"]}
    assert {"starlette", "cryptography"} <= direct
    assert "h2" not in direct


@pytest.fixture
def tables(tmp_path: Path, sbom: ModuleType) -> Path:
    """PyInstaller's tables of an executable with a library, the interpreter and a file of the machine."""
    import h11  # noqa: PLC0415 - whatever library is in the lock file

    machine = tmp_path.parent / "libmachine.so"
    machine.write_bytes(b"\x7fELF")
    modules = [("h11", str(h11.__file__), "PYMODULE"), ("json", str(json.__file__), "PYMODULE")]
    files = [("libmachine.so", str(machine), "BINARY"), ("base.zip", str(tmp_path / "base.zip"), "DATA")]
    for table, entries in (("PYZ-00.toc", modules), ("PKG-00.toc", []), ("COLLECT-00.toc", files)):
        (tmp_path / table).write_text(repr(("x", entries)))
    return tmp_path


def test_the_list_of_an_executable_has_what_stands_in_it(sbom: ModuleType, tables: Path) -> None:
    if sbom.Environment().distributions["h11"].version != dict(pins())["h11"]:
        pytest.skip("the environment is older than the lock file: make venv")
    document = sbom.of_executable(tables, __version__, [])
    check_is_valid(json.dumps(document))
    assert names(document) == {"h11", "CPython", "libmachine.so", "pyinstaller", *vendored()}


def test_the_lists_have_what_browsers_load(sbom: ModuleType) -> None:
    document = sbom.of_wheel(__version__, [])
    found = {each["name"]: each for each in document["components"] if "pkg:npm/" in each["purl"]}
    assert found.keys() == vendored().keys() > {"htmx.org"}
    for name, each in found.items():
        (place,) = each["properties"]
        content = (ROOT / place["value"]).read_bytes()
        assert each["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}], name
        assert each["licenses"]


@pytest.mark.parametrize("name", ["pytest", "nobody"])
def test_what_the_lock_file_does_not_pin_may_not_be_in_the_executable(
    sbom: ModuleType, tables: Path, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stray = tmp_path_factory.mktemp("stray") / "nobody.py"
    stray.write_text("")
    source = str(pytest.__file__) if name == "pytest" else str(stray)
    (tables / "PYZ-00.toc").write_text(repr(("x", [(name, source, "PYMODULE")])))
    with pytest.raises(sbom.UnknownContentError, match=name):
        sbom.of_executable(tables, __version__, [])


@needs_products
@pytest.mark.parametrize("kind", ["", ".wheel"])
def test_the_lists_are_beside_the_products_with_a_checksum(kind: str) -> None:
    file = DIST / f"wacrmd-{__version__}{kind}.cdx.json"
    check_is_valid(file.read_text())
    assert file.name in (DIST / "SHA256SUMS").read_text()
    document = json.loads(file.read_text())
    sums = {line.split()[1]: line.split()[0] for line in (DIST / "SHA256SUMS").read_text().splitlines()}
    for origin in document["metadata"]["component"]["externalReferences"]:
        assert origin["hashes"] == [{"alg": "SHA-256", "content": sums[origin["url"]]}]


@needs_products
def test_the_list_of_the_executable_has_all_that_the_executable_has() -> None:
    """Looked up in the file itself, not in the tables from which the list was made."""
    listed = names(json.loads((DIST / f"wacrmd-{__version__}.cdx.json").read_text()))
    program = (
        "import sys\nfrom PyInstaller.archive.readers import CArchiveReader\n"
        "archive = CArchiveReader(sys.argv[1])\nprint(*archive.toc, sep='\\n')\n"
        "print(*archive.open_embedded_archive('PYZ.pyz').toc, sep='\\n')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, DIST / "wacrmd"], capture_output=True, text=True, check=True
    )
    owners = metadata.packages_distributions()
    held = {re.split(r"[./]", line)[0] for line in done.stdout.splitlines()}
    expected = {owner.lower().replace("_", "-") for name in held for owner in owners.get(name, ())} - {"wacrmd"}
    assert "starlette" in expected
    assert expected <= listed
