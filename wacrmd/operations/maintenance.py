"""`backup`, `check-db`, `erase`, `export-person`: looking after the file, and after people's rights."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from wacrmd.domain.actor import Actor, Level
from wacrmd.errors import ErrorCode
from wacrmd.operations.inputs import Name, NoParams, OpenFiles, OptionalAccount
from wacrmd.operations.operation import Admin, Operations
from wacrmd.services.context import Context
from wacrmd.services.maintenance import backups, data_subjects, integrity
from wacrmd.views.maintenance import BackupView, ErasedView, IntegrityView, PersonExport

operations = Operations()


def _path(text: str) -> str:
    """The path, if a person can read it: a line end or NUL would be cut off, or mean another file."""
    if not text.isprintable():
        raise ValueError(f"expected a path without control characters, found {text[:80]!r}")
    return text


class NewBackup(OpenFiles):
    """Where a copy goes."""

    file: Annotated[str, AfterValidator(_path)] = Field(
        min_length=1, max_length=4096, description="an absolute path on the machine of the daemon"
    )
    force: bool = Field(default=False, description="replace a plain file that exists")
    hand_over: bool = Field(
        default=False, description="the copy sends from then on, and this database never again"
    )


class Person(OptionalAccount):
    """A person; the number is kept out of the audit, which would outlive the erasure."""

    phone: SecretStr = Field(min_length=1, max_length=64, description="the person's phone number")
    account: Name | None = Field(None, description="only the data of this account")


class ErasePerson(Person):
    """A person who is to be erased."""

    forget_optout: bool = Field(
        default=False, description="erase an opt-out too: lists may reach the person again"
    )


@operations.operation(
    "backup",
    admin=Admin(Level.ADMIN, audited=True),
    errors=(ErrorCode.BAD_REQUEST, ErrorCode.CONFLICT, ErrorCode.UNAVAILABLE),
    example={"file": "/var/lib/wacrmd/backups/before-upgrade.db"},
)
async def backup(ctx: Context, _actor: Actor, params: NewBackup) -> BackupView:
    """Copy the database to one checked file while the daemon works.

    If the call comes with open files, the first one is written, which must be empty, and the caller gives it the name
    `file`. The second is its directory, the third what has that name now: no backup replaces a file of the daemon.
    """
    target = backups.Target(Path(params.file), params.force, params.descriptors)
    return await backups.backup(ctx, target, hand_over=params.hand_over)


@operations.operation("check-db", admin=Admin(Level.OPERATE), errors=(ErrorCode.UNAVAILABLE,))
async def check_db(ctx: Context, _actor: Actor, _params: NoParams) -> IntegrityView:
    """Read the whole database and look for damage."""
    return await integrity.check_db(ctx)


@operations.operation(
    "erase",
    admin=Admin(Level.ADMIN, audited=True),
    errors=(ErrorCode.BAD_REQUEST, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
    example={"phone": "+14155550123"},
)
async def erase(ctx: Context, actor: Actor, params: ErasePerson) -> ErasedView:
    """Erase one person. Recipients stay as anonymous rows; an opt-out stays unless `forget_optout` is given."""
    return await data_subjects.erase_person(
        ctx, params.phone.get_secret_value(), actor.account_id, forget_optout=params.forget_optout
    )


@operations.operation(
    "export-person",
    admin=Admin(Level.ADMIN, audited=True),
    errors=(ErrorCode.BAD_REQUEST, ErrorCode.NOT_FOUND),
    example={"phone": "+14155550123"},
)
async def export_person(ctx: Context, actor: Actor, params: Person) -> PersonExport:
    """Show everything that is known of one person."""
    return await data_subjects.export_person(ctx, params.phone.get_secret_value(), actor.account_id)
