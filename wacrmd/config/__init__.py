"""The daemon's configuration: settings, their defaults and checks; `sections.py` is the only list of its keys."""

from wacrmd.config.bind import Bind, BindKind
from wacrmd.config.file import config_path, effective, example, load, parse
from wacrmd.config.running import key_file, key_file_offline, reload, warnings
from wacrmd.config.sections import RELOADABLE, SECTIONS, Config, Section

__all__ = [
    "RELOADABLE",
    "SECTIONS",
    "Bind",
    "BindKind",
    "Config",
    "Section",
    "config_path",
    "effective",
    "example",
    "key_file",
    "key_file_offline",
    "load",
    "parse",
    "reload",
    "warnings",
]
