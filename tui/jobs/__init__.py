"""Detached jobs: list, progress, log and results."""
