"""Creating, reading, following, pausing, cancelling and retrying broadcasts."""
