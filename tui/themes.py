"""The desk's own colours: blue for yes, orange or wine for no, sand for care; every kind of eye tells them apart.

Red and green, which most themes use, are much alike to one man in twelve.
"""

from dataclasses import replace

from textual.theme import BUILTIN_THEMES, Theme

from core.terminal import Terminal

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

#: Sixteen colours are their owner's, light or dark: few are used, and none where a word must be read.
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

OWN = (DARK, LIGHT, ANSI_DARK, ANSI_LIGHT)

#: The setting that leaves the choice to the desk.
AUTO = "auto"


def theme_for(setting: str, terminal: Terminal) -> str:
    """The name of the theme to open with: what is set, else what fits the terminal."""
    if setting != AUTO:
        return setting
    return _theme(light=terminal.light, ansi=terminal.few_colours).name


def turned(theme: Theme) -> str:
    """The name of the light theme for a dark one, and the other way round."""
    return _theme(light=theme.dark, ansi=theme.ansi).name


def _theme(*, light: bool, ansi: bool) -> Theme:
    if ansi:
        return ANSI_LIGHT if light else ANSI_DARK
    return LIGHT if light else DARK
