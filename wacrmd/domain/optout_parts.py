"""A file of opt-outs in parts that fit into one call each, and which of its rows were left out. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import orjson

from wacrmd.domain.csv_export import csv_lines
from wacrmd.domain.optout_file import SENT, OptOutRow

PART_BYTES = 700 * 1024
"""How much of a file goes into one call, as JSON writes it. A line of the admin protocol may have 1 MiB."""
PART_ROWS = 10_000
"""Rows in one call: as many rejected ones as the daemon lists."""

MAX_ACCOUNT = 100
"""Characters of a name that an account can have."""

_HEADER = csv_lines([SENT])


@dataclass
class OptOutPart:
    """Rows for the list of one account, and rows that were left out already, each with the reason."""

    account: str | None
    is_named_by_file: bool
    """Whether the file names the account of each row."""
    rows: list[OptOutRow] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    left_out: list[tuple[OptOutRow, str]] = field(default_factory=list)
    size: int = 0

    @property
    def is_full(self) -> bool:
        """Whether another row may be too much."""
        return self.size >= PART_BYTES or len(self.rows) + len(self.left_out) >= PART_ROWS

    @property
    def csv(self) -> str:
        """The text of the rows as `optout.import` takes it."""
        return _HEADER + "".join(self.lines)

    def row(self, line: int) -> OptOutRow:
        """The row of a line of this text."""
        place = line - 2
        return self.rows[place] if 0 <= place < len(self.rows) else OptOutRow(line, "")

    def reject(self, errors: Iterable[tuple[int, str]]) -> None:
        """Leave out the rows of these lines of the text, each for its reason."""
        self.left_out += [(self.row(line), reason) for line, reason in errors]

    def reject_all(self, reason: str) -> None:
        """Leave out all rows."""
        self.left_out += [(row, reason) for row in self.rows]

    def rejected(self) -> list[tuple[OptOutRow, str]]:
        """The rows that were left out, in the order of the file."""
        return sorted(self.left_out, key=lambda each: each[0].line)


def parts_of(rows: Iterable[OptOutRow], account: str | None) -> Iterator[OptOutPart]:
    """The rows in parts, each as soon as it is full; `account` is the one that is named for the whole file."""
    parts: dict[str | None, OptOutPart] = {}
    for row in rows:
        part = parts.setdefault(
            row.account, OptOutPart(account or row.account, is_named_by_file=row.account is not None)
        )
        _add(part, row, account)
        if part.is_full:
            yield parts.pop(row.account)
    yield from parts.values()


def _add(part: OptOutPart, row: OptOutRow, account: str | None) -> None:
    """Put a row into a part: as a line, or with the reason why it is none."""
    line = csv_lines([[" ".join(cell.split()) for cell in (row.address, row.user_id, row.detail)]])
    size = len(orjson.dumps(line))
    problem = row.problem
    if problem is None and row.is_empty:
        problem = "expected a phone number or a user id, found neither"
    if problem is None and size > PART_BYTES:
        problem = f"has more than {PART_BYTES} characters"
    if problem is None and row.account is not None and not 0 < len(row.account.strip()) <= MAX_ACCOUNT:
        # The daemon would refuse the call, and with it the import of all rows below.
        problem = "names no account: its first cell should have the name of one"
    if problem is None and row.account is not None and account not in (None, row.account):
        problem = (
            f"belongs to account {row.account}: name no account to import each person to their own account"
        )
    if problem is not None:
        part.left_out.append((row, problem))
        return
    part.rows.append(row)
    part.lines.append(line)
    part.size += size
