"""The guidelines screen: current text, rendered inert."""

import io
from pathlib import Path

import pytest
from desk_bench import Bench, screen_text, settled
from hostile import ACTING, HOSTILE, squeezed
from textual.pilot import Pilot

from tui.common.markdown import MarkdownPage, layout_lines, parse_markdown
from tui.errors import DeskError
from tui.plain.desk import run_plain
from tui.services.files import MAX_GUIDELINES_BYTES, MAX_GUIDELINES_LINES, TeamGuidelines

LINKS = """\
# Links
[the size chart](https://example.org/sizes) and <https://example.org/auto> and https://example.org/bare
![a picture](https://example.org/picture.png)
[click](javascript:alert(1)) <b onclick="x">html</b> [by name][1]

<script>block</script>

[1]: https://example.org/named
"""
TABLE = "| one | two |\n| --- | --- |\n| [/] | [@click=app.quit]x |\n"


async def opened(pilot: Pilot[None]) -> str:
    """What the guidelines show once they are there."""
    await settled(pilot)
    await pilot.press("g")
    await settled(pilot)
    await settled(pilot)
    return screen_text(pilot.app)


async def test_without_a_file_general_rules_are_shown(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(120, 50)) as pilot:
        text = await opened(pilot)
        assert "Pack count." in text
        assert "your team has written none" in text
        assert "guidelines.md" in text
        await pilot.press("g")
        await settled(pilot)
        assert app.screen is app.review


async def test_a_change_of_the_file_is_seen_at_the_next_opening(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        bench.workspace.guidelines.write_text("# Ours\n\nA *renewed* phone is **another** phone.")
        text = await opened(pilot)
        assert "A renewed phone is another phone." in text
        assert "written none" not in text
        await pilot.press("escape")
        bench.workspace.guidelines.write_text("All phones are one.")
        assert "All phones are one." in await opened(pilot)


async def test_links_are_plain_text(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.workspace.guidelines.write_text(LINKS)
    app = bench.app()
    followed: list[str] = []
    monkeypatch.setattr(app, "open_url", lambda url, **_: followed.append(url))
    async with app.run_test(size=(120, 36)) as pilot:
        lines = (await opened(pilot)).splitlines()
        region = app.screen.query_one(MarkdownPage).region
        text = squeezed("".join(line[region.x : region.right] for line in lines))
        for written in LINKS.removeprefix("# ").splitlines():
            assert squeezed(written) in text, written
        actions = [
            segment.style.meta
            for strip in app.screen._compositor.render_strips()
            for segment in strip
            if "example" in segment.text and segment.style and "@click" in segment.style.meta
        ]
        assert actions == []
        for y in range(region.y, region.bottom):
            await pilot.click(offset=(region.x + 3, y))
        await settled(pilot)
        assert app.is_running
    assert followed == []


async def test_hostile_text_is_inert(bench: Bench) -> None:
    bench.workspace.guidelines.write_text("\n\n".join([*HOSTILE, "&#x202e;reversed &#27;[2J", TABLE]), encoding="utf-8")
    app = bench.app()
    async with app.run_test(size=(120, 300)) as pilot:
        text = await opened(pilot)
        assert not ACTING.search(text.replace("\n", ""))
        for shown in ("[/] closes nothing", "[@click=app.quit]press me[/]", "[Large] shirt", "&#x202e;reversed"):
            assert shown in text
        assert app.is_running


@pytest.mark.parametrize("piece", [">", "- ", "*_", "`", "1. ", "|a", "[", "- a\n"])
async def test_no_text_is_too_deep_or_too_long(bench: Bench, piece: str) -> None:
    bench.workspace.guidelines.write_text(piece * 20_000)
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        assert "Guidelines" in await opened(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert app.screen is app.review


async def test_a_page_is_scrolled_by_lines_and_by_pages(bench: Bench) -> None:
    bench.workspace.guidelines.write_text("\n\n".join(f"line {n}" for n in range(100)))
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        pane = app.screen.query_one(".page")
        for key, y in (("j", 4), ("pagedown", 20), ("K", 4), ("k", 0)):
            await pilot.press(key)
            await settled(pilot)
            assert pane.scroll_offset.y == y, key


def test_blocks_are_spaced_and_lists_are_indented() -> None:
    text = "# Head\nwords *and* `code`\n\n- one two three\n  1. four\n\n> quoted\n\n"
    table = "| a | b |\n| - | - |\n| long words | c |\n"
    lines = [line.plain.rstrip() for line in layout_lines(parse_markdown(text + table), 10)]
    assert lines == [
        "Head", "words and", "code", "", "• one two", "  three", "  1. four", "", "▎ quoted", "",
        "a         b", "long      c", "words",
    ]  # fmt: skip


def test_deeply_nested_text_is_shown_as_written() -> None:
    text = "*" * 16_000 + "a" + "*" * 16_000
    lines = [line.plain for line in layout_lines(parse_markdown(f"{text}\n\nplain"), 80)]
    assert "".join(lines).startswith("***")
    assert lines[-1] == "plain"


def test_very_long_guidelines_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "guidelines.md"
    path.write_text("x" * (MAX_GUIDELINES_BYTES + 5))
    read = TeamGuidelines(path).read()
    assert (len(read.text), read.cut, read.own) == (MAX_GUIDELINES_BYTES, True, True)
    path.write_text("line\n" * (MAX_GUIDELINES_LINES + 1))
    read = TeamGuidelines(path).read()
    assert (read.text.count("line"), read.cut) == (MAX_GUIDELINES_LINES, True)
    path.write_bytes(b"\xef\xbb\xbfnot \xff utf-8\n")
    assert TeamGuidelines(path).read().text == "not \N{REPLACEMENT CHARACTER} utf-8"
    path.write_text(" \n\n")
    assert not TeamGuidelines(path).read().own


async def test_unreadable_guidelines_are_reported(bench: Bench) -> None:
    bench.workspace.guidelines.mkdir()
    with pytest.raises(DeskError, match="cannot be read"):
        TeamGuidelines(bench.workspace.guidelines).read()
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        assert [n.message.splitlines()[0] for n in app._notifications] == [
            "The guidelines cannot be read: it is a folder, not a regular file."
        ]


def test_the_plain_desk_prints_them(bench: Bench) -> None:
    desk, out = bench.desk(), io.StringIO()
    bench.workspace.guidelines.write_text("# Ours\n\n- \x1b[31mred\x1b[0m is another product\n")
    run_plain(desk, io.StringIO("g\n"), out)
    assert "# Ours\n\n- ␛[31mred␛[0m is another product\n" in out.getvalue()
