"""What `samesku monitor` has found: bands, distributions, and what has moved."""
