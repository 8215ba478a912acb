"""A JSON file that a command reads."""

import json

import click

from wacrmd.cli.input import read_whole
from wacrmd.fields import JsonObject

MAX_BYTES = 1 << 20
"""The daemon takes no larger request."""


def object_in(file: str) -> JsonObject:
    """The object in a JSON file; raises ClickException for another file."""
    try:
        found = json.loads(read_whole(file, max_bytes=MAX_BYTES, advice="is it the right file?"))
    except RecursionError:
        raise click.ClickException(f"{file}: expected JSON that is not nested so deeply") from None
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
