"""The table of targets: each target, how its figure is shown, when it is met, and how it compares with bare work.

A figure of another machine cannot be compared with one of this machine. What can be compared is how much more
wacrmd takes than the bare work below it, measured in the same run.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bench.scale import Numbers


@dataclass(frozen=True, slots=True)
class Row:
    """One line; `met` is None where there is no target, `bare` compares with the bare work."""

    what: str
    target: str
    shown: str
    met: Callable[[Numbers], bool] | None
    bare: Callable[[Numbers], str]


ROWS = (
    Row(
        "accept 1,000 recipients, 202",
        "median <= 50 ms, p99 <= 150 ms",
        "median {accept_p50_ms:.0f} ms, p99 {accept_p99_ms:.0f} ms ({accept_cpu_ms:.0f} ms of CPU)",
        lambda n: n["accept_p50_ms"] <= 50 and n["accept_p99_ms"] <= 150,
        lambda n: _times(n["accept_p50_ms"], n["bare_insert_p50_ms"], "a bare insert of 1,000 rows"),
    ),
    Row(
        "the same while 80 msg/s go out and 240 statuses/s come in",
        "median <= 50 ms, p99 <= 150 ms",
        "median {busy_accept_p50_ms:.0f} ms, p99 {busy_accept_p99_ms:.0f} ms",
        lambda n: n["busy_accept_p50_ms"] <= 50 and n["busy_accept_p99_ms"] <= 150,
        lambda n: _times(n["busy_accept_p50_ms"], n["bare_insert_p50_ms"], "a bare insert"),
    ),
    Row(
        "fan-out, one number at 1,000/s, 20 broadcasts of 1,000",
        ">= 1,000 msg/s",
        "{paced_sustained_rate:,.0f} msg/s after the first second, {paced_rate:,.0f} with it (the rate limiter holds it"
        " at 1,000; {paced_cpu_ms:.2f} ms of CPU a message)",
        lambda n: n["paced_rate"] >= 1000,
        lambda n: _percent(n["paced_sustained_rate"], 1000, "of its rate"),
    ),
    Row(
        "the same with 3,000 statuses/s coming in, 20 in a webhook",
        ">= 950 msg/s, webhooks p99 <= 250 ms",
        "{top_rate:,.0f} msg/s, {top_cpu_percent:.0f} % of one core, webhooks p99 {top_webhook_p99_ms:.0f} ms",
        lambda n: n["top_rate"] >= 950 and n["top_webhook_p99_ms"] <= 250,
        lambda n: _percent(n["top_rate"], 1000, "of its rate"),
    ),
    Row(
        "fan-out, four numbers at 1,000/s each: the maximum",
        ">= 85 % of a bare loop (same HTTP client and concurrency, no database)",
        "{flood_rate:,.0f} msg/s ({flood_cpu_ms:.2f} ms of CPU a message); the bare loop {bare_rate:,.0f} msg/s"
        " ({bare_cpu_ms:.2f} ms)",
        lambda n: n["against_bare"] >= 85,
        lambda n: (
            f"{n['against_bare']:.0f} % of a bare loop, with {n['flood_cpu_ms'] / n['bare_cpu_ms']:.1f} times its CPU"
        ),
    ),
    Row(
        "fan-out against what a user would write instead: a loop around pywa",
        ">= 50 times one at a time",
        "one at a time {single_rate:.1f} msg/s; pywa one at a time {pywa_rate:.1f}, async {pywa_async_rate:.0f} msg/s",
        lambda n: n["flood_rate"] / n["pywa_rate"] >= 50,
        lambda n: (
            f"{n['flood_rate'] / n['pywa_rate']:.0f} times pywa one at a time,"
            f" {n['flood_rate'] / n['pywa_async_rate']:.0f} times pywa async"
        ),
    ),
    Row(
        "50 numbers at 10/s, one broadcast each, `workers = 4`",
        ">= 97 % of 500 msg/s",
        "{many_share:.1f} % ({many_cpu_percent:.0f} % of one core)",
        lambda n: n["many_share"] >= 97,
        lambda n: _percent(n["many_share"], 100, "of their rates"),
    ),
    Row(
        "20 broadcasts on a number at 1/s beside one number at 80/s",
        ">= 97 % of 80/s; a new broadcast on it starts within 1 s",
        "{beside_share:.1f} %; a new broadcast starts after {beside_first_ms:.0f} ms, one on the slow number after"
        " {beside_small_ms:.0f} ms",
        lambda n: n["beside_share"] >= 97 and n["beside_first_ms"] <= 1000,
        lambda n: _percent(n["beside_share"], 100, "of its rate"),
    ),
    Row(
        "Meta hangs for one of three numbers at 20/s",
        "the others >= 95 %; the hold is told within 5 s; at most 50 messages uncertain",
        "the others {hang_others_share:.1f} %; told after {hang_held_after_s:.1f} s; {hang_at_risk:.0f} at risk",
        lambda n: n["hang_others_share"] >= 95 and n["hang_held_after_s"] <= 5 and n["hang_at_risk"] <= 50,
        lambda n: _percent(n["hang_others_share"], 100, "of their rates"),
    ),
    Row(
        "status webhooks, one per POST, against a bare Hypercorn app that answers 200",
        ">= 60 %",
        "{single_against_bare:.0f} %: {single_statuses_rate:,.0f}/s of {single_bare_rate:,.0f}/s"
        " ({single_cpu_ms:.2f} ms of CPU each, bare {single_bare_cpu_ms:.2f})",
        lambda n: n["single_against_bare"] >= 60,
        lambda n: _percent(n["single_against_bare"], 100, "of a bare server"),
    ),
    Row(
        "the same at 1,500/s",
        "median <= 20 ms, p99 <= 100 ms",
        "median {single_p50_ms:.0f} ms, p99 {single_p99_ms:.0f} ms",
        lambda n: n["single_p50_ms"] <= 20 and n["single_p99_ms"] <= 100,
        lambda n: _times(n["single_p50_ms"], n["bare_get_p50_ms"], "a bare request"),
    ),
    Row(
        "overload: twice as many webhooks as can be stored, on 256 connections",
        "those taken p99 <= 250 ms, GET p99 <= 250 ms, sending >= 95 %",
        "of {overload_offered_rate:,.0f}/s {overload_refused_percent:.0f} % refused; {overload_taken_rate:,.0f}/s taken"
        " in {overload_p50_ms:.0f} ms, p99 {overload_p99_ms:.0f} ms; GET p99 {overload_get_p99_ms:.0f} ms;"
        " sending at {overload_sent_percent:.0f} % of its rate",
        lambda n: (
            n["overload_p99_ms"] <= 250
            and n["overload_get_p99_ms"] <= 250
            and n["overload_sent_percent"] >= 95
        ),
        lambda n: _percent(n["overload_taken_rate"], n["single_bare_rate"], "of a bare server's rate taken"),
    ),
    Row(
        "status webhooks, 100 per POST",
        ">= 15,000 statuses/s",
        "{batched_statuses_rate:,.0f} statuses/s ({batched_cpu_us:.0f} µs of CPU each)",
        lambda n: n["batched_statuses_rate"] >= 15_000,
        lambda n: _times(
            n["batched_cpu_us"] / 1000, n["single_bare_cpu_ms"], "the CPU of a bare request, for each status"
        ),
    ),
    Row(
        "a day at Meta's default: 80 msg/s and 240 statuses/s, {day_minutes:g} minutes of it",
        "<= 40 % of one core, GET p99 <= 30 ms, memory flat",
        "{day_cpu_percent:.0f} % of one core at {day_rate:.0f} msg/s, GET p99 {day_get_p99_ms:.0f} ms, webhooks"
        " p99 {day_webhook_p99_ms:.0f} ms, memory {day_memory_mb:.0f} MB ({day_grown_mb:+.1f} MB in the second half)",
        lambda n: n["day_cpu_percent"] <= 40 and n["day_get_p99_ms"] <= 30 and n["day_grown_mb"] <= 10,
        lambda n: _times(
            n["day_cpu_percent"],
            80 * n["bare_cpu_ms"] / 10 + 240 * n["single_bare_cpu_ms"] / 10,
            "the CPU of a bare loop and a bare server",
        ),
    ),
    Row(
        "first send after the 202",
        "<= 50 ms",
        "median {first_p50_ms:.0f} ms, worst {first_worst_ms:.0f} ms",
        lambda n: n["first_p50_ms"] <= 50,
        lambda n: _times(n["first_p50_ms"], n["bare_get_p50_ms"], "a bare request"),
    ),
    Row(
        "start to ready with {start_recipients:,.0f} recipients in the file",
        "<= 1 s",
        "{start_s:.2f} s (with an empty file {start_empty_s:.2f} s)",
        lambda n: n["start_s"] <= 1,
        lambda n: _times(n["start_s"], n["bare_start_s"], "importing the libraries"),
    ),
    Row(
        "GET of a broadcast and a page of the list, {year_recipients:,.0f} recipients in the file",
        "p99 <= 10 ms",
        "GET p99 {year_get_p99_ms:.1f} ms, page of 50 p99 {year_page_p99_ms:.1f} ms, while 1,000 msg/s go out"
        " {year_busy_page_p99_ms:.1f} ms (median {year_busy_page_p50_ms:.1f} ms)",
        lambda n: (
            n["year_get_p99_ms"] <= 10 and n["year_page_p99_ms"] <= 10 and n["year_busy_page_p99_ms"] <= 10
        ),
        lambda n: _times(
            n["year_page_p99_ms"], n["bare_get_p99_ms"], "the p99 of a bare request, for the page"
        ),
    ),
    Row(
        "accept and send with {year_recipients:,.0f} recipients in the file ({year_file_gb:.1f} GB)",
        "our own: median <= 50 ms, >= 950 msg/s",
        "accept median {year_accept_p50_ms:.0f} ms, p99 {year_accept_p99_ms:.0f} ms;"
        " {year_rate:,.0f} msg/s of 1,000",
        lambda n: n["year_accept_p50_ms"] <= 50 and n["year_rate"] >= 950,
        lambda n: _times(n["year_accept_p50_ms"], n["bare_insert_p50_ms"], "a bare insert"),
    ),
    Row(
        "each page of the dashboard, {pages_recipients:,.0f} recipients in the file",
        "p95 <= 100 ms",
        "p95 {pages_worst_p95_ms:.0f} ms at most; the list {pages_list_p95_ms:.0f} ms, one {pages_one_p95_ms:.0f} ms,"
        " the largest one {pages_largest_p95_ms:.0f} ms",
        lambda n: n["pages_worst_p95_ms"] <= 100,
        lambda n: _times(n["pages_list_p50_ms"], n["bare_get_p50_ms"], "a bare request, for the list"),
    ),
    Row(
        "a live page of a broadcast of 10,000 that is sent",
        "<= 1 % of a core",
        "{live_1_core:.1%} of a core; 50 pages {live_50_core:.1%}",
        lambda n: n["live_1_core"] <= 0.01,
        lambda n: _percent(n["live_1_core"], n["live_without_core"], "of the daemon without it"),
    ),
    Row(
        "sending at 1,000 msg/s with 50 live pages",
        "<= 3 % slower",
        "{crowd_rate:,.0f} msg/s, {crowd_without_rate:,.0f} without ({crowd_cpu_more:+.0%} of CPU a message)",
        lambda n: n["crowd_slower"] <= 0.03,
        lambda n: _percent(n["crowd_rate"], n["crowd_without_rate"], "of the rate without"),
    ),
    Row(
        "memory after 1 million recipients sent",
        "<= 150 MB",
        "{memory_mb:.0f} MB after {memory_messages:,.0f} (at the start {memory_start_mb:.0f} MB,"
        " {memory_grown_mb:+.1f} MB in the second half); extrapolated to a million",
        lambda n: (
            n["memory_mb"]
            + n["memory_grown_mb"] * max(0.0, 1e6 - n["memory_messages"]) / n["memory_messages"] * 2
            <= 150
        ),
        lambda n: _times(n["memory_mb"], n["bare_memory_mb"], "a Python with the libraries"),
    ),
    Row(
        "idle CPU",
        "<= 1 % of a core",
        "{idle_cpu_percent:.1f} % ({idle_memory_mb:.0f} MB)",
        lambda n: n["idle_cpu_percent"] <= 1,
        lambda n: _times(
            n["idle_memory_mb"], n["bare_memory_mb"], "the memory of a Python with the libraries"
        ),
    ),
)


def table(numbers: Numbers) -> list[str]:
    """The rows whose numbers are there, in Markdown."""
    lines = ["| what | target | measured | against bare work | met |", "|---|---|---|---|---|"]
    for row in ROWS:
        try:
            shown, what = row.shown.format(**numbers), row.what.format(**numbers)
            met = "" if row.met is None else "yes" if row.met(numbers) else "**no**"
        except KeyError:
            continue
        try:
            bare = row.bare(numbers)
        except KeyError:  # the yardstick was not measured
            bare = ""
        lines.append(f"| {what} | {row.target} | {shown} | {bare} | {met} |")
    return lines


def _times(value: float, bare: float, what: str) -> str:
    return f"{value / bare:.1f} times {what}"


def _percent(value: float, bare: float, what: str) -> str:
    return f"{value / bare * 100:.0f} % {what}"
