"""What a check of a draft finds: who of each batch gets the message, and the sums of all batches."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field

import orjson

from wacrmd.domain.broadcast import Broadcast
from wacrmd.domain.draft import MAX_LISTED, CheckResult
from wacrmd.domain.forecast import places
from wacrmd.domain.market import country_of
from wacrmd.domain.number import Number
from wacrmd.domain.opt_out_buttons import broadcast_warnings
from wacrmd.domain.person import identity
from wacrmd.domain.phone_guess import summary
from wacrmd.domain.template import SyncedTemplate
from wacrmd.errors import MAX_PROBLEMS, Problem, counted
from wacrmd.services.broadcasts.prepare import why_nobody
from wacrmd.services.context import Context
from wacrmd.services.drafts.people import Batch, LeftOut, Person, Source
from wacrmd.store import optouts, people
from wacrmd.store.database import Tx

OPTED_OUT = "has opted out"
NO_PEOPLE = "the list has no people: there is no line below the names of its columns"


@dataclass(slots=True)
class Left:
    """Of one batch: who gets the message, who is an earlier person by another number, and who has opted out."""

    accepted: list[Person] = field(default_factory=list)
    same_person: list[LeftOut] = field(default_factory=list)
    opted_out: list[LeftOut] = field(default_factory=list)


@dataclass(slots=True)
class Seen:
    """The people of the batches before, by their id, or by an address of which nothing is known; and their lines."""

    lines: dict[int | str, int] = field(default_factory=dict)

    def tell_apart(self, tx: Tx, account_id: str, batch: Batch) -> Left:
        """Who of a batch gets the message."""
        known = people.of_addresses(tx, account_id, [each.address for each in batch.people])
        opted_out = optouts.among(tx, set(known.values()))
        left = Left()
        for each in batch.people:
            person = known.get(each.address, identity(each.address))
            first = self.lines.setdefault(person, each.line)
            if first != each.line:
                reason = f"is the same person as line {first}"
                left.same_person.append(LeftOut(each.line, each.to, reason, each.text, each.address))
            elif person in opted_out:
                left.opted_out.append(LeftOut(each.line, each.to, OPTED_OUT, each.text, each.address))
            else:
                left.accepted.append(each)
        return left


class Findings:
    """Adds up what the batches came to."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.rows = 0
        self._accepted = self._rejected = self._duplicates = self._same = self._opted_out = 0
        self._rejections: list[LeftOut] = []
        self._guessed_lines: list[LeftOut] = []
        self._guesses: list[str] = []
        self._countries: Counter[str] = Counter()
        self._problems: dict[Problem, None] = {}
        self._warnings: dict[str, None] = {}
        self._places = Counter[str]()

    def add(self, batch: Batch, left: Left, source: Source, keywords: list[str] | tuple[str, ...]) -> None:
        """Add what became of a batch."""
        self.rows += batch.rows
        self._accepted += len(left.accepted)
        self._countries.update(country_of(each.address) or "" for each in left.accepted)
        self._places += places(source.plan, (each.address for each in left.accepted))
        self._rejected += len(batch.rejected)
        self._duplicates += len(batch.duplicates)
        self._same += len(left.same_person)
        self._opted_out += len(left.opted_out)
        self._rejections += batch.rejected[: MAX_LISTED - len(self._rejections)]
        self._guessed_lines += batch.guesses[: MAX_LISTED - len(self._guessed_lines)]
        self._guesses += [each.sent_as for each in batch.guesses if each.sent_as is not None]
        self._problems.update(dict.fromkeys(batch.problems))
        synced = source.template
        if synced is not None and synced.template is not None:
            contents = (each.content.over(source.defaults) for each in left.accepted)
            self._warnings.update(dict.fromkeys(broadcast_warnings(synced.template, keywords, contents)))

    def result(
        self,
        broadcast: Broadcast,
        number: Number,
        unmapped: list[Problem],
        source: Source,
        ctx: Context,
        queued: int,
    ) -> CheckResult:
        """What is said about the draft."""
        problems = [*unmapped, *self._problems]
        if self.rows > self._most:
            most = counted(self._most, "person", "people")
            message = f"the file has more than {most}: split it, or raise [limits] max_upload_recipients"
            problems.insert(0, Problem("file", message))
        elif not self._accepted:
            everybody = self._duplicates + self._same + self._opted_out
            why = why_nobody(each.reason for each in self._rejections)
            what = "everybody in the file has opted out" if everybody else why
            what = what if self.rows else NO_PEOPLE
            problems.insert(0, Problem("file", what))
        now, at = ctx.clock.now(), broadcast.scheduled_at
        waiting = queued if at is None or at <= now else 0
        rate = number.rate(ctx.config.sender.messages_per_second)
        return CheckResult(
            checked_at=now,
            rows=self.rows,
            accepted=self._accepted,
            rejected=self._rejected,
            duplicates=self._duplicates,
            same_person=self._same,
            opted_out=self._opted_out,
            guessed=len(self._guesses),
            guesses=summary(self._guesses, source.home) if self._guesses else None,
            rejections=[each.view for each in self._rejections],
            guessed_lines=[each.view for each in self._guessed_lines],
            problems=problems[:MAX_PROBLEMS],
            warnings=list(self._warnings),
            countries=dict(self._countries),
            expected_duration_s=round((self._accepted + waiting) / rate, 1),
            places=dict(self._places),
            template_synced_at=source.template.synced_at if source.template is not None else None,
            template_digest=template_digest(source.template),
        )


def template_digest(synced: SyncedTemplate | None) -> str | None:
    """The same while the content of a template is the same; None if it is not known."""
    template = synced.template if synced is not None else None
    if template is None:
        return None
    content = orjson.dumps([template.components, template.parameter_format], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()
