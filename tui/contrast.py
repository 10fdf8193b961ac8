"""Makes any theme readable: text in colour keeps a contrast that a tired eye can rely on."""

from textual.color import Color

#: WCAG 2.2, success criterion 1.4.3 (level AA) for text of normal size.
ENOUGH = 4.5

#: The share of the primary colour in a highlighted row; app.tcss paints it.
ROW = 0.2

_WORDS = (
    "text-primary", "text-secondary", "text-warning", "text-error", "text-success", "text-accent",
    "foreground-muted",
)  # fmt: skip
#: Each step leaves 92 % of the way to the foreground; after forty there is nothing of it.
_STEP = 0.08
_MOST_STEPS = 40


def contrast(first: Color, second: Color) -> float:
    """The WCAG contrast ratio of two opaque colours, from 1 to 21."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def readable(variables: dict[str, str]) -> dict[str, str]:
    """A theme's variables with its text colours moved towards its foreground until they can be read.

    They are judged on the three grounds that text stands on: the background, the highlighted row, and the panel
    of bars and titles.
    """
    foreground = Color.parse(variables["foreground"])
    background = Color.parse(variables["background"])
    row = background.blend(Color.parse(variables["primary"]), ROW)
    grounds = [background, row, background + Color.parse(variables["panel"])]
    changed = {}
    for name in _WORDS:
        color = background + Color.parse(variables[name])
        for _ in range(_MOST_STEPS):
            if min(contrast(color, ground) for ground in grounds) >= ENOUGH:
                break
            color = color.blend(foreground, _STEP)
        changed[name] = color.hex
    return variables | changed


def grounded(variables: dict[str, str], *, no_colour: bool) -> dict[str, str]:
    """A theme's variables where the terminal's own colours are used, or none: nothing can be blended there.

    What has no colour of its own takes that of the line it stands in, so that it can be read in a highlighted one too.
    Without colours, a line under what is highlighted in a list must do.
    """
    plain = {
        name: "transparent"
        for name, value in variables.items()
        if name.endswith("-muted") or (name in _WORDS and value == "ansi_default")
    }
    highlighted = {"block-cursor-text-style": "bold underline"} if no_colour else {}
    return variables | plain | highlighted


def _luminance(color: Color) -> float:
    """Relative luminance as WCAG defines it."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
