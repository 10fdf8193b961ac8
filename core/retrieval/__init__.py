"""Candidate retrieval: encoders, dense and lexical indexes, their fusion, and the model registry."""
