"""The HTTP API for local apps: key, rate limit, request and response.

Only `daemon` and `reference` import it.
"""
