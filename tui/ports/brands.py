"""Brands that go by several names."""

from typing import Protocol


class Brands(Protocol):
    """What the workspace knows of brands' names."""

    def same(self, one: str, other: str) -> bool:
        """Whether two names are one brand."""
