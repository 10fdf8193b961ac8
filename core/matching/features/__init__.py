"""Features of a pair: named numbers computed for many pairs at once, and their store."""
