"""Whether the desk's list distinguishes its candidates: queries where two different products show the same title.

    python -m tests.bench.list_rows [--home FOLDER]

Looks at every query of an indexed workspace (`--home`; of a copy, the workspace itself is left alone), else of one that
is made from the demo catalogue, at both sizes that the desk is laid out for. The widths are those of the real screen.
Prices and scores, which may differ too, are not counted: the title alone has to distinguish a product.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.queue.item import Option, options_of
from core.retrieval.candidates import CandidateStore
from core.settings import Settings, load_settings
from core.workspace import Workspace
from tests.bench.workspaces import copy_workspace, make_workspace
from tui.app import DeskApp
from tui.common.words import display_title
from tui.review.candidates import Columns, row_lines
from tui.services.desk import open_desk

_SIZES = ((80, 24), (120, 36))


def main() -> None:
    """Count, and print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--home", type=Path, help="An indexed workspace.")
    home: Path | None = parser.parse_args().home
    with tempfile.TemporaryDirectory(prefix="samesku-rows-") as folder:
        workspace = copy_workspace(home, Path(folder)) if home else make_workspace(Path(folder), 1)
        settings = load_settings(workspace.settings)
        for size in _SIZES:
            for blind in (False, True):
                columns = asyncio.run(_layout(workspace, settings, size, blind=blind))
                _count(workspace, settings, size, columns)


async def _layout(workspace: Workspace, settings: Settings, size: tuple[int, int], *, blind: bool) -> Columns:
    """How the desk lays its list out."""
    app = DeskApp(open_desk(workspace, settings, "bench"))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        if app.desk.review.item is not None and app.desk.review.item.blind is not blind:
            await pilot.press("b")
            await pilot.pause()
        return app.review.candidates.columns


def _count(workspace: Workspace, settings: Settings, size: tuple[int, int], columns: Columns) -> None:
    began = time.perf_counter()
    lists = alike = 0
    for query, options in _lists(workspace, settings):
        fitted = Columns.of(options, display_title(query), columns.width, columns.lines, blind=columns.blind)
        rows = [_title(index, option, fitted) for index, option in enumerate(options)]
        lists += 1
        alike += len(set(rows)) < len(rows)
    seconds = (time.perf_counter() - began) / max(1, lists)
    shown = "scores hidden" if columns.blind else "scores shown"
    sys.stdout.write(
        f"{size[0]}x{size[1]}, {shown}: {alike:,} of {lists:,} queries have two candidates that show the same title"
        f" ({1000 * seconds:.1f} ms a list)\n"
    )


def _lists(workspace: Workspace, settings: Settings) -> Iterator[tuple[Product, list[Option]]]:
    with CatalogStore(workspace.catalog) as catalog, closing(CandidateStore(workspace.derived)) as store:
        for query in catalog.iter(role="query"):
            if options := options_of(query.ref, store, catalog, settings.bands, store.matcher_summary, None):
                yield query, options


def _title(index: int, option: Option, columns: Columns) -> tuple[str, ...]:
    """What a row shows of a title, without the details below a short one."""
    lines = row_lines(index, option, columns, cursor=False)[: len(columns.title_lines[index])]
    begin = columns.width - columns.right - columns.title - 1
    return tuple(line.plain[max(0, begin) : len(line.plain) - columns.right].strip() for line in lines)


if __name__ == "__main__":
    main()
