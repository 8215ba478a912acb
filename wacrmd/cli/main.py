"""The executable: the table of commands, and a sentence and an exit code for each error."""

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from wacrmd import __version__, plain_text
from wacrmd.cli.exit_codes import CONFIG, DATABASE_IN_USE, FAILED, INTERRUPTED, UNAVAILABLE, USAGE
from wacrmd.cli.frame import Lazy, Root, Session, json_option, shared_options
from wacrmd.errors import AddressInUseError, ConfigError, DatabaseInUseError, KeyFileError, WacrmdError

SECTIONS = {
    "The daemon": {
        "serve": Lazy("wacrmd.cli.serve:serve", "Run the daemon."),
        "demo": Lazy("wacrmd.cli.demo:demo", "Run a daemon, a simulated Meta and one broadcast."),
        "simulate": Lazy("wacrmd.cli.simulate:simulate", "Run only the simulated Meta."),
        "check-config": Lazy("wacrmd.cli.check_config:check_config", "Check the configuration file."),
        "restore": Lazy("wacrmd.cli.restore:restore", "Restore a backup while no daemon runs."),
        "repair": Lazy("wacrmd.cli.repair:repair", "Repair a damaged database while no daemon runs."),
        "key-file": Lazy("wacrmd.cli.key_file:key_file", "The key that encrypts tokens and secrets."),
        "version": Lazy("wacrmd.cli.main:version", "Print the version."),
        "completion": Lazy("wacrmd.cli.main:completion", "Print a script for completion in the shell."),
    },
    "The running daemon": {
        "status": Lazy("wacrmd.cli.commands.status:status", "Show its health, and what does not move."),
        "doctor": Lazy("wacrmd.cli.commands.control:doctor", "Check everything, with advice."),
        "account": Lazy(
            "wacrmd.cli.commands.account:account", "Accounts: they own numbers, keys and broadcasts."
        ),
        "number": Lazy("wacrmd.cli.commands.number:number", "Business phone numbers that send."),
        "key": Lazy("wacrmd.cli.commands.key:key", "API keys of local apps."),
        "broadcast": Lazy("wacrmd.cli.commands.broadcast:broadcast", "Broadcasts and their recipients."),
        "message": Lazy("wacrmd.cli.commands.message:message", "Single messages."),
        "draft": Lazy("wacrmd.cli.commands.draft:draft", "Broadcasts that are made step by step."),
        "media": Lazy("wacrmd.cli.commands.media:media", "Files for the header of messages."),
        "template": Lazy("wacrmd.cli.commands.template:template", "Message templates."),
        "price": Lazy("wacrmd.cli.commands.price:price", "What messages cost."),
        "stats": Lazy("wacrmd.cli.commands.stats:stats", "What became of messages, summed up."),
        "optout": Lazy("wacrmd.cli.commands.optout:optout", "People who get no more broadcasts."),
        "dashboard": Lazy("wacrmd.cli.commands.dashboard:dashboard", "A link to the pages for people."),
        "user": Lazy("wacrmd.cli.commands.dashboard:user", "Users of the dashboard."),
        "webhook": Lazy("wacrmd.cli.commands.webhook:webhook", "Events that are posted to local apps."),
        "reload": Lazy("wacrmd.cli.commands.control:reload", "Read the configuration again."),
        "drain": Lazy("wacrmd.cli.commands.control:drain", "Stop sending, before a stop or for good."),
        "undrain": Lazy("wacrmd.cli.commands.control:undrain", "End a drain: send again."),
        "log-level": Lazy("wacrmd.cli.commands.control:log_level", "Show or change the log level."),
        "clock": Lazy("wacrmd.cli.commands.clock:clock", "The machine's clock, and whether it is trusted."),
        "audit": Lazy("wacrmd.cli.commands.control:audit", "Show who changed what."),
        "backup": Lazy("wacrmd.cli.commands.maintenance:backup", "Copy the database to a file."),
        "check-db": Lazy("wacrmd.cli.commands.maintenance:check_db", "Look for damage in a database."),
        "erase": Lazy("wacrmd.cli.commands.maintenance:erase", "Erase the data of one person."),
        "export-person": Lazy(
            "wacrmd.cli.commands.maintenance:export_person", "Print the data of one person."
        ),
    },
}


@click.group(cls=Root, sections=SECTIONS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wacrmd", message="%(prog)s %(version)s")
@click.option("--config", type=click.Path(path_type=Path), help="The configuration file.")
@click.pass_context
def root(context: click.Context, config: Path | None) -> None:
    """Send WhatsApp broadcasts from your own server.

    No message is lost, and none is sent twice.
    """
    context.obj.config = config
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":  # https://no-color.org
        context.color = False


root.params.extend(shared_options())


@click.command()
@click.pass_obj
def version(session: Session) -> None:
    """Print the version of this command.

    wacrmd status shows the version of the daemon.

    For example: wacrmd version
    """
    click.echo(f'{{"version":"{__version__}"}}' if session.json else f"wacrmd {__version__}")


version.params.append(json_option())


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that completes wacrmd commands in a SHELL.

    For example: wacrmd completion bash > /etc/bash_completion.d/wacrmd
    """
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - only this command needs it

    completer = get_completion_class(shell)
    if completer is None:
        raise click.UsageError(f"no completion for {shell}")
    # Not source(): for bash it would start a bash to find its version.
    script = completer(root, {}, "wacrmd", "_WACRMD_COMPLETE")
    click.echo(script.source_template % script.source_vars())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code (docs/admin.md, On the command line); errors go to stderr."""
    _open_closed_streams()
    try:
        returned = root.main(arguments, prog_name="wacrmd", standalone_mode=False, obj=Session())
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return USAGE
    except click.ClickException as error:
        _print_error(_sentence(error))
        return USAGE if isinstance(error, click.UsageError) else FAILED
    except click.Abort as error:  # click raises it for Ctrl-C too, at a prompt and elsewhere
        _print_error("stopped")
        return INTERRUPTED if isinstance(error.__context__, KeyboardInterrupt) else FAILED
    except ConfigError as error:
        for problem in error.problems:  # each names its file, as compilers do
            click.echo(plain_text.in_lines(problem), err=True)
        return CONFIG
    except WacrmdError as error:
        _print_error(str(error))
        return _exit_code(error)
    except BrokenPipeError:
        # The reader of our output has stopped reading (`| head`). Python must not report it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        _print_error(f"{error.filename or 'writing the output'}: {os.strerror(error.errno or errno.EIO)}")
        return FAILED
    return returned if isinstance(returned, int) else 0


def _open_closed_streams() -> None:
    """Let standard streams that are closed lead nowhere: else the daemon has no log, and other files get their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _exit_code(error: WacrmdError) -> int:
    # Imported here: the command that failed has loaded it already, and the help does not need it.
    from wacrmd.admin.client import NotReachableError  # noqa: PLC0415

    if isinstance(error, AddressInUseError | NotReachableError):
        return UNAVAILABLE
    if isinstance(error, KeyFileError):
        return CONFIG
    return DATABASE_IN_USE if isinstance(error, DatabaseInUseError) else FAILED


def _sentence(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{message} (see '{context.command_path} --help')" if context else message


def _print_error(sentence: str) -> None:
    click.echo(f"wacrmd: {plain_text.in_lines(sentence)}", err=True)


if __name__ == "__main__":
    sys.exit(main())
