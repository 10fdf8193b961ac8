"""Errors of the desk, its worker processes and the commands that it runs."""

from labels.errors import SameskuError


class WorkerError(SameskuError):
    """A worker process (matcher or judge) cannot answer a request; the desk works on without it."""


class WorkerRefusalError(WorkerError):
    """A worker process runs, and answers a request with an error."""


class DeskError(SameskuError):
    """The desk cannot go on."""


class BrokenDownError(DeskError):
    """The desk stopped because of a bug, which is the cause of this exception."""

    def __init__(self) -> None:
        super().__init__(
            "The desk stopped because of a fault in it.",
            "Everything you decided is saved. Start it again; `--debug` shows what happened.",
        )


class VerbError(SameskuError):
    """A command that the desk ran in a child process failed."""


class VerbEndedError(VerbError):
    """A command was cancelled before it answered."""
