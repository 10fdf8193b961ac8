"""The encoders of the workspace, as the desk shows them."""

from typing import Protocol

from core.evaluate.comparison import Comparison
from core.registry.overview import Overview


class ModelShelf(Protocol):
    """The encoders and what is known of them; all of it is read from files. Any thread."""

    def overview(self) -> Overview:
        """All encoders.

        Raises:
            SameskuError: nobody can tell which one is in use.
        """

    def comparison(self, before: str, after: str) -> Comparison | None:
        """Two of them query by query; None where they have not been compared.

        Raises:
            SameskuError: what is kept of it is damaged.
        """
