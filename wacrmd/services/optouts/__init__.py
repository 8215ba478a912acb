"""The suppression list: by hand, by file, and by messages of people."""
