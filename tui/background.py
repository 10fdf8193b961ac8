"""Work in background threads, and the one place where an exception becomes a message to the user."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from textual.app import App
from textual.dom import DOMNode
from textual.message import Message
from textual.worker import Worker

from core.errors import DamagedError
from labels.errors import SameskuError
from tui.common.words import REBUILD, safe_excerpt
from tui.messages import Failed

#: Long enough to read two sentences.
_SHOWN_S = 10.0


@contextmanager
def failures_shown(app: App[Any]) -> Iterator[None]:
    """Show expected errors as a notification and leave the block; bugs propagate."""
    try:
        yield
    except (SameskuError, sqlite3.Error, OSError) as error:
        tell(app, failure(error))


def failure(error: SameskuError | sqlite3.Error | OSError) -> Failed:
    """An error as a sentence and a way out."""
    if isinstance(error, DamagedError):
        return Failed(error.message, REBUILD)
    if isinstance(error, SameskuError):
        return Failed(error.message, error.hint)
    if isinstance(error, sqlite3.Error):
        return Failed(f"The candidates cannot be read: {error}.", "Run `samesku index` to make them again.")
    return Failed(f"That did not work: {error.strerror or error}.", "Run `samesku doctor` to see what is wrong.")


def tell(app: App[Any], failed: Failed) -> None:
    """Show a failure as a notification."""
    text = safe_excerpt(failed.message) + (f"\n{safe_excerpt(failed.hint)}" if failed.hint else "")
    app.notify(text, severity="error", timeout=_SHOWN_S, markup=False)


def in_background(node: DOMNode, group: str, work: Callable[[], Message | None]) -> Worker[None]:
    """Run `work` in a thread and post the message it returns, or `Failed`, to `node`.

    `work` must not touch a widget. Newer work of the same group discards the message of older work.
    """

    def run() -> Message | None:
        try:
            return work()
        except (SameskuError, sqlite3.Error, OSError) as error:
            return failure(error)

    async def run_and_post() -> None:
        message = await asyncio.to_thread(run)
        if message is not None:
            node.post_message(message)

    # The function, not its coroutine: a worker that never starts, as on leaving, leaves nothing unawaited.
    worker: Worker[None] = node.run_worker(run_and_post, group=group, exclusive=True, exit_on_error=True)
    return worker
