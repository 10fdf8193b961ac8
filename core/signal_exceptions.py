"""Exceptions that signal handlers raise: again if they were lost, but never while they are on their way."""

import weakref


class RaisedException:
    """The exception that a signal handler raised last, and whether it is still there.

    An exception disappears if the signal arrives inside a finalizer, a callback of a library, or C code that clears
    errors, as Cython modules do while they are imported. It then has to be raised again. But an exception that is
    propagating or is being handled must not be followed by a second one, which would interrupt clean-up. The two cases
    differ in whether the exception still exists: the interpreter frees one that was cleared at once.
    """

    def __init__(self) -> None:
        self._last: weakref.ref[BaseException] | None = None

    @property
    def exists(self) -> bool:
        """Whether an exception was raised and was not lost. Any thread may ask."""
        return self._last is not None and self._last() is not None

    def remember(self, error: BaseException) -> BaseException:
        """Returns the exception, to be raised by the caller, who must not keep it: `raise raised.remember(Error())`."""
        self._last = weakref.ref(error)
        return error
