"""What holds for every verb: global options anywhere, one JSON object, errors as sentences, help with an example."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_tree import root_command

from core.cli import labels
from core.cli.app import hoist
from core.cli.verbs import VERBS
from core.workspace import DEFAULT_HOME, Workspace
from labels.store import LabelStore

COMMANDS = root_command().commands


def core(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m core ARGUMENTS` in a process of its own, with this test's environment."""
    return subprocess.run(
        [sys.executable, "-m", "core", *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=240, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "hoisted"),
    [
        (["labels", "stats", "--json"], ["--json", "labels", "stats"]),
        (["index", "--home", "/h", "--quiet"], ["--home", "/h", "--quiet", "index"]),
        (["index", "--home=/h"], ["--home=/h", "index"]),
        (["import", "labels", "f.csv", "--as", "eve"], ["--as", "eve", "import", "labels", "f.csv"]),
        (["--json", "match", "--out", "o.csv"], ["--json", "match", "--out", "o.csv"]),
        (["x", "--", "--json"], ["x", "--", "--json"]),
        (["x", "--home"], ["--home", "x"]),
        (["x", "--jsonl", "-h"], ["x", "--jsonl", "-h"]),
        ([], []),
    ],
)
def test_global_options_may_stand_before_or_after_the_verb(given: list[str], hoisted: list[str]) -> None:
    assert hoist(given) == hoisted


def test_the_list_of_verbs_says_what_each_verb_says_of_itself() -> None:
    for verbs, commands in ((VERBS, COMMANDS), (labels.app.info.cls.verbs, COMMANDS["labels"].commands)):
        for verb in verbs:
            said = commands[verb.name].help.partition("\n\n")[0]
            assert " ".join(said.split()) == verb.summary, verb.name


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_verb_has_an_example_or_is_a_group_of_described_verbs(name: str, call: Callable) -> None:
    answer = call(name, "--help")
    assert answer.code == 0
    command = COMMANDS[name]
    inner = getattr(command, "commands", None)
    if inner is None:
        assert re.search(rf"Example: samesku .*{name}", command.help or ""), command.help
        assert "Example: samesku" in answer.out
    else:
        assert all(sub.help for sub in inner.values())
        assert all(sub in answer.out for sub in inner)


@pytest.mark.parametrize(
    ("verb", "says"),
    [
        (["evaluate"], "matcher is fitted without these pairs"),
        (["evaluate"], "query_id, candidate_id and label"),
        (["evaluate"], "ltable_id, rtable_id and label"),
        (["labels", "export"], "ltable_id,rtable_id,label"),
        (["simulate"], "query_id,candidate_id,label or ltable_id,rtable_id,label"),
    ],
)
def test_the_help_says_what_a_file_of_labels_looks_like_and_what_becomes_of_it(
    verb: list[str], says: str, call: Callable
) -> None:
    assert says in " ".join(re.sub("[│╭╮╰╯─]", " ", call(*verb, "--help").out).split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["doctor"],
        ["labels", "stats"],
        ["labels", "verify"],
        ["labels", "export", "out.csv"],
        ["match", "--out", "out.jsonl"],
        ["models", "list"],
        ["jobs", "list"],
        ["jobs", "tail"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("place", [0, None])
def test_json_is_one_object_on_standard_output(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    call: Callable,
    arguments: list[str],
    place: int | None,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAMESKU_HOME", str(workspace.home))
    given = ["--json", *arguments] if place == 0 else [*arguments, "--json"]
    answer = call(*given)
    assert answer.code == 0
    assert answer.json


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["labels", "stats"], "There is no workspace", "samesku demo"),
        (["labels", "verify"], "There is no labels file", "samesku review"),
        (["jobs", "cancel", "nope"], "There is no workspace", "samesku demo"),
        (["index"], "There is no workspace", "samesku import"),
        (["retrain", "--set", "epochs"], "There is no workspace", "samesku import"),
        (["import", "products", "none.csv", "--source", "walmart"], "none.csv", ""),
        (
            ["import", "products", "none.csv", "--source", "x", "--role", "neither"],
            "There is no role 'neither'",
            "query",
        ),
        (["import", "labels", "none.csv", "--split", "test"], "there is no such split", "auto, train or validation"),
        (["fetch", "amazon-google"], "There is no benchmark amazon-google", "walmart-amazon"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_error_is_a_message_and_a_hint_and_ends_with_1(
    tmp_path: Path, call: Callable, arguments: list[str], message: str, hint: str
) -> None:
    answer = call("--home", tmp_path / "none", *arguments, "--json")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("Error: ") or "\nError: " in answer.err
    assert message in answer.err
    assert hint in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nonsense"], "No such command"),
        (["index", "--nonsense"], "No such option"),
        (["match"], "Name a file with --out"),
        (["match", "--out", "x.csv", "--k", "0"], "greater than or equal to 1"),
        (["--as"], "requires an argument"),
        (["import"], "Usage: samesku import"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_call_ends_with_2(call: Callable, arguments: list[str], complaint: str) -> None:
    answer = call(*arguments)
    assert answer.code == 2
    assert complaint in answer.err + answer.out
    assert "Traceback" not in answer.err


def test_the_same_in_a_process_of_its_own(workspace: Workspace) -> None:
    good = core("labels", "stats", "--json", "--home", workspace.home)
    assert (good.returncode, json.loads(good.stdout)["validation_queries"], good.stderr) == (0, 1, "")
    failed = core("labels", "stats", "--home", workspace.home / "none")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith("Error: There is no workspace")
    assert "Traceback" not in failed.stderr
    assert core("labels", "nonsense").returncode == 2


def test_debug_shows_where_an_error_came_from(tmp_path: Path) -> None:
    failed = core("--debug", "labels", "stats", "--home", tmp_path / "none")
    assert failed.returncode == 1
    assert "Traceback" in failed.stderr


def test_a_setting_that_does_not_fit_is_an_error_of_the_call(workspace: Workspace) -> None:
    failed = core("match", "--out", "x.csv", "--home", workspace.home, SAMESKU_SEARCH__K="many")
    assert failed.returncode == 1
    assert "search.k" in failed.stderr


@pytest.mark.parametrize(
    "encoding", [{"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}]
)
@pytest.mark.parametrize(
    "verb", ["labels people", "models list", "doctor", "labels query SQL", "--json labels query SQL"]
)
def test_a_terminal_without_unicode_gets_every_answer(
    workspace: Workspace, encoding: dict[str, str], verb: str
) -> None:
    with LabelStore(workspace.labels):
        pass
    words = ["SELECT char(9731, 128512) AS x" if word == "SQL" else word for word in verb.split()]
    done = subprocess.run(
        [sys.executable, "-m", "core", "--home", str(workspace.home), *words],
        env={**os.environ, **encoding}, capture_output=True, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stderr
    assert b"Traceback" not in done.stderr
    if "--json" in words:
        assert json.loads(done.stdout)["rows"] == [["\u2603\U0001f600"]]


def test_the_help_of_every_verb_says_where_the_workspace_is() -> None:
    def leaves(command: object) -> list[object]:
        inner = getattr(command, "commands", {}).values()
        return [command, *(each for one in inner for each in leaves(one))]

    assert len(COMMANDS) > 10
    for verb in COMMANDS.values():
        for command in leaves(verb):
            assert "--home DIR" in command.epilog, command.name
            assert "$SAMESKU_HOME, else ~/.local/share/samesku" in command.epilog


def test_the_default_workspace_is_the_one_that_the_help_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SAMESKU_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    home = f"~/{Workspace.locate().home.relative_to(tmp_path)}"
    assert home in DEFAULT_HOME
