"""Statistics as callers see them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from wacrmd.domain.statistics import BUTTON, FAILED, OPTED_OUT, QUICK_REPLY, By, reached, share
from wacrmd.domain.template_clicks import Clicks
from wacrmd.fields import Doc, Time, json_name


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureSum:
    """One reason for which messages failed."""

    code: Annotated[int | None, Doc("Meta's error code; null where the reason is wacrmd's own")]
    reason: Annotated[str, Doc("what it means")]
    count: Annotated[int, Doc("how many messages")]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSum:
    """Clicks on the links with one text, as Meta counts them. The two counts are no parts of each other."""

    button: Annotated[str, Doc("the text of the button")]
    people_count: Annotated[
        int | None, Doc("how many people clicked, on each day anew; null: Meta does not say")
    ]
    click_count: Annotated[int | None, Doc("how often they clicked; null: Meta does not say")]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSums:
    """What became of messages that were sent, or tried."""

    total_count: Annotated[int, Doc("messages that were tried; the sum of the next three")]
    sent_count: Annotated[int, Doc("those that Meta took and that have not failed")]
    failed_count: Annotated[int, Doc("those that failed")]
    uncertain_count: Annotated[int, Doc("those of which it is not known whether Meta took them")]
    delivered_count: Annotated[int, Doc("part of `sent_count`: it was on the person's phone")]
    read_count: Annotated[int, Doc("part of `delivered_count`: it was read")]
    replied_count: Annotated[int, Doc("part of `read_count`: the person answered")]
    quick_reply_count: Annotated[int, Doc("part of `replied_count`: people who tapped a quick reply")]
    opted_out_count: Annotated[int, Doc("people who opted out in answer to it")]
    delivered_share: Annotated[float | None, Doc("`delivered_count` of `sent_count`, from 0 to 1")]
    read_share: Annotated[float | None, Doc("`read_count` of `delivered_count`")]
    replied_share: Annotated[float | None, Doc("`replied_count` of `delivered_count`")]
    quick_reply_share: Annotated[float | None, Doc("`quick_reply_count` of `delivered_count`")]
    opted_out_share: Annotated[float | None, Doc("`opted_out_count` of `total_count`")]
    failed_share: Annotated[float | None, Doc("`failed_count` of `total_count`")]
    replies_by_button: Annotated[
        dict[str, int],
        Doc('how many people tapped each quick reply; those with seldom texts are summed up as `""`'),
    ]
    failures: Annotated[list[FailureSum], Doc("why messages failed, the most frequent reason first")]
    clicked_count: Annotated[
        int | None,
        Doc(
            "people who clicked a link, each link and each day anew, as Meta's template analytics count them by days of UTC;"
            " null where they tell nothing, and with `by=country`, `by=hour` and the days of another zone"
        ),
    ]
    clicked_share: Annotated[
        float | None,
        Doc(
            "`clicked_count` of `delivered_count`; null too if Meta counts more: other programs send the template as well"
        ),
    ]
    clicks_by_button: Annotated[
        list[LinkSum], Doc("the same for each text of a button, the one that most people clicked first")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsRow(MessageSums):
    """The messages of one template, one country, one hour of the day or one day."""

    template_name: Annotated[str | None, Doc("with `by=template`, else null")] = None
    template_language: Annotated[str | None, Doc("with `by=template`, else null")] = None
    country: Annotated[
        str | None, Doc("with `by=country`: its ISO 3166 code, null if it is not known; else null")
    ] = None
    hour: Annotated[int | None, Doc("with `by=hour`: the hour of the day, from 0 to 23; else null")] = None
    day: Annotated[str | None, Doc("with `by=day`: the date, such as `2026-11-23`; else null")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What became of the messages of a period."""

    by: Annotated[By, Doc("what each row is about")]
    since: Annotated[Time, Doc("messages that were tried from then on")] = field(metadata=json_name("from"))
    until: Annotated[Time, Doc("and before then")] = field(metadata=json_name("to"))
    zone: Annotated[str, Doc("the time zone of hours, days and dates")]
    rows: Annotated[
        list[StatisticsRow],
        Doc(
            "templates and countries with most messages first; hours and days in their order, without empty ones"
        ),
    ]
    left_out: Annotated[int, Doc("rows that are left out: there are at most 1,000")]
    total: Annotated[MessageSums, Doc("the sum of all rows, also of those that are left out")]
    waiting: Annotated[int, Doc("broadcasts that have changed since they were summed up; mostly 0 to a few")]


def message_sums(
    sums: Mapping[str, int], reasons: Mapping[int, str], clicks: Mapping[str, Clicks]
) -> dict[str, object]:
    """The fields of `MessageSums`; `reasons` says what Meta's codes mean, `clicks` has those of each text of a button."""
    steps = reached(sums)
    sent, delivered, read, replied = (steps[each] for each in ("sent", "delivered", "read", "replied"))
    failures = [
        _failure(what.removeprefix(FAILED), count, reasons)
        for what, count in sums.items()
        if what.startswith(FAILED)
    ]
    failed = sum(each.count for each in failures)
    uncertain, opted_out = sums.get("uncertain", 0), sums.get(OPTED_OUT, 0)
    tapped = sums.get(QUICK_REPLY, 0)
    total = sent + failed + uncertain
    taps = {what.removeprefix(BUTTON): count for what, count in sums.items() if what.startswith(BUTTON)}
    known = [each.people for each in clicks.values() if each.people is not None]
    clicked = sum(known) if known else None
    return {
        "total_count": total,
        "sent_count": sent,
        "failed_count": failed,
        "uncertain_count": uncertain,
        "delivered_count": delivered,
        "read_count": read,
        "replied_count": replied,
        "quick_reply_count": tapped,
        "opted_out_count": opted_out,
        "delivered_share": share(delivered, sent),
        "read_share": share(read, delivered),
        "replied_share": share(replied, delivered),
        "quick_reply_share": share(tapped, delivered),
        "opted_out_share": share(opted_out, total),
        "failed_share": share(failed, total),
        "replies_by_button": dict(sorted(taps.items(), key=lambda each: (-each[1], each[0]))),
        "failures": sorted(failures, key=lambda each: (-each.count, each.code or 0, each.reason)),
        "clicked_count": clicked,
        "clicked_share": None if clicked is None or clicked > delivered else share(clicked, delivered),
        "clicks_by_button": [
            LinkSum(button=button, people_count=each.people, click_count=each.clicks)
            for button, each in sorted(
                clicks.items(), key=lambda one: (-(one[1].people or 0), -(one[1].clicks or 0), one[0])
            )
        ],
    }


def _failure(reason: str, count: int, reasons: Mapping[int, str]) -> FailureSum:
    if reason.startswith(":"):
        return FailureSum(code=None, reason=reason[1:] or "another reason", count=count)
    return FailureSum(code=int(reason), reason=reasons[int(reason)], count=count)
