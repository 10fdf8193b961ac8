"""The root of every error that a user may see."""


class SameskuError(Exception):
    """Something went wrong that a user can understand.

    Args:
        message: one clear sentence that says what is wrong.
        hint: the way out, one sentence; empty where there is none.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class LabelsError(SameskuError):
    """The label store cannot do what was asked."""
