"""How good a model is: retrieval and pair metrics, and their tables."""
