"""The desk starts light: nothing that takes long is imported."""

import subprocess
import sys
from pathlib import Path

import pytest
from desk_bench import Bench

ROOT = Path(__file__).parents[2]
HEAVY = {
    "numpy", "sqlite_utils", "torch", "transformers", "sentence_transformers", "faiss", "sklearn", "scipy", "pyarrow",
    "lightgbm", "rapidfuzz", "pandas", "pydantic_settings", "peft", "datasets", "httpx", "requests", "mlx", "mlx_lm",
}  # fmt: skip

SCRIPT = """
import asyncio, sys
from pathlib import Path
from core.settings import Settings
from core.workspace import Workspace
from tui.app import DeskApp
from tui.services.desk import open_desk

async def main():
    app = DeskApp(open_desk(Workspace(Path(sys.argv[1])), Settings(), "ada"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("j", "x", "w", "escape", "slash", "escape", "question_mark", "escape", "z")
        assert app.desk.review.item is not None

asyncio.run(main())
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def modules(code: str, *arguments: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after the code."""
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(result.stdout.splitlines()[-1].split())


def test_a_working_desk_has_loaded_nothing_heavy(bench: Bench) -> None:
    loaded = modules(SCRIPT, str(bench.workspace.home))
    assert {"textual", "sqlite3", "tui", "core", "labels"} <= loaded
    assert not HEAVY & loaded


def test_the_first_desk_of_a_workspace_loads_nothing_heavy_either(bench: Bench) -> None:
    for file in bench.workspace.home.glob("labels.db*"):
        file.unlink()
    loaded = modules(SCRIPT, str(bench.workspace.home))
    assert "sqlite_utils" in loaded  # it makes the ledger
    assert not (HEAVY - {"sqlite_utils"}) & loaded


@pytest.mark.parametrize("module", ["tui.app", "tui.plain", "tui.key_bindings"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    loaded = modules(f"import sys, {module}\nprint(*{{n.partition('.')[0] for n in sys.modules}})")
    assert not HEAVY & loaded


def test_a_command_that_opens_no_desk_does_not_load_textual() -> None:
    script = "import sys\nfrom tui.command_line import start\n"
    loaded = modules(script + "try: start(['--version'])\nfinally: print(*sys.modules)")
    assert {"tui.command_line", "core.cli.app"} <= loaded
    assert not [name for name in loaded if name.partition(".")[0] == "textual"]
