"""Each operation, declared once: parameters, result, errors, and its place in the HTTP API and on the admin socket.

Only `admin`, `api`, `dashboard` and `reference` import it: a declaration contains paths, scopes and levels.
"""
