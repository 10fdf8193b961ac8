"""Sweeps: the search for the best recipe over a declared space."""
