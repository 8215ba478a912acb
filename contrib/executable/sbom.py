"""Writes what the products of `make dist` contain, as CycloneDX 1.6: `sbom.py BUILD DIST`; BUILD has PyInstaller's tables.

Two files: one for the single executable and the Debian package, whose contents are the same, and one for the wheel, which
has no library of Python in it: it names those that requirements.lock pins. Both name what browsers load from the dashboard.
docs/adr/0024-supply-chain.md says why it is made here.
"""

import ast
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import sysconfig
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
VENDORED = ROOT / "wacrmd/dashboard/VENDORED.md"
"""The table of the files that others wrote and browsers load."""
LOCKS = (ROOT / "requirements.lock", ROOT / "requirements-dev.lock")

TOOLS = ("pyinstaller", "pyinstaller-hooks-contrib")
"""Of the development packages those that put something of their own into the executable: what unpacks and starts it."""

Json = dict[str, Any]

_LOCKED = re.compile(
    r"^([\w.-]+)==([^\s;]+)[^\n]*((?:\n +--hash=sha256:[0-9a-f]{64}(?: \\)?)+)", re.MULTILINE
)
_VENDORED_ROW = re.compile(
    r"^\| (\S+) \| ([\w.-]+) \([^|]+\) \| (\S+) \| (\S+) \| ([0-9a-f]{64}) \|$", re.MULTILINE
)
_LICENSE_FIELD_MAX = 60
"""A longer one is the text of the license and not its name."""


class UnknownContentError(Exception):
    """The executable has something in it that requirements.lock does not pin, or that is of no known package."""


@dataclass(frozen=True)
class Locked:
    """A library as a lock file pins it; `hashes` are the SHA-256 of all its files."""

    name: str
    version: str
    hashes: tuple[str, ...]


def locked(file: Path) -> dict[str, Locked]:
    """The libraries of a lock file by their normalized names."""
    found: dict[str, Locked] = {}
    for name, version, hashes in _LOCKED.findall(file.read_text(encoding="utf-8")):
        found[canonicalize_name(name)] = Locked(name, version, tuple(re.findall("[0-9a-f]{64}", hashes)))
    return found


def not_pinned() -> list[str]:
    """The modules and packages that are installed here and are of no library of requirements.lock."""
    kept = {*locked(LOCKS[0]), "wacrmd"}
    return [
        module
        for module, owners in metadata.packages_distributions().items()
        if kept.isdisjoint(map(canonicalize_name, owners))
    ]


@dataclass
class Environment:
    """The distributions that are installed, and which of them a file is of."""

    @cached_property
    def distributions(self) -> dict[str, metadata.Distribution]:
        """All by their normalized names."""
        return {canonicalize_name(each.name): each for each in metadata.distributions()}

    @cached_property
    def owners(self) -> dict[str, str]:
        """The normalized name of the distribution of each installed file."""
        return {
            os.path.realpath(str(each.locate_file(file))): name
            for name, each in self.distributions.items()
            for file in each.files or ()
        }

    def required_by(self, name: str) -> set[str]:
        """The normalized names of what a distribution requires on this machine."""
        distribution = self.distributions.get(name)
        wanted = [Requirement(text) for text in (distribution.requires if distribution else None) or ()]
        return {
            canonicalize_name(each.name)
            for each in wanted
            if not each.marker or each.marker.evaluate({"extra": ""})
        }


@dataclass
class Contents:
    """What stands in the executable, by where it comes from."""

    distributions: set[str] = field(default_factory=set)
    libraries: dict[str, str] = field(default_factory=dict)
    """Shared libraries of the machine: the path of each by its name in the executable."""

    @classmethod
    def of(cls, build: Path, environment: Environment) -> "Contents":
        """Read PyInstaller's tables; raises UnknownContentError for a file of which nobody knows the package."""
        made = cls({"pyinstaller"})  # its bootloader is what starts
        standard = [os.path.realpath(sysconfig.get_path(name)) + os.sep for name in ("stdlib", "platstdlib")]
        ours = (
            str(ROOT / "wacrmd") + os.sep,
            str(build.resolve()) + os.sep,
            str(Path(__file__).parent) + os.sep,
        )
        for name, source, kind in _tables(build):
            path = os.path.realpath(source)
            if path.startswith(ours) or not source:
                continue
            if owner := environment.owners.get(path):
                if owner != "wacrmd":
                    made.distributions.add(owner)
            elif path.startswith(tuple(standard)) or Path(path).name.startswith("libpython"):
                continue
            elif kind == "BINARY":
                made.libraries[name] = source
            else:
                raise UnknownContentError(f"{name} ({source}) is of no package that is known")
        return made


