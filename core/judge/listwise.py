"""One question about all candidates of a query: which of them, if any.

Language models prefer some places in a list to others, whatever stands there. So the candidates come in an order that
has nothing to do with their rank, and that is the same each time; asked several times, each in another order, the
preference averages out.
"""

import hashlib
import json
import random
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from core.catalog.product import Product
from core.judge.completion import Completion, LanguageModel, Question
from core.judge.logprobs import shares
from core.judge.prompt import LETTERS, choice_of, choosing
from core.judge.verdict import with_reason
from labels.model import ProductRef

#: The option that none of them is.
_NONE = "NONE"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a judge chose among the candidates of a query.

    Attributes:
        answered: whether it chose at all; else it broke off, rambled, contradicted itself, or was not understood.
        chosen: the candidate; None where it is none of them, or no answer.
        probabilities: of each candidate to be chosen; empty where the judge does not tell.
        none: the probability that it is none of them; with the others it adds up to 1.
        reasoning: its texts, hostile until they went through `core.text.safe`.
        judge: who said so.
        seconds, tokens_in, tokens_out: what it cost, all orders together.
    """

    answered: bool
    chosen: ProductRef | None
    probabilities: dict[ProductRef, float]
    none: float | None
    reasoning: str
    judge: str
    seconds: float
    tokens_in: int
    tokens_out: int


#: What one answer says: the place of the choice (0 for none of them; None for no answer), and the probability of each
#: option by candidate, None being the option that it is none.
_Heard = tuple[int | None, dict[ProductRef | None, float], list[ProductRef], Completion]


def choices(
    model: LanguageModel, asked: Iterable[tuple[Product, Sequence[Product]]], orders: int = 1
) -> Iterator[Choice]:
    """What a model chooses for each query, one after the other.

    Args:
        model: who is asked.
        asked: each query with its candidates, at most as many as there are letters.
        orders: in how many orders each question is asked.

    Raises:
        ModelError: as `LanguageModel.said`.
        ValueError: too many candidates.
    """
    told: deque[list[ProductRef]] = deque()

    def questions() -> Iterator[Question]:
        for query, candidates in asked:
            for number in range(orders):
                shown = in_order(query, candidates, number)
                told.append([candidate.ref for candidate in shown])
                yield Question(choosing(query, shown), (_NONE, *LETTERS[: len(shown)]))

    heard: list[_Heard] = []
    for said in model.said(questions()):
        heard.append(_heard(said, told.popleft()))
        if len(heard) == orders:
            yield _added_up(heard, model.name)
            heard = []


def in_order(query: Product, candidates: Sequence[Product], number: int) -> list[Product]:
    """The candidates in the order of that number, which depends on what the query states and on nothing else.

    Raises:
        ValueError: there are more than letters.
    """
    if len(candidates) > len(LETTERS):
        raise ValueError(f"too many candidates to choose from: {len(candidates)}")
    content = json.dumps([number, asdict(query)], sort_keys=True).encode("utf-8", "surrogatepass")
    shown = sorted(candidates, key=lambda candidate: candidate.ref)
    random.Random(hashlib.sha256(content).digest()).shuffle(shown)  # noqa: S311 - no secret
    return shown


def _heard(said: Completion, shown: list[ProductRef]) -> _Heard:
    options: list[ProductRef | None] = [None, *shown]
    found = dict(zip(options, shares(said.logs), strict=True)) if said.logs else {}
    if said.text:
        place = choice_of(said.text, len(shown))
        if place is None:
            return None, {}, shown, said
        if found and found[options[place]] < max(found.values()):
            why = "it names one option, and gives another the higher probability."
            return None, {}, shown, replace(said, text=with_reason(said.text, why))
        return place, found, shown, said
    best = max(found, key=lambda option: found[option]) if found else None
    return (options.index(best) if found else None), found, shown, said


def _added_up(heard: Sequence[_Heard], judge: str) -> Choice:
    """The mean of the probabilities where there are any, else the choice of most answers; the first of those even."""
    answers = [None if place == 0 else shown[place - 1] for place, _, shown, _ in heard if place is not None]
    weighed = [found for _, found, _, _ in heard if found]
    mean = {option: sum(found[option] for found in weighed) / len(weighed) for option in (weighed or [{}])[0]}
    votes = mean or {option: float(answers.count(option)) for option in answers}
    said = [said for *_, said in heard]
    return Choice(
        answered=bool(answers),
        chosen=max(votes, key=lambda option: votes[option]) if answers else None,
        probabilities={option: share for option, share in mean.items() if option is not None},
        none=mean.get(None),
        reasoning="\n\n".join(one.text for one in said if one.text),
        judge=judge,
        seconds=sum(one.seconds for one in said),
        tokens_in=sum(one.tokens_in for one in said),
        tokens_out=sum(one.tokens_out for one in said),
    )
