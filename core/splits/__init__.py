"""Labels as training and evaluation data, split without leakage."""
