"""Every file of a workspace may be damaged; `make fuzz` does a thousand cases of what five do here."""

import random
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("pyte", reason="needs the extra 'dev'")
# Not imported here: that takes seconds in every test process, which collects the module.
if find_spec("sentence_transformers") is None:
    pytest.skip("needs the extra 'train'", allow_module_level=True)

from samples import match, q

from labels.model import ActionDetails, Verb
from labels.store import LabelStore
from tests.bench.forks.runs import Outcome
from tests.bench.fuzz import checks
from tests.bench.fuzz.checks import Before
from tests.bench.fuzz.damage import FILE_DAMAGES, FOLDER_DAMAGES, Damage, all_damages, apply
from tests.bench.fuzz_workspace import causes, fuzz, plan


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_damage_ends_in_a_sentence_and_loses_nothing(tmp_path: Path) -> None:
    assert causes(case for case in fuzz(tmp_path, seed=11, numbers=range(5)) if case.findings) == ""


def test_every_damage_comes_up_before_any_does_again(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    damages = all_damages(tmp_path)
    assert {plan(damages, number, 1)[0] for number in range(len(damages))} == set(damages)


@pytest.mark.parametrize(
    ("path", "kind"),
    [*(("folder/file", kind) for kind in FILE_DAMAGES), *(("folder", kind) for kind in FOLDER_DAMAGES)],
)
def test_every_damage_changes_something(path: str, kind: str, tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    (home / "folder").mkdir(parents=True)
    outside.mkdir()
    (home / "folder" / "file").write_bytes(b"content")
    (home / "other").write_bytes(b"another")
    apply(Damage(path, kind), home, outside, random.Random(1))
    damaged = home / path
    if damaged.is_file() and not damaged.is_symlink():
        assert damaged.read_bytes() != b"content"
    else:
        assert path == "folder/file" or damaged.is_symlink() or not damaged.is_dir()


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (
            1,
            'Traceback (most recent call last):\n  File "/x/core/kept.py", line 1, in kept\nValueError: no',
            "traceback",
        ),
        (1, "Error: it failed: ValueError: no", "raw exception"),
        (1, "Error: derived.db is damaged.\n`samesku labels restore latest` goes back.", "proposes a restore"),
        (-11, "", "exit code"),
        (None, "", "hang"),
    ],
)
def test_the_check_finds_bad_output(code: int | None, text: str, kind: str) -> None:
    found = checks.of_output(Outcome(("tui", "index"), code, text), labels_damaged=False)
    assert [finding.kind for finding in found] == [kind]


def test_the_check_finds_lost_events_and_acts(tmp_path: Path) -> None:
    path, aside = tmp_path / "labels.db", tmp_path / "labels.db.damaged-1"
    with LabelStore(path) as store:
        store.record("ada", Verb.ACCEPT, q("q1"), match("c1"), ActionDetails(closes=True))
    rows = checks.rows_of(path)
    said = {"ada": Counter({"accept": 1})}
    assert checks.of_ledger(tmp_path, tmp_path, Before(rows), said) == []
    path.rename(aside)
    LabelStore(tmp_path / "new" / "labels.db").close()
    (tmp_path / "new" / "labels.db").rename(path)
    lost = checks.of_ledger(tmp_path, tmp_path, Before(rows), said)
    assert [finding.kind for finding in lost] == ["lost", "lost"]
    # What is damaged may have been set aside.
    assert checks.of_ledger(tmp_path, tmp_path, Before(rows, damaged=True, sound=False), said) == []
