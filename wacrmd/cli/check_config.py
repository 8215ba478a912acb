"""`wacrmd check-config`: reports all problems of the configuration, without starting anything."""

from pathlib import Path

import click

from wacrmd import config as configuration
from wacrmd import plain_text
from wacrmd.cli.frame import Session, json_option
from wacrmd.cli.output import emit, hint, say


@click.command("check-config")
@click.option("--config", type=click.Path(path_type=Path), help="The configuration file.")
@click.option("--effective", is_flag=True, help="Print every key with its effective value.")
@click.pass_obj
def check_config(session: Session, config: Path | None, effective: bool) -> None:
    """Check the configuration file.

    If it cannot be used, each error is one line, and the exit code is 78.

    For example: wacrmd check-config --effective
    """
    option = config or session.config
    loaded = configuration.load(option)
    path = configuration.config_path(option)
    warnings = configuration.warnings(loaded)
    result = {"file": str(path), "exists": path.exists(), "warnings": warnings}
    if effective:
        result["effective"] = configuration.effective(loaded)

    def render(_: object) -> None:
        for warning in warnings:
            hint(f"warning: {warning}")
        if effective:
            click.echo(plain_text.in_lines(configuration.effective(loaded)), nl=False)
        else:
            say(
                f"{path}: no errors"
                if path.exists()
                else f"{path} does not exist: all keys have their defaults"
            )

    emit(session, result, render)


check_config.params.append(json_option())
