"""What became of messages, summed up."""
