"""The exit codes of all commands, after sysexits.h; docs/admin.md lists them."""

FAILED = 1
USAGE = 2
UNAVAILABLE = 69
"""The daemon is not reachable, or an address is in use."""
DATABASE_IN_USE = 75
CONFIG = 78
"""The configuration cannot be used, or at the start of the daemon the content of its database: a restart does not help."""
