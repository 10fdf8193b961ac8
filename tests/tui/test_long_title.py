"""A query's title that is longer than its panel, on the smallest screen."""

from dataclasses import replace
from pathlib import Path

from desk_bench import Bench, query_products, screen_text, settled, write_workspace

from core.settings import Settings

WORDS = [f"word{number:02}" for number in range(60)]


async def test_all_of_a_long_title_can_be_read_beside_the_keys(tmp_path: Path) -> None:
    queries = [replace(product, title=" ".join(WORDS)) for product in query_products()]
    bench = Bench(write_workspace(tmp_path / "home", queries), Settings(), [])
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "…" in screen_text(app).splitlines()[2]
        seen = ""
        for _ in range(12):
            text = screen_text(app)
            seen += text
            assert "? keys" in text.splitlines()[-1]
            await pilot.press("J")
            await settled(pilot)
        assert [word for word in WORDS if word not in seen] == []
        # Both titles are there to compare.
        assert "≠ title" in seen
        # The history shows it too, with the way back below it.
        await pilot.press("h")
        await settled(pilot)
        text = screen_text(app)
        assert WORDS[-1] in text
        assert "Esc back" in text
        await pilot.press("escape", "question_mark")
        await settled(pilot)
        assert "The same product: accept the candidate and go on." in screen_text(app)
    app.desk.close()
