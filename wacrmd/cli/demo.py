"""`wacrmd demo`: prints what happens while `wacrmd/demo/site.py` runs a daemon and a simulated Meta."""

import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click

from wacrmd.cli.exit_codes import FAILED
from wacrmd.cli.options import Whole

if TYPE_CHECKING:
    from wacrmd.demo.site import DemoSite


@click.command()
@click.option(
    "--recipients",
    metavar="N",
    type=Whole(1, 50_000),
    default=1000,
    show_default=True,
    help="How many recipients the broadcast has.",
)
@click.option(
    "--exit",
    "leave",
    is_flag=True,
    help="Exit after the broadcast: with 0 if all counts are right, else with 1.",
)
def demo(recipients: int, leave: bool) -> int:
    """Run a daemon, a simulated Meta and one broadcast.

    Nothing is sent to people. All files are temporary. For example: wacrmd demo --recipients 200 --exit
    """
    for each in (signal.SIGTERM, signal.SIGHUP):
        if (
            signal.getsignal(each) is signal.SIG_DFL
        ):  # a kill and the end of the terminal leave no files either
            signal.signal(each, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        return anyio.run(_demo, recipients, leave, backend_options={"use_uvloop": True})
    except KeyboardInterrupt:
        return 0


async def _demo(recipients: int, leave: bool) -> int:
    from wacrmd import log  # noqa: PLC0415 - the help must not load the daemon
    from wacrmd.cli import live  # noqa: PLC0415
    from wacrmd.demo.site import run_site  # noqa: PLC0415

    differences: list[str] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wacrmd-demo-")))
        log.configure("info", "json", stream=stack.enter_context((folder / "wacrmd.log").open("w")))
        async with run_site(folder, recipients) as site:
            if not leave:
                click.echo(f"Open the dashboard, within two minutes: {await site.link()}")
                click.echo(f"While it runs, the API is at {site.api_url}, with the key {site.key}")
            began = time.monotonic()
            broadcast_id = await site.send(recipients)
            took_ms = (time.monotonic() - began) * 1000
            click.echo(
                f"POST /api/v1/broadcasts with {recipients} recipients: 202 Accepted after {took_ms:.0f} ms"
            )
            click.echo(f"Broadcast {broadcast_id} is stored; Meta's default rate is 80 a second.")
            click.echo()
            # The same view as `wacrmd broadcast watch`: it blocks, so it runs in a thread.
            await anyio.to_thread.run_sync(
                partial(live.follow, site.watch(broadcast_id)), abandon_on_cancel=True
            )
            differences = await site.differences(broadcast_id)
            _print_result(recipients, differences, time.monotonic() - began)
            if not leave:
                _print_next_steps(site, broadcast_id, await site.link())
                await _print_links(site)
    return FAILED if differences else 0


def _print_result(recipients: int, differences: list[str], took_s: float) -> None:
    click.echo()
    for difference in differences:
        click.echo(f"WRONG  {difference}")
    if not differences:
        click.echo(f"Right: after {took_s:.1f} s, each of the {recipients} people has one message,")
        click.echo("and the simulated Meta's ledger, wacrmd and its dashboard agree.")


async def _print_links(site: "DemoSite") -> None:
    """Print another link to the dashboard whenever somebody presses Enter; runs until it is cancelled."""
    if sys.stdin.isatty():
        while True:
            await anyio.wait_readable(sys.stdin)
            if not os.read(sys.stdin.fileno(), 4096):  # Ctrl-D
                break
            click.echo(f"  {await site.link()}")
    await anyio.sleep_forever()


def _print_next_steps(site: "DemoSite", broadcast_id: str, link: str) -> None:
    another = (
        "Press Enter for another one.\n"
        if sys.stdin.isatty()
        else f"For another one: wacrmd --socket {site.socket} dashboard\n"
    )
    header = f"-H 'Authorization: Bearer {site.key}'"
    click.echo(
        f"""
Both still run. In the dashboard you can look at the broadcast, and send one of your own:

  {link}

The link works once, within two minutes. {another}
Or try them in another terminal:

  curl {header} \\
       {site.api_url}/api/v1/broadcasts/{broadcast_id}

  curl {header} \\
       -d '{{"template_name": "order_ready", "recipients": [{{"to": "+14155552671", "params": ["Jane"]}}]}}' \\
       {site.api_url}/api/v1/broadcasts

  wacrmd --socket {site.socket} status
  wacrmd --socket {site.socket} broadcast show {broadcast_id[:8]}
  curl {site.meta.url}/_simulator/summary        messages and webhooks of the simulated Meta
  tail -f {site.log_file}        the daemon's log

Ctrl-C stops both and deletes their files."""
    )
