"""Themes and text styles: blue for match, orange or wine for no match, sand for caution.

The palette is safe for all common forms of colour blindness; red and green, which most themes use, look alike to one
man in twelve. Text colours are adjusted to WCAG AA contrast, and every colour is accompanied by a sign or a word.
"""

from dataclasses import replace

from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from core.matching.bands import Band
from core.terminal import Terminal
from core.text.title_diff import Mark
from labels.model import Decision, Stream

DARK = Theme(
    name="samesku-dark",
    primary="#8fa3bf",
    secondary="#7d8aa0",
    success="#6cb2f5",
    error="#f2814b",
    warning="#edcc84",
    accent="#edcc84",
    foreground="#dde1e6",
    background="#16181c",
    surface="#1d2025",
    panel="#2a2d32",
    variables={
        "text-primary": "#b4c4da",
        "text-secondary": "#a3b0c4",
        "text-success": "#6cb2f5",
        "text-error": "#f2814b",
        "text-warning": "#edcc84",
        "text-accent": "#edcc84",
        "foreground-muted": "#9aa1ac",
    },
)

LIGHT = Theme(
    name="samesku-light",
    primary="#6484b4",
    secondary="#5d6b80",
    success="#0a58a8",
    error="#801020",
    warning="#7d5e00",
    accent="#7d5e00",
    foreground="#22262c",
    background="#f9f9f7",
    surface="#f1f1ef",
    panel="#e6e8ea",
    dark=False,
    variables={
        "text-primary": "#33496a",
        "text-secondary": "#4a586c",
        "text-success": "#0a58a8",
        "text-error": "#801020",
        "text-warning": "#7d5e00",
        "text-accent": "#7d5e00",
        "foreground-muted": "#555c66",
    },
)

#: The 16 ANSI colours are set by the terminal's user, so few are used, and none for text that must be legible.
ANSI_DARK = replace(
    BUILTIN_THEMES["ansi-dark"],
    name="samesku-ansi",
    primary="ansi_cyan",
    success="ansi_bright_cyan",
    error="ansi_bright_red",
    warning="ansi_default",
    accent="ansi_cyan",
)
ANSI_LIGHT = replace(
    BUILTIN_THEMES["ansi-light"],
    name="samesku-ansi-light",
    success="ansi_blue",
    error="ansi_red",
    warning="ansi_default",
    accent="ansi_blue",
)

THEMES = (DARK, LIGHT, ANSI_DARK, ANSI_LIGHT)

#: Value of the setting `desk.theme` that chooses by the terminal.
AUTO = "auto"


def theme_for(setting: str, terminal: Terminal) -> str:
    """The name of the theme to start with: the one that is set, else one that fits the terminal."""
    if setting != AUTO:
        return setting
    return _theme(light=terminal.light, ansi=terminal.has_few_colours).name


def light_or_dark(theme: Theme) -> str:
    """The name of the light counterpart of a dark theme, and the other way round."""
    return _theme(light=theme.dark, ansi=theme.ansi).name


def _theme(*, light: bool, ansi: bool) -> Theme:
    if ansi:
        return ANSI_LIGHT if light else ANSI_DARK
    return LIGHT if light else DARK


#: WCAG 2.2, success criterion 1.4.3 (level AA) for text of normal size.
MIN_CONTRAST = 4.5

#: The share of the primary colour in the background of a highlighted row, as in app.tcss.
ROW_TINT = 0.2

_TEXT_COLOURS = (
    "text-primary", "text-secondary", "text-warning", "text-error", "text-success", "text-accent",
    "foreground-muted",
)  # fmt: skip
#: Each step blends 8 % of the foreground in; after 40 steps the colour is the foreground.
_BLEND_STEP = 0.08
_MAX_BLEND_STEPS = 40


def contrast(first: Color, second: Color) -> float:
    """The WCAG contrast ratio of two opaque colours, from 1 to 21."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def readable(variables: dict[str, str]) -> dict[str, str]:
    """A theme's variables with its text colours blended towards the foreground until they reach `MIN_CONTRAST`.

    Contrast is measured on the three backgrounds that text has: the screen, the highlighted row, and the panel of bars
    and titles.
    """
    foreground = Color.parse(variables["foreground"])
    background = Color.parse(variables["background"])
    row = background.blend(Color.parse(variables["primary"]), ROW_TINT)
    backgrounds = [background, row, background + Color.parse(variables["panel"])]
    adjusted = {}
    for name in _TEXT_COLOURS:
        color = background + Color.parse(variables[name])
        for _ in range(_MAX_BLEND_STEPS):
            if min(contrast(color, behind) for behind in backgrounds) >= MIN_CONTRAST:
                break
            color = color.blend(foreground, _BLEND_STEP)
        adjusted[name] = color.hex
    return variables | adjusted


def terminal_colours(variables: dict[str, str], *, no_colour: bool) -> dict[str, str]:
    """A theme's variables where the terminal's own colours are used, or none; these cannot be blended.

    Text without a colour of its own inherits that of its line, which keeps it legible in a highlighted row. Without
    colours, the highlighted row is underlined.
    """
    plain = {
        name: "transparent"
        for name, value in variables.items()
        if name.endswith("-muted") or (name in _TEXT_COLOURS and value == "ansi_default")
    }
    highlighted = {"block-cursor-text-style": "bold underline"} if no_colour else {}
    return variables | plain | highlighted


def _luminance(color: Color) -> float:
    """Relative luminance as defined by WCAG 2.2."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


MUTED = "$foreground-muted"
STRONG = "bold"
KEY = "bold $text-accent"

GOOD = "$text-success"
BAD = "$text-error"
CAREFUL = "$text-warning"

BANDS = {Band.HIGH: GOOD, Band.MEDIUM: CAREFUL, Band.LOW: MUTED}

DECISIONS = {Decision.MATCH: f"bold {GOOD}", Decision.NO_MATCH: f"bold {BAD}", Decision.UNSURE: f"bold {CAREFUL}"}

#: Reverse and underline also work without colour.
MARKS = {Mark.SAME: "", Mark.OWN: f"underline {CAREFUL}", Mark.STRONG: f"bold reverse {CAREFUL}"}

#: Each stream has its own colour, always shown with the stream's name.
STREAM_STYLES = {
    Stream.TRIAGE: "bold $text-primary on $primary-muted",
    Stream.VALIDATION: "bold $text-warning on $warning-muted",
    Stream.AUDIT: "bold $text-success on $success-muted",
    Stream.ADJUDICATION: "bold $text-error on $error-muted",
}
