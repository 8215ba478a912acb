"""A CSV file of opt-outs: its columns, and each row as the cells that the daemon needs. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wacrmd.domain.address import is_user_id
from wacrmd.domain.column_names import columns_named, is_detail_name
from wacrmd.domain.people_file import PeopleFile

EXPORTED = ("phone", "user_id", "source", "detail", "created_at", "broadcast_id")
"""The columns of an export of one account; that of all accounts begins with `ACCOUNT`."""
ACCOUNT = "account"

USER_ID_NAMES = ("user_id", "bsuid")
SENT = ("phone", "user_id", "detail")
"""The columns with which the command sends a file to the daemon."""


@dataclass(frozen=True, slots=True)
class OptOutRow:
    """One row: its line, its text in the file, and either its cells or the problem for which it has none."""

    line: int
    text: str
    address: str = ""
    user_id: str = ""
    detail: str = ""
    """The note as it stands in the file, on one line; see csv_export.unescape_formula."""
    account: str | None = None
    """Only in an export of all accounts: to whose list the person belongs."""
    problem: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing in it says who it is."""
        return not (self.address or self.user_id)


class OptOutFile:
    """The rows of a file of opt-outs, in order; raises CsvError for one whose phone column is not certain."""

    def __init__(self, lines: Iterable[str], *, column: str | None = None) -> None:
        self.file = PeopleFile(lines, column=column, others=USER_ID_NAMES, escaped=True)
        names, chosen = self.file.columns.names, self.file.columns.chosen
        self._user_id = None if chosen else next(iter(columns_named(names, USER_ID_NAMES)), None)
        self._detail = next((at for at, name in enumerate(names) if is_detail_name(name)), None)
        self._account = 0 if tuple(names) == (ACCOUNT, *EXPORTED) else None

    def __iter__(self) -> Iterator[OptOutRow]:
        for row in self.file:
            problem = self.file.problem(row) or self._shifted(row.cells)
            if problem is not None:
                yield OptOutRow(row.line, row.text, problem=problem)
                continue
            address, user_id = self.file.address(row.cells), _cell(row.cells, self._user_id)
            if address and not is_user_id(user_id):
                user_id = ""  # that of a shop or of a website; the number says who it is
            yield OptOutRow(
                row.line,
                row.text,
                address,
                user_id,
                " ".join(_cell(row.cells, self._detail).split()),
                None if self._account is None else _cell(row.cells, self._account),
            )

    def _shifted(self, cells: list[str]) -> str | None:
        """Why the cells may stand in other columns than the header's: there are more of them."""
        names, before = self.file.columns.names, self.file.columns.before_address
        if before and names and any(cells[len(names) :]):
            return f"has {len(cells)} cells and the header has {len(names)}: put text with a separator into quotes"
        return None


def _cell(cells: list[str], at: int | None) -> str:
    return cells[at] if at is not None and at < len(cells) else ""
