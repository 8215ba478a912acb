"""`wacrmd key …`."""

import click

from wacrmd.cli import complete
from wacrmd.cli.client import call
from wacrmd.cli.frame import Noun, Session
from wacrmd.cli.input import confirm
from wacrmd.cli.options import (
    ListOption,
    Whole,
    one_of,
    only_account_option,
    required_account_option,
    yes_option,
)
from wacrmd.cli.output import Kind, details, emit, hint, say
from wacrmd.cli.table import Column, table
from wacrmd.cli.times import Hours
from wacrmd.domain.account import Scope
from wacrmd.fields import JsonObject

COLUMNS = (
    Column("ID", "id", Kind.ID),
    Column("ACCOUNT", "account"),
    Column("NAME", "name"),
    Column("KEY", "prefix", Kind.KEY, optional=3),
    Column("SCOPES", "scopes"),
    Column("FROM", "allowed_from", optional=2),
    Column("LAST USED", "last_used_at", Kind.TIME, optional=1),
    Column("USED FROM", "last_used_from", optional=1),
    Column("EXPIRES", "expires_at", Kind.TIME, optional=2),
    Column("REVOKED", "revoked_at", Kind.TIME),
    Column("REPLACED BY", "replaced_by", Kind.ID, optional=3),
)

DETAILS = ("id", "account", "name", "key", "scopes", "allowed_from", "expires_at")


@click.group(cls=Noun)
def key() -> None:
    """API keys of local apps."""


@key.command("create")
@required_account_option
@click.option("--name", required=True, metavar="TEXT", help="Which app the key is for.")
@click.option(
    "--scope",
    "scopes",
    cls=ListOption,
    type=one_of(Scope),
    help="What the key may do, several with commas between them; repeatable.",
)
@click.option(
    "--from",
    "allowed_from",
    cls=ListOption,
    metavar="CIDR",
    help="Accept it only from these addresses or networks; repeatable. Behind a proxy that is the proxy's address.",
)
@click.option(
    "--expires-in-days",
    type=Whole(min=1, max=36_500),
    metavar="N",
    help="By default, a key does not expire.",
)
@click.pass_obj
def create(
    session: Session,
    account: str,
    name: str,
    scopes: tuple[str, ...],
    allowed_from: tuple[str, ...],
    expires_in_days: int | None,
) -> None:
    """Create a key, and show it this once.

    For example: wacrmd key create --account shop --name CRM --scope broadcasts:send --from 10.1.0.0/16
    """
    result = call(
        session,
        "key.create",
        account=account,
        name=name,
        scopes=list(scopes),
        allowed_from=list(allowed_from) or None,
        expires_in_days=expires_in_days,
    )

    def render(made: JsonObject) -> None:
        _show(made)
        if not scopes:
            hint("The key has no scope: it can call GET /api/v1/me and nothing else. See --scope.")

    emit(session, result, render)


def _show(made: JsonObject) -> None:
    details((field, made[field]) for field in DETAILS)
    hint("Copy the key now: it is not stored and cannot be shown again.")


@key.command("list")
@only_account_option
@click.pass_obj
def list_keys(session: Session, account: str | None) -> None:
    """List the keys by their prefixes.

    The keys themselves are not stored. For example: wacrmd key list --account shop
    """
    emit(
        session,
        call(session, "key.list", account=account),
        lambda rows: table(rows, COLUMNS, empty="There is no key yet: see wacrmd key create --help"),
    )


@key.command("rotate")
@click.argument("key_id", metavar="ID", shell_complete=complete.keys)
@click.option(
    "--overlap",
    "overlap_hours",
    type=Hours(most=365 * 24),
    default=24,
    show_default=True,
    metavar="TIME",
    help="How long the old key is accepted beside the new one: 30min, 24h, 7d, or a number of hours.",
)
@click.option(
    "--expires-in-days",
    type=Whole(min=1, max=36_500),
    metavar="N",
    help="By default, the new key lives as long as the old one.",
)
@click.pass_obj
def rotate(session: Session, key_id: str, overlap_hours: float, expires_in_days: int | None) -> None:
    """Replace a key by a new one, which is shown this once.

    It has the same name, scopes and addresses. For example: wacrmd key rotate 6f1c2d --overlap 24h
    """
    result = call(
        session, "key.rotate", id=key_id, overlap_hours=overlap_hours, expires_in_days=expires_in_days
    )

    def render(made: JsonObject) -> None:
        _show(made)
        old = made["replaces"]
        hint(
            f"The old key {old['prefix']}… is accepted until {old['expires_at']}: give the app the new one before."
            if overlap_hours
            else f"The old key {old['prefix']}… is refused from now on: give the app the new one."
        )

    emit(session, result, render)


@key.command("revoke")
@click.argument("key_id", metavar="ID", shell_complete=complete.keys)
@yes_option
@click.pass_obj
def revoke(session: Session, key_id: str, yes: bool) -> None:
    """Revoke a key: the next request with it is refused.

    The beginning of its ID is enough. For example: wacrmd key revoke 6f1c2d
    """
    confirm(f"Revoke key {key_id}? The app that uses it stops working.", yes=yes)
    emit(session, call(session, "key.revoke", id=key_id), lambda _: say(f"Key {key_id} is revoked."))
