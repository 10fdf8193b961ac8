"""Removal of terminal escape sequences from text: colours, cursor movements, window titles, links, clipboard access.

Some feeds are captured from a terminal. Of a sequence that is not removed as a whole, the parameters would be read as a
word of the listing: `31mred` for a red `red`.
"""

import re

_ESCAPE = "\x1b"
#: ECMA-48, section 5, and xterm's control sequences (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html). Control
#: strings end with ST, or with BEL as in xterm; one without an end loses only its introducer, so that no text is lost.
#: The eight-bit forms are not removed: in a catalogue, C1 characters are Windows-1252.
_SEQUENCE = re.compile(
    r"\x1b(?:"
    r"\[[0-?]*[ -/]*[@-~]?"  # control sequences (CSI)
    r"|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # control strings (OSC, DCS, SOS, PM, APC)
    r"|\][0-9]*;?"  # an operating system command without an end
    r"|[78=>]"  # save and restore the cursor, keypad modes
    r"|(?:[()*+#%][0-9A-Z@]|[cDEHM])(?![a-z])"  # character sets, reset, index; but not the first letter of a word
    r")?"
)


def has_escapes(text: str) -> bool:
    """Whether the text has an ESC character."""
    return _ESCAPE in text


def without_escapes(text: str) -> str:
    """The text without escape sequences, and without lone ESC characters. Idempotent."""
    return _SEQUENCE.sub("", text) if has_escapes(text) else text
