"""`samesku judge choose`, with a tiny language model."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from feature_tables import write_features
from samples import HashEncoder
from tiny_llm import write_tiny_llm

from core.judge import factory
from core.judge.completion import Completion, Question
from core.workspace import Workspace

Call = Callable[..., object]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder."""
    pytest.importorskip("mlx_lm", reason="needs the extra llm", exc_type=ImportError)
    return write_tiny_llm(tmp_path_factory.mktemp("tiny-llm"))


def test_all_candidates_of_a_query_are_weighed_at_once(
    workspace: Workspace, hash_encoder: HashEncoder, call: Call, tiny: Path
) -> None:
    write_features(workspace)
    workspace.settings.write_text(f'[judge]\nuse = ["cross-encoder", "mlx"]\nmlx_model = "{tiny}"\nmode = "fast"\n')
    (workspace.models / "judge" / "cross-encoder-1").mkdir(parents=True)
    (workspace.models / "judge" / "cross-encoder-1" / "judge.json").write_text("{}")
    answer = call("judge", "choose", "q1", "--orders", "2", "--json", "--home", workspace.home)
    assert answer.code == 0, answer.err
    told = answer.json
    assert set(told["probabilities"]) == {"q1-c1", "q1-c2", "q1-c3"}
    assert sum(told["probabilities"].values()) + told["none"] == pytest.approx(1)
    best = max(told["probabilities"], key=told["probabilities"].get)
    assert told["chosen"] == (best if told["probabilities"][best] > told["none"] else None)


def test_without_a_language_model_or_such_a_query_it_says_so(workspace: Workspace, call: Call) -> None:
    write_features(workspace)
    answer = call("judge", "choose", "q1", "--home", workspace.home)
    assert (answer.code, "No language model is configured." in answer.err) == (1, True)
    answer = call("judge", "choose", "nobody", "--home", workspace.home)
    assert (answer.code, "There is no query nobody" in answer.err) == (1, True)


@dataclass
class Rambling:
    """Writes so many tokens and comes to no verdict."""

    tokens: int
    name: str = "rambling"

    def complete(self, questions: Iterable[Question]) -> Iterator[Completion]:
        return (Completion("Well.", None, 0.5, 1000, self.tokens) for _ in questions)


@pytest.mark.parametrize(
    ("mode", "tokens", "why", "hint"),
    [
        ("reasoned", 64, "each output reached judge.max_tokens (64)", "Raise judge.max_tokens, or set judge.mode"),
        ("reasoned", 9, "its output contains no verdict", "Set judge.mode"),
        ("fast", 24, "its output contains no verdict", "Use another model"),
    ],
)
def test_no_answer_is_told_with_the_reason_the_way_out_and_the_cost(
    workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch, mode: str, tokens: int, why: str, hint: str
) -> None:
    write_features(workspace)
    monkeypatch.setitem(factory.JUDGE_FACTORIES, "server", lambda *_: Rambling(tokens))
    workspace.settings.write_text(f'[judge]\nuse = ["server"]\nmode = "{mode}"\nmax_tokens = 64\n')
    answer = call("judge", "choose", "q1", "--orders", "2", "--home", workspace.home)
    assert answer.code == 1
    assert f"Cost: 1.0 s, 2,000 tokens read, {2 * tokens} written." in answer.out
    assert f"rambling gave no answer: {why}" in answer.err
    assert hint in answer.err
    told = call("judge", "choose", "q1", "--json", "--home", workspace.home)
    assert (told.code, told.json["answered"], told.json["chosen"]) == (1, False, None)


@dataclass
class Failing:
    """Answers the first questions, as many as `answers`; the requests after them fail."""

    answers: int
    text: str = ""
    name: str = "failing"

    def complete(self, questions: Iterable[Question]) -> Iterator[Completion]:
        for number, question in enumerate(questions):
            scores = tuple(-float(place) for place in range(len(question.options)))
            failed = Completion("", None, 0.0, 0, 0, failed=True)
            yield Completion(self.text, scores, 0.5, 100, 0) if number < self.answers else failed


def test_failed_requests_are_no_answers_of_the_model(
    workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_features(workspace)
    workspace.settings.write_text('[judge]\nuse = ["server"]\n')
    monkeypatch.setitem(factory.JUDGE_FACTORIES, "server", lambda *_: Failing(1))
    answer = call("judge", "choose", "q1", "--orders", "3", "--json", "--home", workspace.home)
    assert (answer.code, answer.json["answered"], answer.json["failed"]) == (0, True, 2)
    assert "2 requests of 3 failed." in answer.err
    monkeypatch.setitem(factory.JUDGE_FACTORIES, "server", lambda *_: Failing(0))
    answer = call("judge", "choose", "q1", "--orders", "3", "--home", workspace.home)
    assert answer.code == 1
    assert "failing gave no answer: 3 requests of 3 failed." in answer.err
    assert "Run the same command again" in answer.err
    monkeypatch.setitem(factory.JUDGE_FACTORIES, "server", lambda *_: Failing(1, "They differ."))
    answer = call("judge", "choose", "q1", "--orders", "3", "--home", workspace.home)
    assert answer.code == 1
    assert "2 requests of 3 failed, and the other answers are not valid." in answer.err
