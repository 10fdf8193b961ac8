"""Labelling progress, annotators and agreement."""
