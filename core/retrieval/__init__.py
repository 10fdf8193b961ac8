"""Candidates for a query: dense, lexical, and their fusion."""
