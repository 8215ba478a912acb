"""`wacrmd demo`: the main job, live in the terminal, with no account at Meta."""

import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import click

if TYPE_CHECKING:
    from rich.console import RenderableType

    from wacrmd.demo.site import Demo

FUNNEL = (
    ("accepted", "total_recipients"),
    ("sent", "sent_count"),
    ("delivered", "delivered_count"),
    ("read", "read_count"),
    ("replied", "replied_count"),
    ("failed", "failed_count"),
)
PLAIN_EVERY_S = 1.0


@click.command()
@click.option(
    "--recipients", type=click.IntRange(1, 50_000), default=1000, show_default=True, help="How many people."
)
@click.option(
    "--exit", "leave", is_flag=True, help="End after the broadcast: 0 if all counts are true, else 1."
)
def demo(recipients: int, leave: bool) -> int:
    """See it work: a daemon, a simulated Meta, and one broadcast between them.

    Nothing leaves this machine and nothing stays on it. For example: wacrmd demo --recipients 200 --exit
    """
    try:
        return anyio.run(_demo, recipients, leave, backend_options={"use_uvloop": True})
    except KeyboardInterrupt:
        return 0


async def _demo(recipients: int, leave: bool) -> int:
    from wacrmd import log  # noqa: PLC0415 - the help must not load the daemon
    from wacrmd.demo.site import running  # noqa: PLC0415

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wacrmd-demo-")))
        log.configure("info", "json", stream=stack.enter_context((folder / "wacrmd.log").open("w")))
        async with running(folder, recipients) as site:
            began = time.monotonic()
            answer = await site.send(recipients)
            took_ms = (time.monotonic() - began) * 1000
            _say(f"POST /api/v1/broadcasts with {recipients} recipients: 202 Accepted after {took_ms:.0f} ms")
            _say(
                f"broadcast {answer['broadcast_id']}: stored durably, sending at Meta's default of 80 a second"
            )
            shown = await _show(site.watch(answer["broadcast_id"]))
            differences = site.differences(shown)
            _tell_end(shown, differences, time.monotonic() - began)
            if not leave:
                _tell_more(site, answer["broadcast_id"])
                await anyio.sleep_forever()
    return 1 if differences else 0


def _say(line: str = "") -> None:
    click.echo(line)
    sys.stdout.flush()


async def _show(looks: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    """Draw each look at the broadcast; the last one."""
    return await (_draw(looks) if sys.stdout.isatty() else _print(looks))


async def _print(looks: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    said_at = -PLAIN_EVERY_S
    async for shown in looks:
        if time.monotonic() - said_at >= PLAIN_EVERY_S:
            said_at = time.monotonic()
            _say(_line(shown))
    _say(_line(shown))
    return shown


def _line(shown: dict[str, Any]) -> str:
    return f"{shown['status']:8}" + "  ".join(f"{name} {shown[field]}" for name, field in FUNNEL)


async def _draw(looks: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    from rich.live import Live  # noqa: PLC0415 - only a terminal needs it

    shown: dict[str, Any] = {}
    rates = _Rates()
    with Live(refresh_per_second=10) as live:
        async for shown in looks:
            live.update(_picture(shown, rates.of(shown)))
    return shown


class _Rates:
    """How much each count grew a second, over the last two seconds."""

    WINDOW_S = 2.0

    def __init__(self) -> None:
        self._looks: list[tuple[float, dict[str, int]]] = []

    def of(self, shown: dict[str, Any]) -> dict[str, float]:
        """The rates at this look."""
        now = time.monotonic()
        self._looks.append((now, {field: shown[field] for _, field in FUNNEL}))
        while len(self._looks) > 2 and now - self._looks[1][0] > self.WINDOW_S:  # noqa: PLR2004 - two make a rate
            self._looks.pop(0)
        since, before = self._looks[0]
        passed = max(now - since, 0.1)
        return {field: (shown[field] - before[field]) / passed for _, field in FUNNEL}


def _picture(shown: dict[str, Any], rates: dict[str, float]) -> "RenderableType":
    from rich.console import Group  # noqa: PLC0415 - only a terminal needs them
    from rich.progress_bar import ProgressBar  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    total = shown["total_recipients"]
    table = Table.grid(padding=(0, 2))
    table.add_column(width=10)
    table.add_column(width=40)
    for _ in range(3):
        table.add_column(justify="right")
    for name, field in FUNNEL:
        style = "red" if name == "failed" else "green"
        rate = rates[field]
        table.add_row(
            name,
            ProgressBar(
                total=total, completed=shown[field], width=40, complete_style=style, finished_style=style
            ),
            f"{shown[field]:,}",
            f"{shown[field] / total:.0%}",
            f"{rate:.0f}/s" if rate >= 1 and name != "accepted" else "",
        )
    hold = shown["hold"]
    state = f"held: {hold['detail']}" if hold else f"{shown['pending_count']:,} to go"
    return Group(f"\n[bold]{shown['name']}[/bold]  {shown['status']}  {state}", table)


def _tell_end(shown: dict[str, Any], differences: list[str], took_s: float) -> None:
    _say()
    for difference in differences:
        _say(f"NOT TRUE  {difference}")
    if not differences:
        _say(
            f"True: the simulated Meta's ledger and wacrmd agree on all {shown['total_recipients']} people, "
            f"each got one message ({took_s:.1f} s)."
        )


def _tell_more(site: "Demo", broadcast_id: str) -> None:
    header = f"-H 'Authorization: Bearer {site.key}'"
    _say(
        f"""
Go on with it, in another terminal:

  curl {header} \\
       {site.api_url}/api/v1/broadcasts/{broadcast_id}

  curl {header} \\
       -d '{{"template_name": "hello", "recipients": [{{"to": "+14155552671", "params": ["Jane"]}}]}}' \\
       {site.api_url}/api/v1/broadcasts

  wacrmd --socket {site.socket} status
  wacrmd --socket {site.socket} broadcast show {broadcast_id[:8]}
  curl {site.sim.url}/_simulator/summary        what the simulated Meta has taken
  tail -f {site.log_file}        the daemon's log

Press Ctrl-C to end; nothing stays behind."""
    )
