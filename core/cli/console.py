"""What the command line writes to a terminal or a file: nothing acts but its own colours."""

import json
from collections.abc import Iterable
from io import TextIOWrapper
from typing import Any, TextIO

from rich.console import Console
from rich.segment import Segment

from core.cli.streams import discard_diagnostics
from core.text.safe import safe
from labels.exchange.json_output import json_text


class SafeConsole(Console):
    """Rich's own, but whatever catalogues, people and models say stands there as `safe` shows it.

    Done where text becomes bytes, so that no verb can forget it.
    """

    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        return super()._render_buffer(part if part.control else _shown(part) for part in buffer)

    def _write_buffer(self) -> None:
        try:
            super()._write_buffer()
        except BrokenPipeError:
            raise
        except OSError:
            if not self.stderr:
                raise
            # Diagnostics that cannot be written, to a log on a full disk say, end no work.
            del self._buffer[:]
            discard_diagnostics()


def bear_any_encoding(*streams: TextIO) -> None:
    """Let a character that the terminal's encoding lacks be a question mark and no fault."""
    for stream in streams:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _shown(part: Segment) -> Segment:
    return Segment("\n".join(map(safe, part.text.split("\n"))), part.style)


def as_json(value: dict[str, Any], encoding: str = "utf-8") -> str:
    """One line of JSON that says what the value says, and in which nothing acts; what an encoding lacks is escaped."""
    text = json_text(value, allow_nan=False, default=str)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(json.loads(text))
    return text
