"""Every verb that takes a file: what is no regular file is refused in a sentence, and never waited for."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from samples import match, no_match, q

from core.workspace import Workspace
from labels.model import ActionDetails, Verb
from labels.store import LabelStore

Call = Callable[..., Any]

#: `FILE` is the file, of this ending.
VERBS = (
    ("csv", "import products FILE --source shop"),
    ("parquet", "import products FILE --source shop"),
    ("csv", "import products FILE --source shop --dry-run"),
    ("csv", "labels import FILE"),
    ("jsonl", "labels import FILE"),
    ("json", "labels import FILE"),
    ("parquet", "labels import FILE"),
    ("xyz", "labels import FILE"),
    ("csv", "evaluate --pairs FILE"),
    ("csv", "evaluate --matches FILE"),
    ("csv", "score FILE --out OUT"),
    ("csv", "match --input FILE --out OUT"),
    ("csv", "simulate --gold FILE"),
    ("toml", "retrain --recipe FILE"),
    ("yaml", "retrain --recipe FILE"),
    ("yaml", "judge train --config FILE"),
    ("db", "labels merge FILE"),
    ("db", "labels restore FILE"),
    ("db", "labels restore FILE --dry-run"),
    ("db", "labels verify FILE"),
)


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """A test that waits for ever fails instead."""

    def give_up(_signum: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _folder(path: Path) -> None:
    path.mkdir()


KINDS = {"a FIFO": _fifo, "a device": _link_to_a_device, "a folder": _folder}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("ending", "verb"), VERBS)
def test_what_is_no_regular_file(
    call: Call, workspace: Workspace, hash_encoder: object, tmp_path: Path, ending: str, verb: str, kind: str
) -> None:
    path = tmp_path / f"named.{ending}"
    KINDS[kind](path)
    out = tmp_path / "out.csv"
    words = [{"FILE": str(path), "OUT": str(out)}.get(word, word) for word in verb.split()]
    found = call("--home", workspace.home, "--quiet", "--as", "ada", *words)
    assert found.code == 1
    expected = f"is {kind}, not a regular file"
    if (verb, kind) == ("labels merge FILE", "a folder"):  # it is taken for a workspace
        expected = "There is no labels file"
    if (verb, kind) == ("match --input FILE --out OUT", "a folder"):  # all files in it are matched
        expected = "There is no file in the folder"
    assert expected in found.err.replace("\n", " ")
    assert found.err.startswith("Error: ")
    assert len(found.err.splitlines()) <= 4
    assert not out.exists()


@pytest.mark.parametrize("name", ["samesku.toml", "vocabulary.toml"])
def test_a_file_that_people_write_into_a_workspace(call: Call, workspace: Workspace, name: str) -> None:
    (workspace.home / name).unlink(missing_ok=True)
    os.mkfifo(workspace.home / name)
    found = call("--home", workspace.home, "doctor")
    assert found.code == 1
    assert "is a FIFO, not a regular file" in found.out + found.err


def test_a_catalogue_that_is_none(call: Call, workspace: Workspace, tmp_path: Path) -> None:
    workspace.catalog.unlink()
    os.mkfifo(workspace.catalog)
    (tmp_path / "p.csv").write_text("id,title\n1,a\n")
    found = call("--home", workspace.home, "import", "products", tmp_path / "p.csv", "--source", "shop")
    assert found.code == 1
    assert "is a FIFO, not a regular file" in found.err


def test_deep_and_long_files_of_settings(call: Call, workspace: Workspace, tmp_path: Path) -> None:
    for content, name, words in (
        ("x = " + "[" * 100_000, "r.toml", ["retrain", "--recipe"]),
        ("#" * (2**24 + 1), "r.toml", ["retrain", "--recipe"]),
        ("[" * 10_000, "r.yaml", ["retrain", "--recipe"]),
        ("#" * (2**16 + 1), "r.yaml", ["retrain", "--recipe"]),
        ("[" * 10_000, "r.yaml", ["judge", "train", "--config"]),
        ("#" * (2**16 + 1), "r.yaml", ["judge", "train", "--config"]),
    ):
        (tmp_path / name).write_text(content)
        found = call("--home", workspace.home, *words, tmp_path / name)
        assert found.code == 1
        assert found.err.startswith("Error: ")
        assert len(found.err) < 1000


#: Each verb that writes a file or folder that the user names, `OUT`.
OUTPUTS = (
    ("csv", "match --out OUT"),
    ("parquet", "match --out OUT"),
    ("csv", "match --input PAIRS --out OUT"),
    ("jsonl", "score PAIRS --out OUT"),
    ("csv", "labels export OUT"),
    ("json", "labels export OUT"),
    ("xml", "labels export OUT"),
    ("jsonl", "labels export OUT"),
    ("jsonl", "labels export OUT --format prodigy"),
    ("parquet", "labels export OUT"),
    ("jsonl", "dataset triplets --out OUT"),
    ("folder", "dataset pairs --out OUT"),
    ("folder", "judge prepare --model tiny --out OUT"),
    ("csv", "simulate --gold PAIRS --out OUT"),
    ("svg", "simulate --gold PAIRS --picture OUT"),
    ("folder", "labels backup --to OUT"),
)


@pytest.mark.parametrize(("ending", "verb"), OUTPUTS)
def test_a_missing_folder_of_an_output_is_named_and_not_created(
    call: Call, workspace: Workspace, hash_encoder: object, tmp_path: Path, ending: str, verb: str
) -> None:
    assert call("--home", workspace.home, "--quiet", "index").code == 0
    with LabelStore(workspace.labels) as store:
        said = [*match("q1-c1"), *no_match("q1-c2")]
        store.record("ada", Verb.ACCEPT, q("q1"), said, ActionDetails(closes=True))
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("query_id,candidate_id,label\nq1,q1-c1,1\nq1,q1-c2,0\n")
    missing = tmp_path / "no" / "such"
    words = [{"OUT": str(missing / f"out.{ending}"), "PAIRS": str(pairs)}.get(word, word) for word in verb.split()]
    found = call("--home", workspace.home, "--quiet", *words)
    assert found.code == 1
    assert f"There is no folder {missing}." in found.err.replace("\n", " ")
    assert not missing.parent.exists()
