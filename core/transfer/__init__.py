"""Import and export of labels and training data."""
