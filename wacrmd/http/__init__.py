"""The HTTP listeners, middleware, and the address policy against SSRF.

The packages with listeners import it, and those that check or call the URL of a webhook.
"""
