"""What callers see, declared once as types: in the API, on the admin socket, in outbound webhooks.

Every package above it may import it; `sender` and `outbound` do not.
"""
