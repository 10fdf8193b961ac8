"""Themes: in any terminal, and for any form of colour blindness."""

from itertools import combinations

import pytest
from desk_bench import Bench, screen_text, settled
from rich.color import ColorType
from rich.style import Style
from textual.color import Color
from textual.strip import Strip
from textual.theme import Theme

from core.errors import CoreError
from core.settings import DeskSettings, Settings
from core.terminal import TRUE_COLOUR, Terminal
from tui.app import DeskApp
from tui.command_line import _require_terminal
from tui.theme import ANSI_DARK, ANSI_LIGHT, DARK, LIGHT, light_or_dark, readable, theme_for

#: What the colour-blind see, in linear light: Machado, Oliveira and Fernandes 2009, table 1, severity 1.0.
EYES = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900),
    ),
}  # fmt: skip


def as_seen(color: Color, eye: str) -> tuple[float, ...]:
    """The colour in CIE L*a*b*, as that eye sees it."""
    light = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized]
    red, green, blue = (
        min(1.0, max(0.0, sum(share * part for share, part in zip(row, light, strict=True)))) for row in EYES[eye]
    )
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.0888
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def apart(first: Color, second: Color, eye: str) -> float:
    """How far apart two colours are (CIE76); two and a half can just be told apart side by side."""
    return sum((a - b) ** 2 for a, b in zip(as_seen(first, eye), as_seen(second, eye), strict=True)) ** 0.5


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_the_decision_colours_are_distinguishable_by_every_eye(theme: Theme, eye: str) -> None:
    variables = readable(theme.to_color_system().generate() | theme.variables)
    good, bad, careful, muted = (
        Color.parse(variables[name]) for name in ("text-success", "text-error", "text-warning", "foreground-muted")
    )
    assert apart(good, bad, eye) > 50
    for first, second in combinations((good, bad, careful, muted), 2):
        assert apart(first, second, eye) > 15, (first, second)


@pytest.mark.parametrize(
    ("setting", "terminal", "theme"),
    [
        ("auto", Terminal("xterm", TRUE_COLOUR), DARK),
        ("auto", Terminal("xterm", 256, light=True), LIGHT),
        ("auto", Terminal("linux", 16), ANSI_DARK),
        ("auto", Terminal("rxvt", 16, light=True), ANSI_LIGHT),
        ("auto", Terminal("xterm", TRUE_COLOUR, no_colour=True), ANSI_DARK),
    ],
)
def test_the_theme_fits_the_terminal(setting: str, terminal: Terminal, theme: Theme) -> None:
    assert theme_for(setting, terminal) == theme.name
    assert theme_for("nord", terminal) == "nord"


def test_light_and_dark_alternate_within_the_terminal_s_own_colours() -> None:
    assert [light_or_dark(theme) for theme in (DARK, LIGHT, ANSI_DARK, ANSI_LIGHT)] == [
        LIGHT.name, DARK.name, ANSI_LIGHT.name, ANSI_DARK.name,
    ]  # fmt: skip


def styles(app: DeskApp) -> list[tuple[str, Style]]:
    """Every piece of text on the screen, and its style as it reaches the terminal."""
    strips = [Strip(line) for line in app.screen._compositor.render_strips()]
    for each in app.get_line_filters():
        strips = [strip.apply_filter(each, Color.parse("#000")) for strip in strips]
    return [(segment.text, segment.style) for strip in strips for segment in strip if segment.style is not None]


@pytest.mark.parametrize("keys", [(), ("slash", *"nikon"), ("w",), ("question_mark",), ("ctrl+p",)])
async def test_sixteen_colours_are_the_terminal_s_own(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, keys: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TERM", "linux")
    monkeypatch.delenv("COLORTERM")
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("x", *keys)
        await settled(pilot)
        assert app.theme == ANSI_DARK.name
        for text, style in styles(app):
            for color in (style.color, style.bgcolor) if text.strip() else (style.bgcolor,):
                assert color is None or color.type in {ColorType.DEFAULT, ColorType.STANDARD}, text
            # What stands on a ground of its own can be read on it.
            assert style.bgcolor is None or style.bgcolor.is_default or style.color != style.bgcolor, text


async def test_the_highlighted_row_is_reversed_where_colours_are_few(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("2")
        await settled(pilot)
        reversed_rows = [y for y in range(10) if all(s.style.reverse for s in app.review.candidates.render_line(y))]
        assert reversed_rows == [1]
        assert all(s.color is None or s.color.is_default for _, s in styles(app))


async def test_no_colour_is_none_in_any_theme_and_a_list_shows_what_is_chosen(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    bench.settings = Settings(desk=DeskSettings(theme="nord"))
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("slash", *"nikon", "down")
        await settled(pilot)
        assert app.theme == "nord"
        chosen = [text for text, style in styles(app) if style.underline]
        assert any("D5600" in text for text in chosen)
        assert not any("D3400" in text for text in chosen)
        assert all(c is None or c.is_default for _, style in styles(app) for c in (style.color, style.bgcolor))


@pytest.mark.parametrize("name", ["dumb", "vt100", ""])
def test_a_terminal_that_cannot_be_drawn_on_is_refused_with_a_way_out(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("tui.command_line._has_terminal", lambda: True)
    monkeypatch.setenv("TERM", name)
    monkeypatch.setattr("core.terminal._has_colours", lambda name: name != "vt100")
    with pytest.raises(CoreError, match="cannot be drawn") as refused:
        _require_terminal(kiosk=False)
    assert "--plain" in refused.value.hint
    monkeypatch.setenv("TERM", "linux")
    _require_terminal(kiosk=False)


async def test_a_theme_of_the_menu_stays_readable_with_the_stream_s_name_on_it(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for name in ("ansi-dark", "ansi-light", ANSI_LIGHT.name, LIGHT.name):
            app.theme = name
            await settled(pilot)
            assert "TRIAGE" in screen_text(app)
            badge = next(style for text, style in styles(app) if "TRIAGE" in text)
            assert badge.color != badge.bgcolor
            app.toggle_light()
            await settled(pilot)
            assert app.current_theme.dark is (name != "ansi-dark")
