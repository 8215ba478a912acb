"""Comments and documents cite only what is in this repository: files that exist, and sections of them."""

import re
from pathlib import Path

from tests.docs.pages import TOP, anchors, headings, markdown_files, text_files
from tests.support.table import rows

OUTSIDE = re.compile(
    r"\bcontract\.md|\bcontract (section )?\d|\bthe contract\b|\bdesign\.md|\bdesign (section )?\d\.\d"
    r"|\bmeta-cloud-api\b|\bpeers\.md|\bstyle\.md|(?<![\w/-])\.{0,2}/?shared/"
)
OF_OUTSIDE = ("contract", "design", "meta-cloud-api", "peers.md", "style.md", "shared/")
"""One of them is in whatever `OUTSIDE` finds; to look for it first takes a tenth of the time."""
FILE = re.compile(
    r"(?<![\w/.-])((?:docs|contrib|tests|bench|wacrmd)/[\w./-]*\w\.(?:md|py|toml|conf|yml|json|service|sql))\b"
)
SECTION = re.compile(r"(docs/[\w/-]+\.md), (\"?)([A-Z`][^)]*)")
HERE = Path(__file__).resolve()
FILES = [file for file in text_files() if file != HERE]


def running_text(file: Path) -> str:
    """The text with each line break, and the comment sign that follows it, as one space."""
    return re.sub(r"\n[ \t]*(?:#+ |-- )?[ \t]*", " ", file.read_text())


def section_problems(text: str) -> list[str]:
    """Sections in the form `docs/page.md, Section` that the page does not have."""
    problems = []
    for page, _, words in SECTION.findall(text):
        known = headings(TOP / page) if (TOP / page).exists() else ()
        rest = words
        while rest:
            found = max((h for h in known if rest.startswith(h)), key=len, default=None)
            if found is None:
                problems.append(f"{page} has no section {rest[:40]!r}")
                break
            after = re.match(r"\"? and (?=[A-Z])", rest[len(found) :])
            rest = rest[len(found) + after.end() :] if after else ""
    return problems


@rows("file", FILES)
def test_only_files_and_sections_of_this_repository_are_cited(file: Path) -> None:
    text = running_text(file)
    if any(word in text for word in OF_OUTSIDE):
        assert not [match[0] for match in OUTSIDE.finditer(text)]
    assert not [cited for cited in FILE.findall(text) if not (TOP / cited).exists()]
    assert not section_problems(text)


def test_an_unknown_section_is_noticed() -> None:
    assert not section_problems("(docs/meta.md, Errors and Answers); then (docs/meta.md, Sending)")
    assert section_problems("(docs/meta.md, Errors and Riddles)") == ["docs/meta.md has no section 'Riddles'"]
    assert section_problems("see docs/nowhere.md, Errors.")


def test_each_relative_link_leads_to_a_file_and_a_heading() -> None:
    bad = []
    for file in markdown_files():
        text = re.sub(r"```.*?```|`[^`\n]*`", "", file.read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            page = (file.parent / path).resolve() if path else file
            if not page.exists() or (anchor and page.suffix == ".md" and anchor not in anchors(page)):
                bad.append(f"{file.relative_to(TOP)}: {target}")
    assert not bad


def test_the_readme_names_each_document() -> None:
    readme = (TOP / "README.md").read_text()
    missing = [
        f"docs/{page.name}" for page in (TOP / "docs").glob("*.md") if f"](docs/{page.name})" not in readme
    ]
    assert not missing


def test_the_decision_records_are_numbered_without_holes() -> None:
    records = sorted((TOP / "docs/adr").glob("*.md"))
    assert [record.name[:4] for record in records] == [f"{n:04}" for n in range(1, len(records) + 1)]
    assert [headings(record)[0].split(".")[0] for record in records] == [
        str(n) for n in range(1, len(records) + 1)
    ]
