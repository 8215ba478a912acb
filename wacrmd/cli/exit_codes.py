"""The exit codes of all commands, after sysexits.h; docs/admin.md lists them."""

FAILED = 1
USAGE = 2
UNAVAILABLE = 69
"""The daemon is not reachable, or an address is in use."""
DATABASE_IN_USE = 75
CONFIG = 78
"""The configuration or the key file cannot be used, or, at the start, what is in the database: a restart does not help."""
INTERRUPTED = 130
"""Ctrl-C, as shells tell it: 128 and the number of SIGINT."""
