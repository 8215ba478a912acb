"""Pure: the nouns, status transitions, why something is held, phone numbers, opt-out keywords.

Every package above it may import it. It does no I/O and reads no clock.
"""
