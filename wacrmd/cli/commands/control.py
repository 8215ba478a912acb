"""`wacrmd doctor`, `reload`, `drain`, `undrain`, `log-level` and `audit`."""

import json
from typing import Any

import click

from wacrmd.cli.client import call
from wacrmd.cli.exit_codes import FAILED, UNAVAILABLE
from wacrmd.cli.frame import Session, Verb
from wacrmd.cli.input import confirm
from wacrmd.cli.options import Amount, Whole, one_of, yes_option
from wacrmd.cli.output import Kind, clean, emit, findings, hint, relative, say
from wacrmd.cli.table import Column, table
from wacrmd.cli.times import PastTime, timezone_option
from wacrmd.domain.log_level import LogLevel
from wacrmd.errors import ConfigError, counted
from wacrmd.fields import JsonObject

AUDIT = (
    Column("WHEN", "at", Kind.MOMENT),
    Column("USER", "user", Kind.KEY),
    Column("VIA", "via", optional=2),
    Column("ID", "id", Kind.NUMBER, optional=3),
    Column("PID", "pid", Kind.NUMBER, optional=True),
    Column("METHOD", "method", Kind.KEY),
    Column("RESULT", "result", Kind.STATE),
    Column("CALLS", "calls", Kind.NUMBER, optional=True),
    Column("PARAMETERS", "params", Kind.PROSE),
)


@click.command(cls=Verb)
@click.pass_obj
def doctor(session: Session) -> int:
    """Check everything from the configuration to Meta, with advice.

    If no daemon answers, this command checks what it can without one. Exit code 1 if a check fails, 69 if no
    daemon answers. For example: wacrmd doctor
    """
    from wacrmd.admin.client import NotReachableError  # noqa: PLC0415 - the help must not load it

    try:
        result = call(session, "doctor")
    except NotReachableError:
        result = _without_daemon(session)

    def render(found: JsonObject) -> None:
        checks = found["checks"]
        for about in dict.fromkeys(one["about"] for one in checks):
            click.echo(click.style(clean(about), bold=True))
            findings([one for one in checks if one["about"] == about])
        counts = {state: sum(one["state"] == state for one in checks) for state in ("warn", "fail")}
        if not any(counts.values()):
            say("All checks passed.")
        else:
            say(f"{counted(len(checks), 'check')}: {counts['fail']} failed, {counts['warn']} with a warning.")

    emit(session, result, render)
    if any(one["about"] == "daemon" for one in result["checks"]):
        return UNAVAILABLE
    return FAILED if result["state"] == "fail" else 0


def _without_daemon(session: Session) -> JsonObject:
    """The checks that need no daemon; raises ConfigError for a configuration that cannot be used."""
    from wacrmd.config import key_file_offline, load  # noqa: PLC0415 - slow to import, and seldom needed
    from wacrmd.safe_paths import as_owner_of, become_owner_of  # noqa: PLC0415
    from wacrmd.services.maintenance.database_key import FoundKeys  # noqa: PLC0415
    from wacrmd.services.maintenance.doctor import run_offline_checks  # noqa: PLC0415
    from wacrmd.views.json import as_object  # noqa: PLC0415

    config = load(session.config)
    key = key_file_offline(config)
    with as_owner_of(key.parent):
        keys = FoundKeys.of(key)
    become_owner_of(config.storage.path.parent)
    return as_object(run_offline_checks(config, keys))


@click.command(cls=Verb)
@click.pass_obj
def reload(session: Session) -> None:
    """Make the daemon read its configuration again.

    SIGHUP does the same. If the configuration has an error, nothing changes. For example: wacrmd reload
    """
    from wacrmd.admin.protocol import RpcError  # noqa: PLC0415 - the help must not load it

    try:
        result = call(session, "reload")
    except RpcError as error:
        if not error.problems:
            raise
        raise ConfigError([problem.message for problem in error.problems]) from None

    def render(found: JsonObject) -> None:
        for one in found["applied"]:
            say(f"{one['key']}: {_plain(one['from'])} → {_plain(one['to'])}")
        for one in found["needs_restart"]:
            hint(
                f"{one['key']}: {_plain(one['from'])} → {_plain(one['to'])} takes effect at the next restart"
            )
        for warning in found["warnings"]:
            hint(f"warning: {warning}")
        if not found["applied"]:
            say("Nothing has changed." if not found["needs_restart"] else "Nothing takes effect now.")

    emit(session, result, render)


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@click.command(cls=Verb)
@click.option("--off", is_flag=True, help="End a drain, as wacrmd undrain.")
@click.option("--for-good", is_flag=True, help="Until wacrmd undrain, also after a restart.")
@click.option(
    "--wait",
    "wait_s",
    type=Amount(min=0, max=600),
    metavar="SECONDS",
    default=20.0,
    show_default=True,
    help="How long to wait for requests in flight.",
)
@click.pass_obj
def drain(session: Session, off: bool, for_good: bool, wait_s: float) -> int:
    """Stop sending and accepting, before the daemon is stopped.

    It waits for requests in flight. Nothing is lost: broadcasts go on after a restart, or after wacrmd undrain. With
    --for-good they go on only after wacrmd undrain. For example: wacrmd drain
    """
    result = call(session, "drain", off=off, for_good=for_good, wait_s=wait_s)

    def render(found: JsonObject) -> None:
        if off:
            _say_ended()
        elif found["in_flight"]:
            say(f"Still in flight: {counted(found['in_flight'], 'request')}; run it again to wait.")
        elif found["for_good"]:
            say(
                "No request is in flight. Nothing is sent any more, also after a restart, until: wacrmd undrain"
            )
        else:
            say("No request is in flight: the daemon can be stopped. To end the drain: wacrmd undrain")

    emit(session, result, render)
    return FAILED if not off and result["in_flight"] else 0


