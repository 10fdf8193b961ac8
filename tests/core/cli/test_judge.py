"""`samesku judge` and `samesku match --judge`, with a judge that counts."""

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from damage import TO_DATABASES
from feature_tables import write_scored_workspace
from folder_templates import copy_of
from judges import CountingJudge
from misbehaving import Misbehaving, completion, says
from samples import HashEncoder, match, q, until

from core.jobs.board import Jobs
from core.jobs.job import JobState
from core.judge.cache import VerdictCache
from core.judge.factory import make_judge
from core.settings import Settings
from core.splits.llm_labels import load_llm_labels
from core.workspace import Workspace
from labels.model import Pair, Side
from labels.store import LabelStore

Call = Callable[..., object]


@pytest.fixture
def judges(monkeypatch: pytest.MonkeyPatch) -> dict[str, CountingJudge]:
    """`server` counts, `mlx` is another that does, and the first is in use."""
    found = {"server": CountingJudge(), "mlx": CountingJudge("always no")}
    found["mlx"].verdict = lambda case: CountingJudge("always no").verdict(  # type: ignore[method-assign]
        type(case)(case.query, case.candidate, type(case.findings)((), ("other",)))
    )
    made = __import__("core.judge.factory", fromlist=["JUDGE_FACTORIES"]).JUDGE_FACTORIES
    for name, judge in found.items():
        monkeypatch.setitem(made, name, lambda *_, judge=judge: judge)
    monkeypatch.setenv("SAMESKU_JUDGE__USE", "server")
    return found


@pytest.fixture
def labelled(tmp_path: Path, hash_encoder: HashEncoder) -> Workspace:
    """Candidates with probabilities. The first of each query is a match; `q3`, `q4` and `qv` are for validation."""
    return Workspace(copy_of("judged workspace", _write_labelled, tmp_path / "home"))


def _write_unlabelled(home: Path) -> None:
    write_scored_workspace(home, {})


def _write_labelled(home: Path) -> None:
    train, validation = dict.fromkeys(("q1", "q2"), Side.TRAIN), dict.fromkeys(("q3", "q4", "qv"), Side.VALIDATION)
    write_scored_workspace(home, train | validation)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


