"""The table of targets: each target, how its figure is shown, and when it is met."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.scale import Numbers


@dataclass(frozen=True, slots=True)
class Row:
    """One line; `met` is None where there is no target."""

    what: str
    target: str
    shown: str
    met: Callable[[Numbers], bool] | None


ROWS = (
    Row(
        "accept 1,000 recipients, 202",
        "median <= 50 ms, p99 <= 150 ms",
        "median {accept_p50_ms:.0f} ms, p99 {accept_p99_ms:.0f} ms ({accept_cpu_ms:.0f} ms of CPU)",
        lambda n: n["accept_p50_ms"] <= 50 and n["accept_p99_ms"] <= 150,
    ),
    Row(
        "the same while 80 msg/s go out and 240 statuses/s come in",
        "median <= 50 ms, p99 <= 150 ms",
        "median {busy_accept_p50_ms:.0f} ms, p99 {busy_accept_p99_ms:.0f} ms",
        lambda n: n["busy_accept_p50_ms"] <= 50 and n["busy_accept_p99_ms"] <= 150,
    ),
    Row(
        "fan-out, one number at 1,000/s, 20 broadcasts of 1,000",
        ">= 1,000 msg/s",
        "{paced_sustained_rate:,.0f} msg/s after the first second, {paced_rate:,.0f} with it (the rate limiter holds it"
        " at 1,000; {paced_cpu_ms:.2f} ms of CPU a message)",
        lambda n: n["paced_rate"] >= 1000,
    ),
    Row(
        "the same with 3,000 statuses/s coming in, 20 in a webhook",
        ">= 950 msg/s, webhooks p99 <= 250 ms",
        "{top_rate:,.0f} msg/s, {top_cpu_percent:.0f} % of one core, webhooks p99 {top_webhook_p99_ms:.0f} ms",
        lambda n: n["top_rate"] >= 950 and n["top_webhook_p99_ms"] <= 250,
    ),
    Row(
        "fan-out, four numbers at 1,000/s each: the maximum",
        "",
        "{flood_rate:,.0f} msg/s ({flood_cpu_ms:.2f} ms of CPU a message)",
        None,
    ),
    Row(
        "fan-out against a bare loop (same transport and concurrency, no database)",
        ">= 60 %",
        "{against_bare:.0f} % of {bare_rate:,.0f} msg/s ({bare_cpu_ms:.2f} ms of CPU a message)",
        lambda n: n["against_bare"] >= 60,
    ),
    Row(
        "fan-out against one message at a time",
        ">= 50 times",
        "{against_single:.0f} times {single_rate:.1f} msg/s",
        lambda n: n["against_single"] >= 50,
    ),
    Row(
        "status webhooks, one per POST, against a bare Hypercorn app that answers 200",
        ">= 60 %",
        "{single_against_bare:.0f} %: {single_statuses_rate:,.0f}/s of {single_bare_rate:,.0f}/s"
        " ({single_cpu_ms:.2f} ms of CPU each, bare {single_bare_cpu_ms:.2f})",
        lambda n: n["single_against_bare"] >= 60,
    ),
    Row(
        "the same at 1,500/s",
        "median <= 20 ms, p99 <= 100 ms",
        "median {single_p50_ms:.0f} ms, p99 {single_p99_ms:.0f} ms",
        lambda n: n["single_p50_ms"] <= 20 and n["single_p99_ms"] <= 100,
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
    ),
    Row(
        "status webhooks, 100 per POST",
        ">= 15,000 statuses/s",
        "{batched_statuses_rate:,.0f} statuses/s ({batched_cpu_us:.0f} µs of CPU each)",
        lambda n: n["batched_statuses_rate"] >= 15_000,
    ),
    Row(
        "a day at Meta's default: 80 msg/s and 240 statuses/s, {day_minutes:g} minutes of it",
        "<= 40 % of one core, GET p99 <= 30 ms, memory flat",
        "{day_cpu_percent:.0f} % of one core at {day_rate:.0f} msg/s, GET p99 {day_get_p99_ms:.0f} ms, webhooks"
        " p99 {day_webhook_p99_ms:.0f} ms, memory {day_memory_mb:.0f} MB ({day_grown_mb:+.1f} MB in the second half)",
        lambda n: n["day_cpu_percent"] <= 40 and n["day_get_p99_ms"] <= 30 and n["day_grown_mb"] <= 10,
    ),
    Row(
        "first send after the 202",
        "<= 50 ms",
        "median {first_p50_ms:.0f} ms, worst {first_worst_ms:.0f} ms",
        lambda n: n["first_p50_ms"] <= 50,
    ),
    Row(
        "start to ready with {start_recipients:,.0f} recipients in the file",
        "<= 1 s",
        "{start_s:.2f} s (with an empty file {start_empty_s:.2f} s)",
        lambda n: n["start_s"] <= 1,
    ),
    Row(
        "GET of a broadcast and a page of the list, {year_recipients:,.0f} recipients in the file",
        "p99 <= 10 ms",
        "GET p99 {year_get_p99_ms:.1f} ms, page of 50 p99 {year_page_p99_ms:.1f} ms",
        lambda n: n["year_get_p99_ms"] <= 10 and n["year_page_p99_ms"] <= 10,
    ),
    Row(
        "accept and send with {year_recipients:,.0f} recipients in the file ({year_file_gb:.1f} GB)",
        "our own: median <= 50 ms, >= 950 msg/s",
        "accept median {year_accept_p50_ms:.0f} ms, p99 {year_accept_p99_ms:.0f} ms;"
        " {year_rate:,.0f} msg/s of 1,000",
        lambda n: n["year_accept_p50_ms"] <= 50 and n["year_rate"] >= 950,
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
    ),
    Row(
        "idle CPU",
        "<= 1 % of a core",
        "{idle_cpu_percent:.1f} % ({idle_memory_mb:.0f} MB)",
        lambda n: n["idle_cpu_percent"] <= 1,
    ),
)


def table(numbers: Numbers) -> list[str]:
    """The rows whose numbers are there, in Markdown."""
    lines = ["| what | target | measured | met |", "|---|---|---|---|"]
    for row in ROWS:
        try:
            shown, what = row.shown.format(**numbers), row.what.format(**numbers)
            met = "" if row.met is None else "yes" if row.met(numbers) else "**no**"
        except KeyError:
            continue
        lines.append(f"| {what} | {row.target} | {shown} | {met} |")
    return lines
