"""The listener for Meta's signed events.

Only `daemon` imports it.
"""
