"""The HTTP/1.1 client for Meta and for local apps: it sends a request once and knows how far it got.

Nothing here knows Meta. docs/adr/0013-our-own-http-client.md says why it is our own.
"""
