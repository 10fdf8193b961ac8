"""What the desk itself cannot do."""

from labels.errors import SameskuError


class DeskError(SameskuError):
    """The desk cannot go on."""
