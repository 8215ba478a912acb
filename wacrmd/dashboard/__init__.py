"""The pages for people, in a browser.

Only `daemon` imports it. It calls operations, as the admin socket does, with what the session's role may do.
"""
