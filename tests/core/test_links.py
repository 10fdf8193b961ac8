"""Links that another member of the group prepared in a shared folder lead no file elsewhere."""

from pathlib import Path

import pytest

from core.cli.app import make_app, run
from core.errors import CoreError
from core.json_store import load, save
from core.retrieval.encoding_rate import read_rate, save_rate
from core.workspace import Workspace


@pytest.fixture
def private(tmp_path: Path) -> Path:
    path = tmp_path / "private.csv"
    path.write_text("mine")
    return path


def test_an_export_replaces_links_at_its_path_and_ignores_those_beside_it(workspace: Workspace, private: Path) -> None:
    out = workspace.reports / "labels.csv"
    out.parent.mkdir()
    for name in ("labels.csv", "labels.csv.part"):
        (out.parent / name).symlink_to(private)
    with pytest.raises(SystemExit) as ended:
        run(make_app([]), ["--home", str(workspace.home), "labels", "export", str(out)])
    assert not ended.value.code
    assert private.read_text() == "mine"
    assert not out.is_symlink()


def test_results_are_neither_written_nor_read_through_links(workspace: Workspace, private: Path) -> None:
    path = workspace.reports / "evaluation.json"
    path.parent.mkdir()
    path.with_name("evaluation.json.part").symlink_to(private)
    save(path, {"a": 1})
    assert load(path, dict[str, int]) == {"a": 1}
    path.unlink()
    path.symlink_to(private)
    with pytest.raises(CoreError, match="is damaged"):
        load(path, dict[str, int])
    save(path, {"a": 2})
    assert load(path, dict[str, int]) == {"a": 2}
    assert private.read_text() == "mine"


def test_the_pace_of_a_model_is_not_written_through_a_link(tmp_path: Path, private: Path) -> None:
    for name in ("pace.json", "pace.json.part"):
        (tmp_path / name).symlink_to(private)
    save_rate(tmp_path, 1000, 10.0)
    assert read_rate(tmp_path) == 100.0
    assert private.read_text() == "mine"
