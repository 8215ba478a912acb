"""Claims recipients, keeps to the rate, sends, decides what the response means, records it.

Only `daemon` imports it. Services reach it through `services/context.py`.
"""
