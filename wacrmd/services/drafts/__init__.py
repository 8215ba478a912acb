"""Drafts: a broadcast that a person makes step by step, with a file of up to `[limits] max_upload_recipients` people."""
