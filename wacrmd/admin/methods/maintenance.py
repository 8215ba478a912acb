"""`backup`, `check-db`, `erase`, `export-person`: looking after the file, and after people's rights."""

from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr

from wacrmd.admin.identity import Caller, Level
from wacrmd.admin.methods.accounts import Name
from wacrmd.admin.registry import Method, NoParams, Params
from wacrmd.services.context import Context
from wacrmd.services.maintenance import backups, data_subjects, integrity


class NewBackup(Params):
    """Where a copy goes."""

    file: str = Field(min_length=1, max_length=4096, description="an absolute path, as the daemon sees it")
    force: bool = Field(default=False, description="replace a file that exists")


class WhichPerson(Params):
    """A person; the number is kept out of the audit, which would outlive the erasure."""

    phone: SecretStr = Field(min_length=1, max_length=64, description="the person's phone number")
    account: Name | None = Field(None, description="only what this account knows")


class ErasedPerson(WhichPerson):
    """A person who is to be erased."""

    forget_optout: bool = Field(
        default=False, description="erase an opt-out too: lists may reach the person again"
    )


async def backup(ctx: Context, params: NewBackup, _caller: Caller) -> dict[str, Any]:
    """Copy the database to a file."""
    return await backups.backup(ctx, Path(params.file), overwrite=params.force)


async def check_db(ctx: Context, _params: NoParams, _caller: Caller) -> dict[str, Any]:
    """Look for damage in the database."""
    return await integrity.check_db(ctx)


async def erase(ctx: Context, params: ErasedPerson, _caller: Caller) -> dict[str, Any]:
    """Erase a person."""
    return await data_subjects.erase_person(
        ctx, params.phone.get_secret_value(), params.account, forget_optout=params.forget_optout
    )


async def export_person(ctx: Context, params: WhichPerson, _caller: Caller) -> dict[str, Any]:
    """Everything that is known of a person."""
    return await data_subjects.export_person(ctx, params.phone.get_secret_value(), params.account)


METHODS: tuple[Method[Context], ...] = (
    Method(
        name="backup",
        level=Level.ADMIN,
        summary="Copy the database to one checked file while all goes on",
        params=NewBackup,
        handler=backup,
        example={"file": "/var/lib/wacrmd/backups/before-upgrade.db"},
        changes=True,
    ),
    Method(
        name="check-db",
        level=Level.OPERATE,
        summary="Read the whole database and look for damage",
        handler=check_db,
    ),
    Method(
        name="erase",
        level=Level.ADMIN,
        summary="Erase one person: recipients stay as anonymous rows, an opt-out is kept unless told otherwise",
        params=ErasedPerson,
        handler=erase,
        example={"phone": "+14155550123"},
        changes=True,
    ),
    Method(
        name="export-person",
        level=Level.ADMIN,
        summary="Everything that is known of one person",
        params=WhichPerson,
        handler=export_person,
        example={"phone": "+14155550123"},
        changes=True,
    ),
)
