"""Detached work that outlives the terminal and reports through files."""
