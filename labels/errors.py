"""The base class of every error that a user may see."""


class SameskuError(Exception):
    """An error that is shown to the user.

    Args:
        message: what is wrong, one sentence.
        hint: what to do about it, one sentence; empty where there is nothing to do.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class LabelsError(SameskuError):
    """The label ledger cannot be read or written, or a request about it cannot be fulfilled."""
