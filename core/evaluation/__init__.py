"""Evaluation: retrieval and pair metrics, comparisons, audits, simulations and annotator agreement."""
