"""The report of a model comparison: one HTML file that opens without a network."""
