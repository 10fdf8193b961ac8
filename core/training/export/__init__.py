"""Exports: an encoder as files that load without this project."""
