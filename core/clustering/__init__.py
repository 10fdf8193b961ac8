"""Clustering: groups of listings that are one product, across any number of sources."""
