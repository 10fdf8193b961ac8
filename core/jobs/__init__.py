"""Detached jobs: processes that outlive the terminal and report through files."""
