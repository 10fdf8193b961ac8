"""Labels by a language model: chosen by the queue, within limits, and never those of people."""

from dataclasses import replace
from pathlib import Path

import pytest
from feature_tables import write_scored_workspace
from folder_templates import copy_of
from judges import CountingJudge
from samples import HashEncoder, no_match, q

from core.errors import CoreError, ModelError
from core.jobs.progress import Silent
from core.judge.cache import CachingJudge, VerdictCache
from core.judge.calibrated_judge import CalibratedJudge
from core.judge.labelling import LabellingEnd, LabellingResult, Limits, label_pairs
from core.matching.fitting import read_training_labels
from core.queue.strategies import STRATEGIES
from core.settings import Settings
from core.splits.llm_labels import LlmLabels, Spending, llm_training_labels, load_llm_labels, save_llm_labels
from core.splits.precedence import Precedence
from core.splits.split import splits_of
from core.splits.weak_labels import WeakLabel, WeakSource
from core.splits.weak_training import with_weak_labels
from core.workspace import Workspace
from labels.model import ActionDetails, Pair, ProductRef, Side, Verb
from labels.names import name_problem
from labels.store import LabelStore

ANNOTATOR = "llm:tiny"


@pytest.fixture
def home(tmp_path: Path, hash_encoder: HashEncoder) -> Workspace:
    """An indexed workspace in which a person has answered `q1`, and `qv` is for validation."""
    return Workspace(copy_of("workspace for a language model", _write, tmp_path / "home"))


def _write(home: Path) -> None:
    write_scored_workspace(home, {"q1": Side.TRAIN, "qv": Side.VALIDATION})


def run(home: Workspace, judge: CountingJudge, limits: Limits, settings: Settings | None = None) -> LabellingResult:
    wrapped = CalibratedJudge(CachingJudge(judge, VerdictCache(home.derived)), home.home / "no-calibration.json")
    try:
        return label_pairs(home, settings or Settings(), wrapped, ANNOTATOR, limits, STRATEGIES["mixed"], Silent())
    finally:
        wrapped.close()


def test_labels_of_the_queue_are_never_those_of_people_or_validation(home: Workspace) -> None:
    judge = CountingJudge()
    found = run(home, judge, Limits())
    assert found.end is LabellingEnd.QUEUE
    assert {pair.query.id for pair in judge.asked} == {"q2", "q3", "q4"}
    stored = load_llm_labels(home.llm_labels)
    assert stored.labels.keys() == set(judge.asked)
    assert {(each.annotator, each.source) for each in stored.labels.values()} == {(ANNOTATOR, WeakSource.LLM)}
    assert (
        stored.spent[ANNOTATOR]
        == found.total
        == Spending(len(judge.asked), 0, 100 * len(judge.asked), 10 * len(judge.asked))
    )
    with LabelStore(home.labels) as store:
        assert {decision.annotator for decision in store.decisions()} == {"ada"}
        assert {label.pair.query.id for label in store.labels()} == {"q1", "qv"}
    splits = splits_of(home, Settings())
    assert not {label.pair for label in (*splits.train, *splits.eval_labels)} & stored.labels.keys()
    # Nothing is left to ask, and nothing is spent again.
    assert run(home, judge, Limits()).run == Spending()


def test_a_limit_ends_the_run_and_the_same_command_continues(home: Workspace) -> None:
    judge = CountingJudge()
    first = run(home, judge, Limits(pairs=2))
    assert (first.end, first.total.pairs, len(judge.asked)) == (LabellingEnd.PAIRS, 2, 2)
    assert "The limit on pairs is reached." in first.summary
    assert run(home, judge, Limits(pairs=2)).run == Spending()
    second = run(home, judge, Limits(pairs=5))
    assert (second.run.pairs, second.total.pairs) == (3, 5)
    assert len(set(judge.asked)) == len(judge.asked) == 5


@pytest.mark.parametrize(
    ("limits", "end", "pairs"),
    [(Limits(tokens=350), LabellingEnd.TOKENS, 3), (Limits(cost=0.00048), LabellingEnd.COST, 4)],
)
def test_tokens_and_cost_stay_below_their_limits(
    home: Workspace, limits: Limits, end: LabellingEnd, pairs: int
) -> None:
    settings = Settings.model_validate({"judge": {"price_in": 1.0, "price_out": 2.0}})
    found = run(home, CountingJudge(), limits, settings)
    assert (found.end, found.total.pairs) == (end, pairs)
    assert found.price == pytest.approx(pairs * 0.00012)


def test_the_same_command_does_not_exceed_a_limit_by_one_more_question(home: Workspace) -> None:
    judge = CountingJudge()
    assert run(home, judge, Limits(tokens=350)).total.pairs == 3
    again = run(home, judge, Limits(tokens=350))
    assert (again.end, again.run, len(judge.asked)) == (LabellingEnd.TOKENS, Spending(), 3)


