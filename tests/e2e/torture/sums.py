"""The statistics of a run, and the same sums over the rows."""

import sqlite3
from collections import Counter
from typing import Any

import httpx

from tests.e2e.torture.crowd import country_of
from tests.e2e.torture.report import Report

_LADDER = ("sent", "delivered", "read", "replied")

Statistics = dict[str, dict[str, Any]]
"""By what they are of: the answer of `GET /api/v1/stats`."""


async def statistics(client: httpx.AsyncClient) -> Statistics | None:
    """What wacrmd says; None while broadcasts wait to be summed up."""
    found: Statistics = {}
    for by in ("template", "country", "day"):
        answer = await client.get("/api/v1/stats", params={"by": by, "from": "29d"})
        answer.raise_for_status()
        found[by] = answer.json()["data"]
        if found[by]["waiting"]:
            return None
    return found


def compare_sums(db: sqlite3.Connection, said: Statistics, report: Report) -> None:
    """The statistics are the sums over the rows, as a whole, by template and by country."""
    rows: dict[str, dict[str, Counter[str]]] = {"template": {}, "country": {}, "day": {"": Counter()}}
    for template, to, status, code, opted_out in db.execute(
        'SELECT b.template_name, r."to", r.status, r.error_code,'
        " EXISTS (SELECT 1 FROM optout o WHERE o.person_id = r.person_id AND o.broadcast_id = b.id)"
        " FROM recipient r JOIN broadcast b ON b.id = r.broadcast_id"
        " WHERE r.status NOT IN ('pending', 'sending', 'cancelled')"
    ):
        counted = (
            [f"{stage}_count" for stage in _LADDER[: _LADDER.index(status) + 1]] if status in _LADDER else []
        )
        counted += ["total_count"] if status in _LADDER else ["total_count", f"{status}_count"]
        counted += [f"code {code}"] if status == "failed" else []
        counted += ["opted_out_count"] if opted_out else []
        for by, key in (("template", template), ("country", country_of(to)), ("day", "")):
            rows[by].setdefault(key, Counter()).update(counted)
    for by, sums in rows.items():
        shown = {"": said[by]["total"]}
        if by != "day":
            key = "template_name" if by == "template" else by
            shown = {row[key]: row for row in said[by]["rows"]}
        for each in sorted(sums.keys() | shown.keys()):
            ours, true = _counts(shown.get(each)), +sums.get(each, Counter())
            if ours != true:
                report.problems.append(
                    f"statistics of {by} {each}: shown {dict(ours - true)} too many, {dict(true - ours)} too few"
                )
    report.summed = said["day"]["total"]["total_count"]


def _counts(row: dict[str, Any] | None) -> Counter[str]:
    if row is None:
        return Counter()
    names = (
        "total_count",
        "failed_count",
        "uncertain_count",
        "opted_out_count",
        *(f"{each}_count" for each in _LADDER),
    )
    found = Counter({name: row[name] for name in names})
    found.update(
        {f"code {each['code']}": each["count"] for each in row["failures"] if each["code"] is not None}
    )
    found["code None"] = sum(each["count"] for each in row["failures"] if each["code"] is None)
    return +found
