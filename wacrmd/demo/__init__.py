"""The daemon and the simulated Meta on a temporary database.

Only `cli` imports it.
"""
