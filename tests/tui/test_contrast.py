"""Text has sufficient contrast in every theme."""

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from tui.theme import MIN_CONTRAST, ROW_TINT, contrast, readable
from tui.theme import THEMES as OWN_THEMES

THEMES = [theme for theme in (*BUILTIN_THEMES.values(), *OWN_THEMES) if not theme.ansi]
WORDS = ["text-primary", "text-warning", "text-error", "text-success", "text-accent", "foreground-muted"]


def test_black_on_white_is_21_to_1() -> None:
    assert contrast(Color.parse("#000"), Color.parse("#fff")) == pytest.approx(21)
    assert contrast(Color.parse("#777"), Color.parse("#fff")) == pytest.approx(4.478, abs=0.001)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_coloured_text_has_the_foreground_s_contrast_or_the_minimum(theme: Theme) -> None:
    variables = readable(theme.to_color_system().generate() | theme.variables)
    background = Color.parse(variables["background"])
    row = background.blend(Color.parse(variables["primary"]), ROW_TINT)
    foreground = Color.parse(variables["foreground"])
    for ground in (background, row):
        # No colour of a theme can be more readable than its own foreground is.
        floor = min(MIN_CONTRAST, contrast(background + foreground, ground)) * 0.85
        for word in WORDS:
            assert contrast(Color.parse(variables[word]), ground) >= floor, word
