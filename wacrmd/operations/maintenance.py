"""`backup`, `check-db`, `erase`, `export-person`: looking after the file, and after people's rights."""

from pathlib import Path

from pydantic import Field, SecretStr

from wacrmd.domain.actor import Actor, Level
from wacrmd.errors import ErrorCode
from wacrmd.operations.inputs import Name, NoParams, OptionalAccount, Params
from wacrmd.operations.operation import Admin, Operations
from wacrmd.services.context import Context
from wacrmd.services.maintenance import backups, data_subjects, integrity
from wacrmd.views.maintenance import BackupView, ErasedView, IntegrityView, PersonExport

operations = Operations()


class NewBackup(Params):
    """Where a copy goes."""

    file: str = Field(
        min_length=1, max_length=4096, description="an absolute path on the machine of the daemon"
    )
    force: bool = Field(default=False, description="replace a file that exists")


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
    """Copy the database to one checked file while the daemon works."""
    return await backups.backup(ctx, Path(params.file), overwrite=params.force)


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
