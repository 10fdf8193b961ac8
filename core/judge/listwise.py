"""Listwise judging: one question about all candidates of a query, answered with one candidate or none.

Language models have a position bias: they prefer some places in a list whatever stands there. The candidates are
therefore shuffled, deterministically and independently of their rank, and the answers to several orders are averaged.
"""

import hashlib
import json
import random
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from core.catalog.product import Product
from core.judge.completion import Completion, LanguageModel, Question
from core.judge.logprobs import softmax
from core.judge.prompt import LETTERS, listwise_messages, parse_choice
from core.judge.verdict import append_rejection
from labels.model import ProductRef

#: The option that no candidate is the query's product.
_NONE = "NONE"


@dataclass(frozen=True, slots=True)
class Choice:
    """A model's choice among the candidates of a query.

    Attributes:
        answered: whether any answer was valid, that is, neither truncated, malformed nor contradictory.
        chosen: the chosen candidate; None for none of them, or without an answer.
        probabilities: P(candidate is the query's product); empty if the model reports no probabilities.
        none_probability: P(none of them); it and `probabilities` sum to 1.
        reasoning: the texts of all answers. Untrusted: pass it through `core.text.safe` before it is displayed.
        judge: name of the model.
        seconds, tokens_in, tokens_out: cost, summed over all orders.
        failed: the number of orders whose request failed.
    """

    answered: bool
    chosen: ProductRef | None
    probabilities: dict[ProductRef, float]
    none_probability: float | None
    reasoning: str
    judge: str
    seconds: float
    tokens_in: int
    tokens_out: int
    failed: int


def choose_candidates(
    model: LanguageModel, queries: Iterable[tuple[Product, Sequence[Product]]], orders: int = 1
) -> Iterator[Choice]:
    """Yield the model's choice for each query, in input order.

    Args:
        model: the language model.
        queries: each query with its candidates, at most `len(LETTERS)`.
        orders: the number of candidate orders over which each question is averaged.

    Raises:
        ModelError: as `LanguageModel.complete`.
        ValueError: a query has too many candidates.
    """
    pending: deque[list[ProductRef]] = deque()

    def questions() -> Iterator[Question]:
        for query, candidates in queries:
            for order in range(orders):
                shuffled = shuffle_candidates(query, candidates, order)
                pending.append([candidate.ref for candidate in shuffled])
                yield Question(listwise_messages(query, shuffled), (_NONE, *LETTERS[: len(shuffled)]))

    answers: list[_OrderAnswer] = []
    for completion in model.complete(questions()):
        answers.append(_parse_answer(completion, pending.popleft()))
        if len(answers) == orders:
            yield _aggregate(answers, model.name)
            answers = []


def shuffle_candidates(query: Product, candidates: Sequence[Product], order: int) -> list[Product]:
    """The candidates in a pseudo-random order, seeded by the order's number and the query's content.

    Raises:
        ValueError: there are more candidates than letters.
    """
    if len(candidates) > len(LETTERS):
        raise ValueError(f"too many candidates to choose from: {len(candidates)}")
    seed = json.dumps([order, asdict(query)], sort_keys=True).encode("utf-8", "surrogatepass")
    shuffled = sorted(candidates, key=lambda candidate: candidate.ref)
    random.Random(hashlib.sha256(seed).digest()).shuffle(shuffled)  # noqa: S311 - no secret
    return shuffled


@dataclass(frozen=True, slots=True)
class _OrderAnswer:
    """The answer to one order of the candidates.

    Attributes:
        answered: whether the answer is valid.
        choice: the chosen candidate; None for none of them, or without an answer.
        probabilities: of each option, None standing for none of them; empty if not reported.
        completion: the model's answer; its text states the reason if it was rejected.
    """

    answered: bool
    choice: ProductRef | None
    probabilities: dict[ProductRef | None, float]
    completion: Completion


def _parse_answer(completion: Completion, candidates: Sequence[ProductRef]) -> _OrderAnswer:
    options: list[ProductRef | None] = [None, *candidates]
    probabilities = dict(zip(options, softmax(completion.logprobs), strict=True)) if completion.logprobs else {}
    if not completion.text:
        best = max(probabilities, key=probabilities.__getitem__) if probabilities else None
        return _OrderAnswer(
            answered=bool(probabilities), choice=best, probabilities=probabilities, completion=completion
        )
    number = parse_choice(completion.text, len(candidates))
    if number is None:
        return _OrderAnswer(answered=False, choice=None, probabilities={}, completion=completion)
    choice = options[number]
    if probabilities and probabilities[choice] < max(probabilities.values()):
        reason = "it names one option, and gives another the higher probability."
        rejected = replace(completion, text=append_rejection(completion.text, reason))
        return _OrderAnswer(answered=False, choice=None, probabilities={}, completion=rejected)
    return _OrderAnswer(answered=True, choice=choice, probabilities=probabilities, completion=completion)


def _aggregate(answers: Sequence[_OrderAnswer], judge: str) -> Choice:
    """The choice with the highest mean probability, or by majority vote if no probabilities are reported.

    Ties go to the option that comes first.
    """
    valid = [answer for answer in answers if answer.answered]
    mean = _mean_probabilities([answer.probabilities for answer in answers if answer.probabilities])
    scores: Mapping[ProductRef | None, float] = mean or Counter(answer.choice for answer in valid)
    completions = [answer.completion for answer in answers]
    return Choice(
        answered=bool(valid),
        chosen=max(scores, key=scores.__getitem__) if valid else None,
        probabilities={option: probability for option, probability in mean.items() if option is not None},
        none_probability=mean.get(None),
        reasoning="\n\n".join(completion.text for completion in completions if completion.text),
        judge=judge,
        seconds=sum(completion.seconds for completion in completions),
        tokens_in=sum(completion.tokens_in for completion in completions),
        tokens_out=sum(completion.tokens_out for completion in completions),
        failed=sum(completion.failed for completion in completions),
    )


def _mean_probabilities(distributions: Sequence[dict[ProductRef | None, float]]) -> dict[ProductRef | None, float]:
    if not distributions:
        return {}
    return {
        option: sum(distribution[option] for distribution in distributions) / len(distributions)
        for option in distributions[0]
    }