def _tables(build: Path) -> Iterator[tuple[str, str, str]]:
    for table in ("PYZ-00.toc", "PKG-00.toc", "COLLECT-00.toc"):
        for entries in ast.literal_eval((build / table).read_text(encoding="utf-8")):
            if isinstance(entries, list):
                yield from (entry[:3] for entry in entries if len(entry) >= 3 and entry[2] != "OPTION")  # noqa: PLR2004 - name, source, kind


@dataclass
class Bill:
    """The document: components, and which of them need which."""

    environment: Environment
    locks: Mapping[str, Locked]
    components: dict[str, Json] = field(default_factory=dict)
    """By their `bom-ref`."""
    needs: dict[str, set[str]] = field(default_factory=dict)

    def add_library(self, name: str) -> str:
        """Add a library of the lock; returns its reference."""
        pinned = self.locks.get(name)
        installed = self.environment.distributions.get(name)
        if pinned is None:
            raise UnknownContentError(
                f"{name} is in the executable and not in requirements.lock: wacrmd.spec must exclude it"
            )
        if installed is not None and installed.version != pinned.version:
            found = f"{name} {installed.version} is installed and not {pinned.version} as in the lock file"
            raise UnknownContentError(f"{found}: run make venv")
        ref = f"pkg:pypi/{name}@{pinned.version}"
        origin = {
            "type": "distribution",
            "url": ref,
            "comment": "the files of this version that requirements.lock allows; one of them was installed",
            "hashes": [{"alg": "SHA-256", "content": each} for each in pinned.hashes],
        }
        component: Json = {"type": "library", "name": pinned.name, "version": pinned.version, "purl": ref}
        if installed is not None and (named := _license(installed.metadata)):
            component["licenses"] = [named]
        self._add(ref, {**component, "externalReferences": [origin]})
        return ref

    def add_vendored(self) -> None:
        """Add the files for browsers, which are the same in all products."""
        for file, name, version, license_id, digest in _VENDORED_ROW.findall(
            VENDORED.read_text(encoding="utf-8")
        ):
            ref = f"pkg:npm/{name}@{version}"
            component = {
                "type": "library",
                "name": name,
                "version": version,
                "purl": ref,
                "hashes": [{"alg": "SHA-256", "content": digest}],
                "licenses": [{"license": {"id": license_id}}],
                "properties": [{"name": "wacrmd:file", "value": f"wacrmd/dashboard/static/{file}"}],
            }
            self._add(ref, component)

    def add_python(self) -> str:
        """Add the interpreter with its standard library."""
        ref = f"pkg:generic/python@{platform.python_version()}"
        named = {"license": {"id": "PSF-2.0"}}
        component = {"type": "platform", "name": "CPython", "version": platform.python_version(), "purl": ref}
        self._add(ref, {**component, "licenses": [named]})
        return ref

    def add_system_library(self, name: str, path: str) -> str:
        """Add the package of the machine with this shared library."""
        package = _debian_package(path)
        if package is None:
            digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            hashes = [{"alg": "SHA-256", "content": digest}]
            self._add(f"file:{name}", {"type": "library", "name": name, "hashes": hashes})
            return f"file:{name}"
        ref = package["purl"]
        held = self.components.get(ref, {}).get("properties", [])
        self._add(ref, {**package, "properties": [*held, {"name": "wacrmd:file", "value": name}]})
        return str(ref)

    def _add(self, ref: str, component: Json) -> None:
        self.components[ref] = {"bom-ref": ref, **component}
        self.needs.setdefault(ref, set())

    def relate(self) -> None:
        """Note which library requires which."""
        refs: dict[str, str] = {
            canonicalize_name(each["name"]): ref
            for ref, each in self.components.items()
            if "pkg:pypi/" in ref
        }
        for name, ref in refs.items():
            self.needs[ref] |= {refs[each] for each in self.environment.required_by(name) if each in refs}
        direct = {refs[each] for each in self.environment.required_by("wacrmd") if each in refs}
        others = {ref for ref in self.components if ref not in refs.values()}
        loose = {ref for ref in refs.values() if not any(ref in needed for needed in self.needs.values())}
        self.needs["wacrmd"] = direct | others | loose

    def document(self, version: str, products: Iterable[Path]) -> Json:
        """The whole document for these files."""
        origins = [
            {
                "type": "distribution",
                "url": each.name,
                "hashes": [{"alg": "SHA-256", "content": _sha256(each)}],
            }
            for each in products
        ]
        root = {
            "type": "application",
            "bom-ref": "wacrmd",
            "name": "wacrmd",
            "version": version,
            "licenses": [{"license": {"id": "MIT"}}],
            "purl": f"pkg:generic/wacrmd@{version}",
            "externalReferences": origins,
        }
        body: Json = {
            "components": [self.components[ref] for ref in sorted(self.components)],
            "dependencies": [
                {"ref": ref, "dependsOn": sorted(self.needs[ref])} for ref in sorted(self.needs)
            ],
        }
        moment = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
        facts = {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", moment), "component": root}
        name = json.dumps([root, body], sort_keys=True)
        return {
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}",
            "version": 1,
            "metadata": facts,
            **body,
        }


