"""The headless engine of samesku: catalogues, retrieval, matching, training, evaluation and the command line."""
