"""Everything of samesku that runs without a terminal."""
