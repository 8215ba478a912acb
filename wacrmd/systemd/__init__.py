"""Readiness, watchdog and the sockets that systemd holds.

Only `daemon` imports it.
"""
