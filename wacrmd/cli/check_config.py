"""`wacrmd check-config`: every problem of the configuration at once, without starting anything."""

from pathlib import Path

import click

from wacrmd import config as configuration
from wacrmd.cli.frame import Session, json_option
from wacrmd.cli.output import emit, hint, say


@click.command("check-config")
@click.option("--config", type=click.Path(path_type=Path), help="The configuration file.")
@click.option("--effective", is_flag=True, help="Print every key with the value in use.")
@click.pass_obj
def check_config(session: Session, config: Path | None, effective: bool) -> None:
    """Check the configuration file; exit code 78 and one line for each error if it cannot be used.

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
            click.echo(configuration.effective(loaded), nl=False)
        else:
            say(f"{path}: good" if path.exists() else f"there is no {path}: the defaults hold")

    emit(session, result, render)


check_config.params.append(json_option())