@click.command(cls=Verb)
@click.option(
    "--take-back",
    is_flag=True,
    help="Also after backup --hand-over: only if the copy has sent nothing and never will.",
)
@yes_option
@click.pass_obj
def undrain(session: Session, take_back: bool, yes: bool) -> None:
    """End a drain, also one that is for good: broadcasts go on.

    A database that was handed over to a copy sends again only with --take-back. If the copy is used too, people get
    messages twice. For example: wacrmd undrain
    """
    if take_back:
        confirm("Is it certain that the copy has sent nothing, and never will?", yes=yes)
    emit(session, call(session, "undrain", take_back=take_back), lambda _: _say_ended())


def _say_ended() -> None:
    say("The drain has ended: broadcasts go on.")


@click.command("log-level", cls=Verb)
@click.argument("level", required=False, type=one_of(LogLevel))
@click.option(
    "--for",
    "minutes",
    type=Amount(min=0, min_open=True, max=10_080),
    metavar="MINUTES",
    help="How long, before the configured level applies again.",
)
@click.pass_obj
def log_level(session: Session, level: str | None, minutes: float | None) -> None:
    """Show the log level, or change it for a while.

    A change ends after --for MINUTES, or at the next restart. For example: wacrmd log-level debug --for 10
    """
    if minutes is not None and level is None:
        raise click.UsageError("--for needs a LEVEL")

    def render(found: JsonObject) -> None:
        if found["until"]:
            end = f"until {found['until']} ({relative(found['until'])}), then {found['configured']}"
        elif found["level"] != found["configured"]:
            end = f"until the next restart or reload ({found['configured']} is configured)"
        else:
            end = "as configured"
        say(f"The log level is {found['level']}, {end}.")

    emit(session, call(session, "log-level", level=level, minutes=minutes), render)


@click.command(cls=Verb)
@click.option(
    "--since", type=PastTime(), metavar="TIME", help="Since when: a time, or how long ago (30min, 2h, 3d)."
)
@timezone_option
@click.option("--user", metavar="NAME", help="Only what this user did.")
@click.option("--method", metavar="NOUN.VERB", help="Only calls of this method, such as broadcast.cancel.")
@click.option(
    "--via",
    type=click.Choice(("command", "dashboard")),
    help="Only what was done by commands, or in the dashboard.",
)
@click.option(
    "--before",
    type=Whole(min=0),
    metavar="ID",
    help="Only entries that are older than that with this id.",
)
@click.option(
    "--limit",
    type=Whole(min=1, max=10_000),
    default=100,
    show_default=True,
    metavar="N",
    help="Only the newest N.",
)
@click.pass_obj
def audit(
    session: Session,
    since: str | None,
    user: str | None,
    method: str | None,
    via: str | None,
    before: int | None,
    limit: int,
) -> None:
    """Show who changed what, by commands and in the dashboard.

    The oldest change is first. For example: wacrmd audit --since 2h --user ann
    """

    def render(rows: list[JsonObject]) -> None:
        # Only a sum says how many calls it stands for.
        shown = [
            row | {"params": _params(row["params"]), "calls": row["calls"] if row["calls"] > 1 else None}
            for row in rows
        ]
        table(shown, AUDIT, empty="Nothing was changed in this time.")

    found = call(session, "audit", since=since, user=user, method=method, via=via, before=before, limit=limit)
    emit(session, found, render)


def _params(params: JsonObject) -> str:
    given = {name: value for name, value in params.items() if value is not False}
    return " ".join(
        f"{name}={value if isinstance(value, str) else _plain(value)}" for name, value in given.items()
    )
