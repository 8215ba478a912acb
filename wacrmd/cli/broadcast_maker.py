"""Makes a broadcast of the recipients in a file: in one call, or of more than one call holds as a draft.

Both are checked first, in the same words, and then sent.
"""

import csv
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Self

import click
import orjson

from wacrmd.cli.client import call, stream
from wacrmd.cli.frame import Session
from wacrmd.cli.plan import PLAN_PARTS
from wacrmd.errors import WacrmdError, counted
from wacrmd.fields import JsonObject

if TYPE_CHECKING:
    from wacrmd.domain.recipient_file import RecipientFile

LARGE = 1000
"""More recipients than this are never sent in one call; `[limits] max_recipients` says how many are."""
PREVIEW_ROWS = 5
ASK_S = 0.2
"""How often is asked how far a check or the preparing is."""

_LINE = re.compile(r"\bline (\d+)\b")
_CONTENT = ("header", "buttons", "components")


def maker_of(session: Session, sheet: "RecipientFile", asked: JsonObject) -> "OneCall | LargeBroadcast":
    """What makes the broadcast; `asked` are the parameters of `broadcast.create`."""
    return (LargeBroadcast if len(sheet.rows) > LARGE else OneCall)(session, sheet, asked)


class OneCall:
    """The recipients fit into one call. A context manager, as the other one."""

    def __init__(self, session: Session, sheet: "RecipientFile", asked: JsonObject) -> None:
        self._session = session
        self._sheet = sheet
        self._asked = asked

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is stored that was not sent."""

    def check(self) -> JsonObject:
        """What would be sent."""
        return self._call(dry_run=True)

    def send(self) -> JsonObject:
        """Send it."""
        return self._call()

    def json(self, *, dry_run: bool) -> tuple[Exception | None, JsonObject]:
        """The result for programs, with every line that is left out; and why the daemon refuses it, if it does."""
        from wacrmd.admin.protocol import RpcError  # noqa: PLC0415 - the help must not load it

        refused = None
        try:
            result = self._call(dry_run=dry_run)
        except RpcError as error:
            if dry_run or error.reason != "bad_request":
                raise
            refused, result = error, self._call(dry_run=True)
        if "left_out" not in result and (result["duplicates"] or result["suppressed"]):
            result["left_out"] = self._call(dry_run=True)["left_out"]
        result["left_out"] = list(self._not_sent(result.get("left_out", ())))
        return refused, result

    def _not_sent(self, found: Iterable[JsonObject]) -> Iterator[JsonObject]:
        """The lines with a valid number to which nothing is sent, and why."""
        rows = self._sheet.rows
        for one in found:
            for row in rows[one["index"] : one["index"] + 1]:
                same = None if one["same_as"] is None else rows[one["same_as"]].line
                reason = "has opted out" if same is None else f"is the same person as line {same}"
                yield {"line": row.line, "index": one["index"], "to": row.to, "reason": reason}

    def _call(self, *, dry_run: bool | None = None) -> JsonObject:
        """Call the daemon; raises ClickException for more recipients than fit into one call."""
        from wacrmd.admin.protocol import RpcError  # noqa: PLC0415 - the help must not load it

        try:
            found: JsonObject = call(self._session, "broadcast.create", **self._asked, dry_run=dry_run)
        except RpcError as error:
            if error.reason != "payload_too_large":
                raise
            raise click.ClickException(
                f"too much for one broadcast: {counted(len(self._asked['recipients']), 'recipient')} with these parameters; "
                "split the file"
            ) from None
        return found


class LargeBroadcast:
    """The draft of a file's recipients; a context manager that throws it away unless it was sent.

    `asked` are the parameters of `broadcast.create`.
    """

    def __init__(self, session: Session, sheet: "RecipientFile", asked: JsonObject) -> None:
        self._session = session
        self._sheet = sheet
        self._asked = asked
        self._sent = False
        new = {
            name: asked[name]
            for name in ("account", "name", "template_name", "template_language", "from", *PLAN_PARTS)
        }
        content = {name: asked[name] for name in _CONTENT if name in asked}
        self._draft: JsonObject = call(
            session, "draft.create", **new, scheduled_at=asked["scheduled_at"], **content
        )

    @property
    def id(self) -> str:
        """The id of the draft, and of the broadcast."""
        return str(self._draft["id"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._sent:
            try:
                call(self._session, "draft.discard", id=self.id)
            except (WacrmdError, OSError):  # it is deleted when nobody has changed it for long
                return

    def check(self) -> JsonObject:
        """What would be sent, as a dry run of `broadcast.create` says it. Raises ClickException if it cannot be checked."""
        with tempfile.TemporaryFile() as file:
            self._write(file)
            name = self._asked["name"][:200]
            call(
                self._session,
                "draft.upload",
                id=self.id,
                name=name,
                format="jsonl",
                descriptors=[file.fileno()],
            )
        call(self._session, "draft.check", id=self.id)
        shown = self._until_not("checking", "Checking")
        if (found := shown["check"]) is None:
            raise click.ClickException(shown["problem"] or "the draft could not be checked")
        return self._as_dry_run(shown, found)

    def send(self) -> JsonObject:
        """Send it, as `broadcast.create` answers. Raises ClickException if it cannot be sent any more."""
        call(self._session, "draft.send", id=self.id)
        self._sent = True
        shown = self._until_not("preparing", "Preparing")
        shown = self._until_not("returning", "Taking back")
        if shown["state"] != "sent":
            self._sent = False
            raise click.ClickException(shown["problem"] or "the draft was not sent")
        made = call(self._session, "broadcast.show", id=self.id)
        return {
            "broadcast_id": made["id"],
            "status": made["status"],
            "accepted": made["total_recipients"],
            "total_recipients": made["total_recipients"],
            "account": shown["account"],
        }

    def json(self, *, dry_run: bool) -> tuple[Exception | None, JsonObject]:
        """The result for programs, with every line that is left out; and why it cannot be sent, if it cannot."""
        found = self.check()
        found["left_out"] = list(self._left_out())
        if dry_run:
            return None, found | {"dry_run": True}
        if found["problems"]:
            first = found["problems"][0]
            return click.ClickException(f"{first['path']}: {first['message']}"), found
        counts = (
            "rejected",
            "duplicates",
            "suppressed",
            "rejections",
            "warnings",
            "template_warnings",
            "left_out",
        )
        return None, {name: found[name] for name in counts} | self.send()

    def _left_out(self) -> Iterator[JsonObject]:
        """The lines with a valid number to which nothing is sent, and why."""
        for which in ("duplicates", "opted_out"):
            for reason, line, to in self._lines(which):
                index = int(line) - 1
                yield {
                    "line": self._sheet.rows[index].line,
                    "index": index,
                    "to": to,
                    "reason": self._told(reason),
                }

    def _write(self, file: IO[bytes]) -> None:
        """The recipients as JSON lines: the daemon reads no line in another way than this command has shown."""
        names = self._asked["parameter_names"]
        named = names if names and self._is_named() else None
        for recipient in self._asked["recipients"]:
            params = recipient.get("params")
            if named and isinstance(params, list):
                recipient = {**recipient, "params": dict(zip(named, params, strict=True))}  # noqa: PLW2901 - as sent
            file.write(orjson.dumps(recipient) + b"\n")
        file.flush()

    def _is_named(self) -> bool:
        """Whether the template is known to have named parameters."""
        found = call(self._session, "draft.columns", id=self.id)["placeholders"] or ()
        body = [each["key"].removeprefix("body.") for each in found if each["key"].startswith("body.")]
        return any(not key.isdecimal() for key in body)

    def _as_dry_run(self, shown: JsonObject, found: JsonObject) -> JsonObject:
        rejections = [
            {"index": int(line) - 1, "to": to, "reason": self._told(reason)}
            for reason, line, to in self._lines("rejected")
        ]
        rows = [self._row(row) for row in range(min(found["accepted"], PREVIEW_ROWS))]
        sent_as = {row["line"] - 1: row["to"] for row in rows}
        number = next(each for each in call(self._session, "number.list") if each["id"] == shown["from"])
        status = "scheduled" if self._asked["scheduled_at"] else "sending"
        return {
            "status": None if found["problems"] else status,
            "accepted": found["accepted"],
            "total_recipients": found["accepted"],
            "rejected": len(rejections),
            "duplicates": found["duplicates"] + found["same_person"],
            "suppressed": found["opted_out"],
            "rejections": rejections,
            "warnings": [
                {"index": each["line"] - 1, **{name: each[name] for name in ("to", "sent_as", "message")}}
                for each in found["guessed_lines"]
            ],
            "warnings_summary": found["guesses"],
            "template_warnings": found["warnings"],
            "sent_as": [sent_as.get(at) for at in range(min(len(self._sheet.rows), PREVIEW_ROWS))],
            "problems": found["problems"],
            "from": shown["from"],
            "number": number,
            "account": shown["account"],
            "message": rows[0]["text"] if rows else None,
            "template_synced_at": found["template_synced_at"],
            "route": shown["route"],
            "expected_duration_s": found["expected_duration_s"],
            "cost": shown["cost"],
            "forecast": shown["forecast"],
            **{name: shown[name] for name in PLAN_PARTS},
        }

    def _row(self, number: int) -> JsonObject:
        row: JsonObject = call(self._session, "draft.row", id=self.id, row=number)
        return row

    def _lines(self, which: str) -> Iterator[Sequence[str]]:
        """Reason, line and number of each line of a download."""
        text = "".join(stream(self._session, "draft.left-out", id=self.id, which=which))
        rows = csv.reader(text.splitlines())
        next(rows, None)
        yield from rows

    def _told(self, reason: str) -> str:
        """A reason with the lines of the file that was read, not of the one that was uploaded."""
        return _LINE.sub(lambda found: f"line {self._sheet.rows[int(found[1]) - 1].line}", reason)

    def _until_not(self, state: str, words: str) -> JsonObject:
        """The draft once it is not in this state any more, with a bar on a terminal."""
        with _bar(words) as tell:
            while (shown := call(self._session, "draft.show", id=self.id))["state"] == state:
                if shown["progress"]:
                    tell(shown["progress"]["done"], shown["progress"]["total"])
                time.sleep(ASK_S)
        return dict(shown)


@contextmanager
def _bar(words: str) -> Iterator[Any]:
    """Shows how far something is on a terminal, if it takes long enough to be asked twice."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(words, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
