"""Single messages: each is a broadcast to one person, kept apart from the others."""
