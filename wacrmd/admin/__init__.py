"""The admin socket: JSON-RPC, levels, audit; the server and the client.

Only `cli`, `daemon`, `demo` and `reference` import it.
"""
