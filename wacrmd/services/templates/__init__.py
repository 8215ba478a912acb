"""Templates as Meta lists them."""
