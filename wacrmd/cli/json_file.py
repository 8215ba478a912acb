"""A JSON file that a command reads."""

import json
from pathlib import Path

import click

from wacrmd.fields import JsonObject


def object_in(file: str) -> JsonObject:
    """The object in a JSON file; raises ClickException for another file."""
    try:
        found = json.loads(Path(file).read_bytes())
    except OSError as error:
        raise click.ClickException(f"cannot read {file}: {error.strerror}") from None
    except ValueError as error:
        raise click.ClickException(f"{file}: expected JSON: {error}") from None
    if not isinstance(found, dict):
        raise click.ClickException(f"{file}: expected a JSON object")
    return found


def content_in(file: str) -> JsonObject:
    """Header, buttons and components for all recipients; raises ClickException for another file."""
    content = object_in(file)
    if set(content) - {"header", "buttons", "components"}:
        raise click.ClickException(f"{file}: expected an object with header, buttons or components")
    return content
