"""Encoders: finding a model, loading it safely, vectors and their cache."""
