"""One function for each use case, in one package for each noun.

Operations and the listener for Meta's webhooks call them; the sender uses `pausing`, `failures` and `counters`.
"""
