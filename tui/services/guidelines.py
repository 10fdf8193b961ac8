"""The guidelines as a file in the workspace."""

from pathlib import Path

from core.text.safe import safe
from labels.files import open_regular
from tui.errors import DeskError
from tui.ports.guidelines import Guidelines

#: Who writes more writes a book; every block of the text costs the screen a widget.
MOST_BYTES = 32_768
MOST_LINES = 400

_BUILT_IN = Path(__file__).parents[1] / "guidelines.md"


class TeamGuidelines:
    """A `tui.ports.guidelines.GuidelinesShelf`: one Markdown file, or what the desk says by itself."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Guidelines:
        """The team's text; the built-in one where the file is absent or holds nothing.

        Raises:
            DeskError: the file cannot be read.
        """
        try:
            with open_regular(self._path) as file:
                read = file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            read = b""
        except OSError as error:
            hint = "A lead of your team can mend guidelines.md in the folder of the workspace."
            raise DeskError(f"The guidelines cannot be read: {error.strerror}.", hint) from error
        lines = read[:MOST_BYTES].decode("utf-8-sig", errors="replace").splitlines()
        text = "\n".join(safe(line.expandtabs(4)).rstrip() for line in lines[:MOST_LINES])
        if not text.strip():
            return Guidelines(_BUILT_IN.read_text(encoding="utf-8"), own=False)
        return Guidelines(text, own=True, cut=len(read) > MOST_BYTES or len(lines) > MOST_LINES)
