"""Files for the headers of messages: taken, kept, and uploaded to Meta for the numbers that need them."""
