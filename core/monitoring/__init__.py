"""Monitoring: whether catalogues, candidates and probabilities are still what the matcher was trusted on."""
