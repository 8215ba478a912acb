"""How long a test waits for what must come."""

PATIENCE_S = 60.0
"""Only a test that fails waits so long: a machine with too much to do must not make one fail."""
