"""What the desk itself cannot do."""

from labels.errors import SameskuError


class EngineError(SameskuError):
    """The engine beside the desk cannot do what was asked; the desk goes on without it."""


class DeskError(SameskuError):
    """The desk cannot go on."""


class BrokenDownError(DeskError):
    """The desk has a fault; the cause says which."""

    def __init__(self) -> None:
        super().__init__(
            "The desk stopped because of a fault in it.",
            "Everything you decided is saved. Start it again; `--debug` shows what happened.",
        )


class EngineRefusalError(EngineError):
    """The engine runs, and says why it cannot do what it was asked for."""


class VerbError(SameskuError):
    """A verb of the command line, asked from the desk, could not do what was asked."""


class VerbEndedError(VerbError):
    """It was ended before it had answered, by whoever asked."""