@pytest.mark.parametrize("limits", [Limits(tokens=350), Limits(cost=0.0001)])
def test_a_judge_that_counts_no_tokens_is_refused_where_a_limit_needs_them(home: Workspace, limits: Limits) -> None:
    judge = CountingJudge(counts_tokens=False)
    with pytest.raises(ModelError, match="does not report its tokens"):
        run(home, judge, limits)
    assert len(judge.asked) == len(load_llm_labels(home.llm_labels).labels) == 1
    assert run(home, judge, Limits(pairs=3)).end is LabellingEnd.PAIRS


def test_an_interruption_keeps_what_was_answered(home: Workspace) -> None:
    found = run(home, CountingJudge(dies_after=3), Limits())
    assert (found.end, found.total.pairs, found.matches + found.negatives) == (LabellingEnd.INTERRUPTED, 3, 3)
    assert len(load_llm_labels(home.llm_labels).labels) == 3


def test_a_pair_without_an_answer_costs_and_gets_no_label(home: Workspace) -> None:
    judge = CountingJudge()
    run(home, judge, Limits())
    home.llm_labels.unlink()
    silent = CountingJudge("silent", silent=frozenset(judge.asked[:1]))
    found = run(home, silent, Limits())
    assert (found.total.unanswered, found.matches + found.negatives) == (1, len(judge.asked) - 1)
    assert "1 without an answer" in found.summary


def test_a_failed_request_is_no_missing_answer_and_is_repeated(home: Workspace) -> None:
    judge = CountingJudge()
    run(home, judge, Limits())
    home.llm_labels.unlink()
    failing = CountingJudge("failing", failing=frozenset(judge.asked[:2]))
    found = run(home, failing, Limits())
    assert (found.failed, found.total.unanswered) == (2, 0)
    assert found.total.pairs == found.matches + found.negatives == len(judge.asked) - 2
    assert "2 requests failed; the same command repeats them." in found.summary
    again = run(home, CountingJudge("failing"), Limits())
    assert (again.run.pairs, again.failed) == (2, 0)


def test_nothing_is_asked_where_the_limit_is_spent_before_the_first_question(home: Workspace) -> None:
    judge = CountingJudge()
    settings = Settings.model_validate({"judge": {"price_in": 1.0, "price_out": 2.0}})
    found = run(home, judge, Limits(cost=0.0), settings)
    assert (found.end, found.run, judge.asked) == (LabellingEnd.COST, Spending(), [])


def test_they_train_with_their_weight_until_a_person_decides(home: Workspace) -> None:
    run(home, CountingJudge(), Limits())
    pairs = load_llm_labels(home.llm_labels).labels.keys()
    settings = Settings.model_validate({"labels": {"llm_weight": 0.25}, "retrain": {"weak_labels": "always"}})
    weak = read_training_labels(home, settings).weak
    assert {label.pair for label in weak} == pairs
    assert {label.weight for label in weak} == {0.25}
    assert not llm_training_labels(home, Settings.model_validate({"labels": {"llm_weight": 0}}))
    assert {label.pair for label in with_weak_labels(home, settings, splits_of(home, settings)).weak} <= pairs
    with LabelStore(home.labels) as store:
        store.record("ada", Verb.REJECT, q("q2"), no_match("q2-c1"), ActionDetails())
    decided = Pair(q("q2"), ProductRef("amazon", "q2-c1"))
    assert decided in Precedence.read(home, settings).decided
    assert {label.pair for label in read_training_labels(home, settings).weak} == pairs - {decided}
    assert read_training_labels(home, settings, pairs).weak == []


def test_a_damaged_file_is_refused_and_an_annotator_must_be_a_model(home: Workspace) -> None:
    label = WeakLabel(Pair(q("q2"), ProductRef("amazon", "q2-c1")), True, WeakSource.LLM, annotator=ANNOTATOR)
    save_llm_labels(home.llm_labels, LlmLabels({label.pair: label}))
    assert load_llm_labels(home.llm_labels).labels == {label.pair: label}
    save_llm_labels(home.llm_labels, LlmLabels({label.pair: replace(label, annotator="ada")}))
    with pytest.raises(CoreError, match="damaged"):
        load_llm_labels(home.llm_labels)
    home.llm_labels.write_text("{}\n")
    with pytest.raises(CoreError, match="damaged"):
        read_training_labels(home, Settings())


def test_no_person_has_the_name_of_a_language_model() -> None:
    assert "language models" in name_problem("llm:gpt")
    assert "language models" in name_problem("LLM:gpt")


def test_stored_verdicts_cost_no_tokens_and_count_as_pairs(home: Workspace) -> None:
    judge = CountingJudge()
    run(home, judge, Limits())
    home.llm_labels.unlink()
    found = run(home, CountingJudge(), Limits(pairs=2))
    assert (found.total, found.end) == (Spending(2), LabellingEnd.PAIRS)


def test_pairs_that_have_left_the_catalogue_are_passed_over(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.judge.labelling.pair_contexts", lambda *_: iter(()))
    judge = CountingJudge()
    assert (run(home, judge, Limits()).end, judge.asked) == (LabellingEnd.QUEUE, [])
