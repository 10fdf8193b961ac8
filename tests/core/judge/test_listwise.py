import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from samples import PRODUCTS, QUERIES

from core.judge.completion import Completion, Question
from core.judge.listwise import Choice, choose_candidates, shuffle_candidates
from core.judge.mlx import MlxJudge
from core.judge.prompt import LETTERS
from core.judge.verdict import VERDICT

TEN = PRODUCTS[:10]
RIGHT = TEN[7]


def place_of_right(question: Question) -> int:
    """The position of the right candidate in a question, from 1."""
    listings = question.messages[1]["content"].split("<candidate ")[1:]
    return 1 + next(i for i, listing in enumerate(listings) if f"title: {RIGHT.title}\n" in listing)


@dataclass
class Scripted:
    """A model that answers by a template, with an optional position bias."""

    says: str
    bias: int | None = None
    asked: list[Question] = field(default_factory=list)
    name: str = "scripted"

    def complete(self, questions: Iterable[Question]) -> Iterator[Completion]:
        for question in questions:
            self.asked.append(question)
            right = place_of_right(question)
            logs = None
            if self.bias is not None:
                weights = [1.0] * len(question.options)
                weights[self.bias] += 3
                weights[right] += 3
                logs = tuple(math.log(weight / 1000) for weight in weights)
            yield Completion(self.says.format(LETTERS[right - 1]), logs, 0.5, 100, 7)


@pytest.mark.parametrize(
    ("says", "answered", "chosen"),
    [
        (f"The codes agree.\n{VERDICT} {{}}", True, RIGHT.ref),
        (f"Nothing agrees.\n{VERDICT} NONE", True, None),
        ("I cannot say.", False, None),
        (f"{VERDICT} {{}}\nOr not.", False, None),
        (f"{VERDICT} K", False, None),
    ],
)
def test_answer_is_mapped_to_the_candidate(says: str, answered: bool, chosen: object) -> None:
    [choice] = choose_candidates(Scripted(says), [(QUERIES[2], TEN)])
    assert (choice.answered, choice.chosen) == (answered, chosen)
    assert choice.probabilities == {}
    assert choice.none_probability is None
    assert (choice.judge, choice.seconds, choice.tokens_in, choice.tokens_out) == ("scripted", 0.5, 100, 7)


def test_order_depends_on_query_content_only() -> None:
    shown = shuffle_candidates(QUERIES[0], TEN, 0)
    assert sorted(product.id for product in shown) == sorted(product.id for product in TEN)
    assert shuffle_candidates(QUERIES[0], TEN[::-1], 0) == shown
    assert shuffle_candidates(QUERIES[0], TEN, 1) != shown
    assert shuffle_candidates(replace(QUERIES[0], price=1.0), TEN, 0) != shown
    first = [shuffle_candidates(replace(QUERIES[0], id=str(number)), TEN, 0)[0].id for number in range(200)]
    assert set(first) == {product.id for product in TEN}
    with pytest.raises(ValueError, match="too many"):
        shuffle_candidates(QUERIES[0], TEN * 3, 0)


def test_several_orders_average_out_position_bias() -> None:
    orders = 12
    bias = Scripted("", bias=1)
    [once] = choose_candidates(bias, [(QUERIES[2], TEN)])
    [often] = choose_candidates(bias, [(QUERIES[2], TEN)], orders)
    assert len(bias.asked) == 1 + orders
    assert max(once.probabilities.values()) == pytest.approx(4 / 17) == once.probabilities[RIGHT.ref]
    assert often.chosen == RIGHT.ref
    assert sum(often.probabilities.values()) + often.none_probability == pytest.approx(1)
    assert often.none_probability == pytest.approx(1 / 17)
    others = [share for ref, share in often.probabilities.items() if ref != RIGHT.ref]
    assert max(others) < often.probabilities[RIGHT.ref] / 1.5
    assert often.seconds == pytest.approx(0.5 * orders)


def test_local_model_reports_all_probabilities(tiny_llm: Path) -> None:
    judge = MlxJudge(str(tiny_llm), "", mode="fast", max_tokens=64)
    asked = [(QUERIES[0], TEN), (QUERIES[1], TEN[:3]), (QUERIES[2], TEN[:1])]
    answers: list[Choice] = list(choose_candidates(judge, asked, 2))
    for (_, candidates), choice in zip(asked, answers, strict=True):
        assert set(choice.probabilities) == {candidate.ref for candidate in candidates}
        assert sum(choice.probabilities.values()) + choice.none_probability == pytest.approx(1)
        best = max(choice.probabilities.values())
        assert choice.chosen == (
            None
            if choice.none_probability > best
            else next(ref for ref, share in choice.probabilities.items() if share == best)
        )
        assert choice.answered
    assert next(choose_candidates(judge, asked, 2)).probabilities == pytest.approx(answers[0].probabilities, abs=1e-5)
