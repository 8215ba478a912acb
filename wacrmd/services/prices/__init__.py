"""What messages cost: price lists, estimates, and what was spent."""
