"""The settings, make targets and modules that documents name exist."""

import re
from pathlib import Path

from tests.docs.pages import TOP, markdown_files
from tests.support.table import rows
from wacrmd.config.sections import SECTIONS

MAKEFILE = (TOP / "Makefile").read_text()


@rows("file", markdown_files())
def test_each_name_in_a_document_exists(file: Path) -> None:
    text = file.read_text()
    for section, key in re.findall(r"`\[(\w+)\] (\w+)", text):
        assert key in SECTIONS[section].model_fields, f"[{section}] {key}"
    for target in re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), f"make {target}"
    for path in re.findall(r"`((?:wacrmd|tests|contrib|bench)/[\w./-]*)`", text):
        assert (TOP / path).exists(), path


def test_the_readme_and_the_architecture_list_the_packages() -> None:
    code = TOP / "wacrmd"
    readme = (TOP / "README.md").read_text()
    listed = re.findall(r"\bwacrmd/[\w/.]*\w/?", readme)
    assert not [path for path in listed if not (TOP / path).exists()]
    table = (TOP / "docs/architecture.md").read_text().split("## The packages")[1].split("\n## ")[0]
    named = set(re.findall(r"`([\w.]+)/?`", table))
    modules = {
        each.name
        for each in code.iterdir()
        if (each.is_dir() or each.suffix == ".py") and not each.name.startswith("__")
    }
    assert modules <= named