# -- without a judge -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [["judge", "run"], ["judge", "test"], ["match", "--judge", "--out", "o.csv"], ["judge", "run", "--detach"]],
)
def test_no_judge_is_one_sentence_with_the_way_out(labelled: Workspace, call: Call, arguments: list[str]) -> None:
    answer = call(*arguments, "--home", labelled.home)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.splitlines()[-2:] == [
        "Error: No judge is configured.",
        "After `samesku judge train --cross-encoder`, write in samesku.toml a line [judge], and below it"
        ' use = ["cross-encoder"]',
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["judge", "compare", "server", "gpt"], "There is no judge gpt."),
        (["judge", "test", "--judge", "oracle"], "There is no judge oracle."),
        (["judge", "run", "--judge-band", "some"], "There is no band some."),
        (["judge", "run", "--judge-band", ","], "No band is named."),
        (["match", "--judge", "--judge-band", "none", "--out", "o.csv"], "There is no band none."),
        (["match", "--judge", "--out", "o.txt"], "o.txt: unknown ending."),
        (["match", "--input", "none.csv", "--out", "o.csv"], "There is no file none.csv."),
        (["judge", "run", "--input", "none.csv"], "There is no file none.csv."),
        (["judge", "test", "--pairs", "none.csv"], "There is no file none.csv."),
        (["judge", "train"], "No judge to train is named."),
        (["judge", "train", "--cross-encoder", "--resume", "x"], "No judge to train is named."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_are_sentences(
    labelled: Workspace, judges: dict[str, CountingJudge], call: Call, arguments: list[str], message: str
) -> None:
    answer = call(*arguments, "--home", labelled.home)
    assert answer.code == 1
    assert message in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    "arguments",
    [["match", "--judge"], ["match", "--input", "p.csv"], ["match", "--judge", "--auto"],
     ["match", "--judge", "--out", "o.csv", "--query", "q1"], ["judge", "run", "--max-pairs", "-1"],
     ["judge", "run", "--input", "p.csv", "--labelled"], ["judge", "compare", "server"],
     ["judge", "run", "--labelled", "--judge-band", "low"], ["judge", "run", "--input", "p.csv", "--judge-band", "low"],
     ["match", "--out", "o.csv", "--judge-band", "medium"], ["match", "--out", "o.csv", "--max-pairs", "0"],
     ["match", "--out", "o.csv", "--max-minutes", "1"]],
    ids=" ".join,
)  # fmt: skip
def test_a_wrong_call_ends_with_2(labelled: Workspace, call: Call, arguments: list[str]) -> None:
    assert call(*arguments, "--home", labelled.home).code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["match", "--judge", "--json"], "--judge writes a file, also with --json: name it with --out."),
        (["match", "--input", "p.csv"], "--input writes a file"),
        (["match", "--judge", "--query", "q1"], "--query and --judge cannot be combined"),
        (["match", "--input", "p.csv", "--out", "o.csv", "--query", "q1"], "--query and --input cannot be combined"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_does_not_go_together_is_said_case_by_case(
    labelled: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert said in call(*arguments, "--home", labelled.home).err


@pytest.mark.parametrize("content", ["", "query_id,candidate_id\n"])
def test_a_file_without_pairs_is_refused_and_what_was_there_is_kept(
    labelled: Workspace, judges: dict[str, CountingJudge], call: Call, tmp_path: Path, content: str
) -> None:
    pairs, out = tmp_path / "pairs.csv", tmp_path / "out.csv"
    pairs.write_text(content)
    out.write_text("precious")
    said = "has no pairs." if content else "is empty."
    for given in (["match"], ["match", "--judge"]):
        answer = call(*given, "--input", pairs, "--out", out, "--home", labelled.home)
        assert (answer.code, said in answer.err, out.read_text()) == (1, True, "precious")
    for given in (["judge", "run", "--input"], ["judge", "test", "--pairs"], ["evaluate", "--pairs"]):
        answer = call(*given, pairs, "--home", labelled.home)
        assert (answer.code, said in answer.err) == (1, True)


def test_what_match_wrote_can_be_asked_about(
    labelled: Workspace, judges: dict[str, CountingJudge], call: Call, tmp_path: Path
) -> None:
    out = tmp_path / "matches.csv"
    call("match", "--out", out, "--home", labelled.home)
    answer = call("judge", "run", "--input", out, "--home", labelled.home, "--json").json
    assert answer["asked"] == 15


# -- run and spent -------------------------------------------------------------------------------------------


def test_a_run_keeps_verdicts_and_the_next_one_goes_on(
    labelled: Workspace, judges: dict[str, CountingJudge], call: Call
) -> None:
    given = ["judge", "run", "--judge-band", "high,medium,low", "--home", labelled.home]
    first = call(*given, "--max-pairs", "4", "--json").json
    assert (first["judge"], first["known"], first["asked"], first["left"], first["end"]) == (
        "counting",
        0,
        4,
        11,
        "pairs",
    )
    assert (first["tokens_in"], first["tokens_out"]) == (400, 40)
    second = call(*given)
    assert "counting: 11 pairs judged, 4 from the cache." in second.out
    assert "ask the judge: 11" in second.err
    assert judges["server"].closed
    spent = call("judge", "spent", "--home", labelled.home, "--json").json["judges"]
    assert [(each["judge"], each["pairs"], each["tokens_in"], each["p50"]) for each in spent] == [
        ("counting", 15, 1500, 0.5)
    ]
    told = call("judge", "spent", "--home", labelled.home).out
    assert "15 pairs" in told
    assert "p99 0.500 s" in told


def test_before_anybody_was_asked_nothing_was_spent(labelled: Workspace, call: Call) -> None:
    assert call("judge", "spent", "--home", labelled.home, "--json").json == {"judges": []}
    assert "No judge was asked yet" in call("judge", "spent", "--home", labelled.home).out


def test_labelled_pairs_calibrate_it_and_those_of_the_validation_side_do_not(
    labelled: Workspace, judges: dict[str, CountingJudge], call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.matching.calibration._MIN_LABELS_PER_CLASS", 2)
    answer = call("judge", "run", "--labelled", "--home", labelled.home, "--json").json
    assert {pair.query.id for pair in judges["server"].asked} == {"q1", "q2"}
    assert (answer["asked"], answer["calibrated_on"]) == (6, {"counting": 6})
    assert len(list((labelled.models / "judge").glob("calibration-*.json"))) == 1
    judges["server"].trained_on = frozenset(judges["server"].asked)
    again = call("judge", "run", "--labelled", "--home", labelled.home)
    assert (again.code, "not trained on" in again.err) == (1, True)


def test_pairs_of_a_file_are_judged(
    labelled: Workspace, judges: dict[str, CountingJudge], call: Call, tmp_path: Path
) -> None:
    (tmp_path / "pairs.csv").write_text("q1,x1\nq2,q1-c1\n")
    answer = call("judge", "run", "--input", tmp_path / "pairs.csv", "--home", labelled.home, "--json").json
    assert (answer["asked"], answer["end"]) == (2, "all")


def test_ctrl_c_keeps_what_is_there_and_says_so(
    labelled: Workspace, judges: dict[str, CountingJudge], call: Call, tmp_path: Path
) -> None:
    judges["server"].dies_after = 3
    out = tmp_path / "out.csv"
    given = ["match", "--judge", "--judge-band", "high,medium,low", "--out", out, "--home", labelled.home]
    ended = call(*given)
    assert (ended.code, ended.out, out.exists()) == (130, "", False)
    assert "3 pairs judged, 0 from the cache. Interrupted, 12 remaining" in ended.err
    assert ended.err.endswith(f" {out} was not written.\n")
    judges["server"].dies_after = None
    assert call(*given, "--json").json["known"] == 3
    assert len(rows_of(out)) == 15


def test_ctrl_c_before_the_judge_is_asked_says_that_there_is_no_file(
    labelled: Workspace, judges: dict[str, CountingJudge], call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("core.cli.match.matched_pairs", interrupted)
    out = tmp_path / "out.csv"
    ended = call("match", "--judge", "--out", out, "--home", labelled.home)
    assert (ended.code, ended.err, out.exists()) == (130, f"Ended; {out} was not written.\n", False)


# -- two stages ----------------------------------------------------------------------------------------------


def test_match_asks_the_judge_and_reports_both_stages(
    labelled: Workspace, judges: dict[str, CountingJudge], call: Call, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    given = ["match", "--judge", "--judge-band", "medium,low", "--out", out, "--home", labelled.home]
    answer = call(*given, "--json").json
    matcher, judge = answer["stages"]
    asked = {pair.candidate.id for pair in judges["server"].asked}
    rows = rows_of(out)
    assert list(rows[0])[-4:] == ["judge", "judge_probability", "both_probability", "decision"]
    assert {row["candidate_id"] for row in rows if row["judge"]} == asked
    bands = {row["band"] for row in rows if row["judge"] and not row["decision"]}
    assert bands <= {"prior:medium", "prior:low"}
    assert {row["probability"] for row in rows} == {""}
    assert (answer["calibrated"], matcher["pairs"]) == (False, {"match": 0, "no_match": 0})
    assert (answer["rows"], judge["asked"]) == (15, len(asked))
    assert sum(matcher["pairs"].values()) + sum(judge["pairs"].values()) + answer["open"] == 15
    assert judge["precision"]["no_match"]["labels"] > 0
    told = call(*given).out
    assert "settled by" in told
    assert "counting" in told
    assert f"{len(asked)} from the cache" in told
    assert told.splitlines()[-1] == "The judge was not evaluated yet: run `samesku judge test`."
    words = call("judge", "test", "--home", labelled.home, "--json").json["words"]
    assert call(*given).out.splitlines()[-1] == words


def test_without_labels_precision_is_unknown_and_without_judge_there_are_no_columns(
    workspace: Workspace, judges: dict[str, CountingJudge], call: Call, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    assert call("match", "--judge", "--out", out, "--home", workspace.home).out.count("unknown") == 4
    call("match", "--out", out, "--home", workspace.home)
    assert list(rows_of(out)[0]) == ["query_id", "rank", "candidate_id", "similarity", "probability", "band"]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_given_pairs_are_matched_and_judged(
    labelled: Workspace, judges: dict[str, CountingJudge], call: Call, tmp_path: Path, ending: str
) -> None:
    (tmp_path / "pairs.csv").write_text("query_id,candidate_id\nq1,q1-c1\nq4,x1\nq1,q1-c2\n")
    out = tmp_path / f"out.{ending}"
    given = ["match", "--input", tmp_path / "pairs.csv", "--out", out, "--home", labelled.home, "--json"]
    basis = {"calibrated": True, "labels": 6, "labelled_matches": 2}
    assert call(*given).json == {"rows": 3, "file": str(out), **basis}
    judged = call(*given, "--judge", "--judge-band", "high,medium,low").json
    assert (judged["rows"], judged["asked"]) == (3, 3)
    if ending == "csv":
        assert [(row["query_id"], row["candidate_id"]) for row in rows_of(out)] == [
            ("q1", "q1-c1"), ("q4", "x1"), ("q1", "q1-c2"),
        ]  # fmt: skip
    assert call(*given, "--judge", "--judge-band", "high,medium,low").json["known"] == 3


@pytest.mark.parametrize("judge", [[], ["--judge", "--judge-band", "high,medium,low"]], ids=["alone", "judged"])
@pytest.mark.parametrize("out", ["README.md/x.csv", "folder.csv"])
def test_a_file_that_cannot_be_written_is_told_of_before_the_judge_is_asked(
    labelled: Workspace, judges: dict[str, CountingJudge], call: Call, tmp_path: Path, out: str, judge: list[str]
) -> None:
    (tmp_path / "README.md").write_text("read me")
    (tmp_path / "folder.csv").mkdir()
    answer = call("match", *judge, "--out", tmp_path / out, "--home", labelled.home)
    assert (answer.code, answer.out, judges["server"].asked) == (1, "", [])
    assert answer.err.splitlines()[-2].startswith(f"Error: {tmp_path / out} ")
    assert "Traceback" not in answer.err


# -- what it is worth ----------------------------------------------------------------------------------------


def test_a_judge_is_measured_on_the_validation_side(
    labelled: Workspace, judges: dict[str, CountingJudge], call: Call
) -> None:
    answer = call("judge", "test", "--home", labelled.home, "--json").json
    assert {pair.query.id for pair in judges["server"].asked} == {"q3", "q4", "qv"}
    of = answer["measured"]
    assert (of["pairs"], of["matches"], of["majority"]) == (9, 3, pytest.approx(2 / 3))
    assert set(of["figures"]) == {"accuracy", "precision", "recall", "f1", "no_verdict", "seconds"}
    assert answer["judged_on"].startswith("validation@")
    assert answer["words"]
    assert len(list(labelled.reports.glob("judge-*.json"))) == 1
    told = call("judge", "test", "--home", labelled.home).out
    assert "Accuracy of the majority class: 0.667." in told
    assert "the matcher" in told
    assert "0 pairs judged, 9 from the cache." in told


def test_pairs_that_it_was_trained_on_are_not_measured(
    labelled: Workspace, judges: dict[str, CountingJudge], call: Call, tmp_path: Path
) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("ltable_id,rtable_id,label\nq1,q1-c1,1\nq1,q1-c2,0\nq2,q2-c1,1\n")
    judges["server"].trained_on = frozenset({Pair(q("q1"), match("q1-c1")[0].candidate)})
    answer = call("judge", "test", "--pairs", file, "--home", labelled.home, "--json").json
    assert (answer["measured"]["pairs"], answer["judged_on"]) == (2, str(file))


def test_without_labels_there_is_nothing_to_measure_on(
    workspace: Workspace, judges: dict[str, CountingJudge], call: Call
) -> None:
    answer = call("judge", "test", "--home", workspace.home)
    assert answer.code == 1
    assert "no labelled pairs to evaluate the judge on" in answer.err
    assert "--stream validation" in answer.err


def test_a_budget_of_nothing_measures_nothing(
    labelled: Workspace, judges: dict[str, CountingJudge], call: Call
) -> None:
    answer = call("judge", "test", "--max-pairs", "0", "--home", labelled.home)
    assert (answer.code, "No pair was judged." in answer.err) == (1, True)


def test_two_judges_are_compared_on_the_same_pairs(
    labelled: Workspace, judges: dict[str, CountingJudge], call: Call
) -> None:
    given = ["judge", "compare", "mlx", "server", "--home", labelled.home]
    answer = call(*given, "--json").json
    assert (answer["first"]["judge"], answer["second"]["judge"], answer["first"]["pairs"]) == (
        "always no",
        "counting",
        9,
    )
    assert answer["both"] + answer["only_first"] + answer["only_second"] + answer["neither"] == 9
    assert len(answer["apart"]) == answer["only_first"] + answer["only_second"]
    assert answer["first"]["figures"]["f1"]["value"] == 0
    told = call(*given).out
    assert "McNemar" in told
    assert answer["words"] in told
    assert ("Only the second is right:" in told) is bool(answer["only_second"])


def test_pairs_that_one_alone_gets_right_are_shown_with_the_truth_in_80_columns(
    labelled: Workspace, judges: dict[str, CountingJudge], call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    judges["server"].verdict = lambda case: CountingJudge().verdict(  # type: ignore[method-assign]
        type(case)(case.query, case.candidate, type(case.findings)(("same",), ()))
    )
    told = call("judge", "compare", "server", "mlx", "--home", labelled.home).out
    first, second = told.split("Only the first is right:")[1].split("Only the second is right:")
    lines = [line.split() for line in first.splitlines()[1:]]
    shown = sorted((*query[:2], candidate[0]) for query, candidate in zip(lines[::2], lines[1::2], strict=True))
    assert shown == [("match", id_, f"{id_}-c1") for id_ in ("q3", "q4", "qv")]
    assert second.count("  no match  q") == 6
    assert "qv-c3" in second
    assert all(len(line) <= 80 for line in (first + second).splitlines())


@pytest.mark.parametrize("more", [[], ["--detach"]])
def test_a_judge_is_not_compared_with_itself(
    labelled: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    monkeypatch.setenv("SAMESKU_JUDGE__MLX_MODEL", "some/model")
    monkeypatch.setenv("SAMESKU_JUDGE__SERVER_MODEL", "m")
    local = call("judge", "compare", "mlx-base", "mlx", *more, "--home", labelled.home)
    assert local.code == 1
    assert "Error: mlx-base and mlx are the same judge: some/model, " in local.err
    assert "judge.mlx_adapter is not set" in local.err
    served = call("judge", "compare", "server", "server", *more, "--home", labelled.home)
    assert (served.code, "Name two of cross-encoder, mlx," in served.err) == (1, True)
    assert not labelled.jobs.exists()


# -- as a job ------------------------------------------------------------------------------------------------

#: The program with the judge that counts, for processes that cannot be reached into.
_SERVED = """
import sys
sys.path.insert(0, "tests/support")
from judges import CountingJudge
from misbehaving import Misbehaving, completion, says
from core.judge import factory
factory.JUDGE_FACTORIES["server"] = lambda *_: CountingJudge()
"""


def test_a_run_is_a_job_like_any_other(labelled: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMESKU_JUDGE__USE", "server")
    monkeypatch.setenv("SAMESKU_JUDGE__SERVER_MODEL", "none")
    monkeypatch.setenv("SAMESKU_JUDGE__SERVER_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("SAMESKU_JUDGE__SERVER_RETRIES", "0")
    given = ["judge", "run", "--judge-band", "low", "--max-pairs", "0"]
    started = call(*given, "--detach", "--home", labelled.home, "--json")
    jobs = Jobs(labelled.jobs)
    until(lambda: jobs.get(started.json["job"]).state is not JobState.RUNNING)
    job = jobs.get(started.json["job"])
    assert (job.name, job.state) == ("Run the judge", JobState.DONE)
    assert job.arguments == tuple(given)
    assert job.result["asked"] == 0


def test_a_run_that_is_killed_loses_nothing_that_was_written(labelled: Workspace, tmp_path: Path) -> None:
    code = (
        _SERVED
        + """
class Slow(CountingJudge):
    def verdicts(self, cases):
        for verdict in super().verdicts(cases):
            yield verdict
            print(len(self.asked), flush=True)
            if len(self.asked) == 6:
                import signal; signal.pause()
factory.JUDGE_FACTORIES["server"] = lambda *_: Slow()
from core.judge import cache
cache._COMMIT_INTERVAL_S = 0.0
from core.cli.app import main
main()
"""
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "judge", "run", "--judge-band", "high,medium,low", "--home", str(labelled.home)],
        env={**os.environ, "SAMESKU_JUDGE__USE": "server"}, cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == "6":
            break
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=240)
    assert len(VerdictCache(labelled.derived).latest_verdicts("counting")) == 6


def test_making_a_judge_imports_no_model_library(labelled: Workspace) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from core.judge.factory import make_judge; from core.settings import load_settings\n"
        "from core.workspace import Workspace\n"
        f"w = Workspace(Path({str(labelled.home)!r}))\n"
        "make_judge(w, load_settings(w.settings), 'server').name\n"
        "print(sorted({'torch', 'mlx', 'mlx_lm', 'sklearn', 'transformers', 'httpx'} & set(sys.modules)))\n"
    )
    environment = {**os.environ, "SAMESKU_JUDGE__SERVER_MODEL": "m"}
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, timeout=240
    )
    assert out.stdout.strip() == "[]"


def test_any_judge_can_be_named(labelled: Workspace, judges: dict[str, CountingJudge]) -> None:
    assert make_judge(labelled, Settings(), "server").name == "counting"
    assert make_judge(labelled, Settings(), "server", "mlx").name == "mean(counting, always no)"


def test_doctor_says_who_judges_and_what_is_missing(labelled: Workspace, call: Call) -> None:
    def told(settings: str) -> str:
        labelled.settings.write_text(settings)
        answer = call("doctor", "--home", labelled.home, "--json")
        assert answer.code == 0
        return str(answer.json["judge"])

    assert told("") == "none configured: samesku judge --help"
    assert told('[judge]\nuse = ["server"]\nserver_model = "tiny"').startswith("tiny at 127.0.0.1")
    assert "`samesku judge train --cross-encoder` trains one." in told('[judge]\nuse = ["cross-encoder"]')


@pytest.mark.parametrize("damage", ["half", "every tenth byte", "FIFO", "text", "other database"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("judge", "run", "--judge-band", "high,medium,low"), ("judge", "test"), ("judge", "compare", "server", "mlx"),
        ("match", "--judge", "--judge-band", "high,medium,low", "--out", "{out}"),
    ],
)  # fmt: skip
def test_a_damaged_cache_of_verdicts_ends_no_run(
    labelled: Workspace, judges: dict[str, CountingJudge], call: Call, tmp_path: Path,
    arguments: tuple[str, ...], damage: str,
) -> None:  # fmt: skip
    given = [part.format(out=tmp_path / "out.csv") for part in arguments]
    call(*given, "--home", labelled.home)
    asked = len(judges["server"].asked)
    assert asked
    TO_DATABASES[damage](labelled.derived)
    answer = call(*given, "--home", labelled.home)
    assert answer.code == 0, answer.err
    assert "derived.db is damaged" in answer.err


# -- labels by a language model ------------------------------------------------------------------------------


def test_a_server_labels_within_its_limits_and_no_ledger_knows_it(
    tmp_path: Path, hash_encoder: HashEncoder, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Workspace(copy_of("unlabelled workspace", _write_unlabelled, tmp_path / "home"))
    answered = {**completion("**Verdict:** MATCH"), "usage": {"prompt_tokens": 1000, "completion_tokens": 10}}
    with Misbehaving(says(answered)) as server:
        monkeypatch.setenv("SAMESKU_JUDGE__SERVER_URL", server.url)
        monkeypatch.setenv("SAMESKU_JUDGE__SERVER_MODEL", "gpt/tiny")
        command = ["judge", "label", "--home", home.home, "--json"]
        unpriced = call(*command, "--max-cost", "1")
        assert (unpriced.code, server.requests) == (1, [])
        assert "Set judge.price_in and judge.price_out" in unpriced.err
        monkeypatch.setenv("SAMESKU_JUDGE__PRICE_IN", "1000000")
        first = call(*command, "--max-cost", "2500").json
        assert (first["end"], first["total"]["pairs"], first["annotator"]) == ("cost", 2, "llm:gpt/tiny")
        assert "The limit on cost is reached." in first["words"]
        assert len(server.requests) == 2
        again = call(*command, "--max-pairs", "2").json
        assert (again["end"], again["run"]["pairs"], len(server.requests)) == ("pairs", 0, 2)
    assert {each.annotator for each in load_llm_labels(home.llm_labels).labels.values()} == {"llm:gpt/tiny"}
    with LabelStore(home.labels) as store:
        assert not list(store.decisions())
    cleared = call(*command, "--clear").json
    assert cleared == {"removed": 2, "annotator": "llm:gpt/tiny"}
    # What was spent stays spent.
    assert load_llm_labels(home.llm_labels).spent["llm:gpt/tiny"].pairs == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--judge", "cross-encoder"], "cross-encoder is no language model."),
        ([], "judge.server_model is not set."),
        (["--judge", "mlx"], "judge.mlx_model is not set."),
    ],
)
def test_what_labels_must_be_a_language_model_that_is_set(
    labelled: Workspace, call: Call, arguments: list[str], message: str
) -> None:
    answer = call("judge", "label", *arguments, "--home", labelled.home)
    assert answer.code == 1
    assert message in answer.err
    if "not set" in message:
        assert f"{labelled.settings}, in the section [judge]: " in answer.err
    assert not labelled.llm_labels.exists()
