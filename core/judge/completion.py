"""What a language model is asked, and what it says: the same for one on this machine and one behind a URL."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from core.judge.logprobs import log_odds_of, probability_of
from core.judge.pair_context import PairContext
from core.judge.prompt import Message, answer_of, messages
from core.judge.verdict import Answer, Verdict, consistent

#: In the order of their log-probabilities.
ANSWERS = (Answer.MATCH, Answer.NO_MATCH)


@dataclass(frozen=True, slots=True)
class Question:
    """A conversation, and what may stand behind `**Verdict:** ` in the answer."""

    messages: Sequence[Message]
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model said to a question.

    Attributes:
        text: all that it wrote; empty where it was not asked to write.
        logs: the natural logarithm of each option's probability at the place of the verdict; None where it came to
            none, or does not tell.
        seconds: its share of the time that the answers took.
        tokens_in: tokens that it read, those remembered from other questions included.
        tokens_out: tokens that it wrote.
    """

    text: str
    logs: tuple[float, ...] | None
    seconds: float
    tokens_in: int
    tokens_out: int


@runtime_checkable
class LanguageModel(Protocol):
    """Anything that can be asked in words."""

    @property
    def name(self) -> str:
        """All that an answer depends on besides the question."""
        ...

    def said(self, questions: Iterable[Question]) -> Iterator[Completion]:
        """What it says to each, in their order, as soon as it is there.

        Raises:
            ModelError: the model cannot be had, or does not answer at all.
        """
        ...


def question_about(case: PairContext) -> Question:
    """Are the two the same product?"""
    return Question(messages(case), tuple(ANSWERS))


def verdict_of(said: Completion, judge: str) -> Verdict:
    """What was said of a pair, as a verdict. A text that ends in no verdict is none, whatever else it claims.

    Nor is one whose words and probabilities disagree.
    """
    log_odds = None if said.logs is None else log_odds_of(*said.logs)
    if said.text:
        answer = answer_of(said.text)
        log_odds = None if answer is None else log_odds
    elif log_odds is not None:
        answer = Answer.MATCH if log_odds > 0 else Answer.NO_MATCH
    else:
        answer = None
    probability = None if log_odds is None else probability_of(log_odds)
    return consistent(
        Verdict(answer, probability, log_odds, said.text, judge, said.seconds, said.tokens_in, said.tokens_out)
    )
