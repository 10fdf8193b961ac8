"""Who may import whom, and what must not be loaded to start."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEAVY = {
    "torch", "transformers", "sentence_transformers", "peft", "sklearn", "faiss", "numpy", "pandas", "datasets",
    "pyarrow", "sqlite_utils", "huggingface_hub", "httpx", "lightgbm", "rapidfuzz", "scipy", "mlx", "mlx_lm", "jinja2",
    "plotly", "fastapi", "starlette", "uvicorn",
    "pymilvus", "milvus_lite", "ray",
}  # fmt: skip

PRINT_LOADED = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def loaded_by(*statements: str) -> set[str]:
    """The top-level packages in a fresh interpreter after some statements."""
    code = "\n".join([*statements, PRINT_LOADED])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_the_import_contracts_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--config", ROOT / "pyproject.toml", "--no-cache"],
        capture_output=True, text=True, timeout=240, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    "statement",
    [
        "import tui.app",
        "import tui.__main__, tui.command_line",
        "import tui.services.desk",
        "import core.cli.app",
        "import core.cli.serve",
        "import core.queue.session, core.queue.source",
        "import tui.worker_client, tui.plain.desk, tui.review.learner",
        "import core.jobs.job, core.jobs.runner",
        "import core.evaluation.report, core.retrieval.encoder_registry, core.retrieval.candidates, core.splits.split",
        "import labels.store, labels.leases, labels.statistics, labels.verify, core.transfer.label_files",
        "import runpy, sys\nsys.argv = ['core', '--help']\n"
        "try: runpy.run_module('core', run_name='__main__')\nexcept SystemExit: pass",
    ],
    ids=lambda statement: "python -m core --help" if "runpy" in statement else statement,
)
def test_starting_loads_no_heavy_library(statement: str) -> None:
    loaded = loaded_by(statement)
    assert not loaded & HEAVY
    # What was asked for was loaded at all.
    assert loaded & {"labels", "core"}


def test_opening_a_workspace_for_the_desk_loads_no_heavy_library(workspace) -> None:
    loaded = loaded_by(
        "from pathlib import Path",
        "from core.settings import Settings",
        "from core.workspace import Workspace",
        "from tui.services.desk import open_desk",
        f"desk = open_desk(Workspace(Path({str(workspace.home)!r})), Settings(), 'ada')",
        "assert desk.review.advance() is not None",
        "desk.close()",
    )
    assert not loaded & HEAVY


def test_the_ledger_needs_nothing_above_it() -> None:
    loaded = loaded_by(
        "import labels.store, labels.leases, labels.verify, labels.statistics",
        "import labels.exchange.merge, labels.exchange.prodigy, labels.exchange.label_studio",
    )
    assert "labels" in loaded
    assert not loaded & {"core", "tui", "textual", "rich", "typer", "pydantic"}
