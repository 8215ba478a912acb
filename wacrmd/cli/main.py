"""The executable: the table of commands, and one sentence and an exit code for whatever goes wrong."""

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from wacrmd import __version__
from wacrmd.cli.frame import Lazy, Root, Session, json_option, shared_options
from wacrmd.errors import AddressInUseError, ConfigError, DatabaseInUseError, WacrmdError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNAVAILABLE = 69
EXIT_DATABASE_IN_USE = 75
EXIT_CONFIG = 78

SECTIONS = {
    "The daemon": {
        "serve": Lazy("wacrmd.cli.serve:serve", "Run the daemon."),
        "demo": Lazy("wacrmd.cli.demo:demo", "See it work: a daemon, a simulated Meta and one broadcast."),
        "simulate": Lazy("wacrmd.cli.simulate:simulate", "Run the simulated Meta alone."),
        "check-config": Lazy("wacrmd.cli.check_config:check_config", "Check the configuration file."),
        "restore": Lazy("wacrmd.cli.restore:restore", "Make a backup the database, with the daemon stopped."),
        "version": Lazy("wacrmd.cli.main:version", "Print the version."),
        "completion": Lazy("wacrmd.cli.main:completion", "Print the script for a shell's completion."),
    },
    "The running daemon": {
        "status": Lazy("wacrmd.cli.commands.status:status", "What it is doing, and what does not move."),
        "doctor": Lazy("wacrmd.cli.commands.control:doctor", "Check all that can be wrong, and what to do."),
        "account": Lazy(
            "wacrmd.cli.commands.account:account", "Tenants: they own numbers, keys, broadcasts."
        ),
        "number": Lazy("wacrmd.cli.commands.number:number", "Business phone numbers that send."),
        "key": Lazy("wacrmd.cli.commands.key:key", "API keys of local apps."),
        "broadcast": Lazy("wacrmd.cli.commands.broadcast:broadcast", "Broadcasts and their recipients."),
        "template": Lazy("wacrmd.cli.commands.template:template", "Message templates as Meta has them."),
        "optout": Lazy("wacrmd.cli.commands.optout:optout", "People who must not be messaged any more."),
        "webhook": Lazy("wacrmd.cli.commands.webhook:webhook", "Tell local apps what happens."),
        "reload": Lazy("wacrmd.cli.commands.control:reload", "Read the configuration again."),
        "drain": Lazy("wacrmd.cli.commands.control:drain", "Send no more, to stop or restart it."),
        "log-level": Lazy("wacrmd.cli.commands.control:log_level", "Log more, for a while."),
        "audit": Lazy("wacrmd.cli.commands.control:audit", "Who changed what."),
        "backup": Lazy("wacrmd.cli.commands.maintenance:backup", "Copy the database to a file."),
        "check-db": Lazy(
            "wacrmd.cli.commands.maintenance:check_db", "Look for damage in the database or a copy."
        ),
        "erase": Lazy("wacrmd.cli.commands.maintenance:erase", "Erase all that is known of one person."),
        "export-person": Lazy(
            "wacrmd.cli.commands.maintenance:export_person", "Print all that is known of one person."
        ),
    },
}


@click.group(cls=Root, sections=SECTIONS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wacrmd", message="%(prog)s %(version)s")
@click.option("--config", type=click.Path(path_type=Path), help="The configuration file.")
@click.pass_context
def root(context: click.Context, config: Path | None) -> None:
    """Send WhatsApp broadcasts from your own server: never lost, never twice."""
    context.obj.config = config


root.params.extend(shared_options())


@click.command()
@click.pass_obj
def version(session: Session) -> None:
    """Print the version of this command; 'wacrmd status' tells the daemon's.

    For example: wacrmd version
    """
    click.echo(f'{{"version":"{__version__}"}}' if session.json else f"wacrmd {__version__}")


version.params.append(json_option())


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes wacrmd's commands in a SHELL.

    For example: wacrmd completion bash > /etc/bash_completion.d/wacrmd
    """
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - only this command needs it

    completer = get_completion_class(shell)
    if completer is None:
        raise click.UsageError(f"no completion for {shell}")
    # Not source(): for bash that starts a bash to ask for its version.
    script = completer(root, {}, "wacrmd", "_WACRMD_COMPLETE")
    click.echo(script.source_template % script.source_vars())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code (docs/admin.md, On the command line); errors go to stderr."""
    try:
        returned = root.main(arguments, prog_name="wacrmd", standalone_mode=False, obj=Session())
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return EXIT_USAGE
    except click.ClickException as error:
        _complain(_sentence(error))
        return EXIT_USAGE if isinstance(error, click.UsageError) else EXIT_FAILED
    except click.Abort:
        _complain("stopped")
        return EXIT_FAILED
    except ConfigError as error:
        for problem in error.problems:  # each names its file, as compilers do
            click.echo(problem, err=True)
        return EXIT_CONFIG
    except WacrmdError as error:
        _complain(str(error))
        return _exit_code(error)
    except BrokenPipeError:
        # Whoever read our output has enough (`| head`); Python's own flush at exit must not complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except OSError as error:
        _complain(f"{error.filename or 'writing the output'}: {os.strerror(error.errno or errno.EIO)}")
        return EXIT_FAILED
    return returned if isinstance(returned, int) else 0


def _exit_code(error: WacrmdError) -> int:
    # Imported here: the command that failed has loaded it already, and the help needs none of it.
    from wacrmd.admin.client import NotReachableError  # noqa: PLC0415

    if isinstance(error, AddressInUseError | NotReachableError):
        return EXIT_UNAVAILABLE
    return EXIT_DATABASE_IN_USE if isinstance(error, DatabaseInUseError) else EXIT_FAILED


def _sentence(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{message} (see '{context.command_path} --help')" if context else message


def _complain(sentence: str) -> None:
    click.echo(f"wacrmd: {sentence}", err=True)


if __name__ == "__main__":
    sys.exit(main())