def _license(fields: Any) -> Json | None:
    """The license that a distribution names: an SPDX expression, or its own words."""
    if expression := fields.get("License-Expression"):
        return {"expression": expression}
    if (
        (name := (fields.get("License") or "").strip())
        and len(name) <= _LICENSE_FIELD_MAX
        and "\n" not in name
    ):
        return {"license": {"name": name}}
    classes = [
        each.rpartition(" :: ")[2]
        for each in fields.get_all("Classifier", [])
        if each.startswith("License ::")
    ]
    return {"license": {"name": ", ".join(classes)}} if classes else None


def _debian_package(path: str) -> Json | None:
    """The package of dpkg that a file is of; None if it is of none."""
    plain = os.path.realpath(path)
    for place in dict.fromkeys((path, plain, f"/usr{path}", plain.removeprefix("/usr"))):
        found = _output("dpkg-query", "--search", place)
        if found:
            package = found.partition(": ")[0].partition(",")[0]
            break
    else:
        return None
    shown = "${Package}\t${Version}\t${Architecture}"
    name, version, architecture = _output("dpkg-query", "--show", f"--showformat={shown}", package).split(
        "\t"
    )
    purl = f"pkg:deb/{_system()}/{name}@{version.replace(':', '%3A').replace('+', '%2B')}?arch={architecture}"
    return {
        "type": "library",
        "name": name,
        "version": version,
        "licenses": [{"license": {"name": _debian_license(name)}}],
        "purl": purl,
    }


def _debian_license(package: str) -> str:
    """The license of most of its files, if a program can read its copyright file."""
    file = Path("/usr/share/doc") / package / "copyright"
    text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
    found = re.search(r"^Files: \*\n(?:.+\n)*?License: *(\S.*)$", text, re.MULTILINE)
    return found[1].strip() if found else f"see {file}"


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - constants, and a path of PyInstaller
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _system() -> str:
    return platform.freedesktop_os_release().get("ID", "debian")


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def of_executable(build: Path, version: str, products: Iterable[Path]) -> Json:
    """What the executable and the Debian package contain."""
    environment = Environment()
    tools = {name: each for name, each in locked(LOCKS[1]).items() if name in TOOLS}
    bill = Bill(environment, tools | locked(LOCKS[0]))
    contents = Contents.of(build, environment)
    for name in sorted(contents.distributions):
        bill.add_library(name)
    python = bill.add_python()
    for name, path in sorted(contents.libraries.items()):
        bill.needs[python].add(bill.add_system_library(name, path))
    bill.add_vendored()
    bill.relate()
    return bill.document(version, products)


def of_wheel(version: str, products: Iterable[Path]) -> Json:
    """What is installed with the wheel, at the versions of the lock."""
    locks = locked(LOCKS[0])
    bill = Bill(Environment(), locks)
    for name in locks:
        bill.add_library(name)
    bill.add_vendored()
    bill.relate()
    return bill.document(version, products)


def main(build: Path, dist: Path) -> None:
    """Write both files."""
    version = metadata.version("wacrmd")
    frozen = [dist / "wacrmd", *sorted(dist.glob("*.deb"))]
    packed = [*sorted(dist.glob("*.whl")), *sorted(dist.glob("*.tar.gz"))]
    for name, document in (
        (f"wacrmd-{version}.cdx.json", of_executable(build, version, frozen)),
        (f"wacrmd-{version}.wheel.cdx.json", of_wheel(version, packed)),
    ):
        (dist / name).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
