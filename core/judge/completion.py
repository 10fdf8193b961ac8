"""Questions to a language model and its completions, the same for a local model and one behind a URL."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from core.judge.logprobs import log_odds_from_logprobs, sigmoid
from core.judge.pair_context import PairContext
from core.judge.prompt import Message, pair_messages, parse_verdict, short_messages
from core.judge.verdict import Answer, Verdict, reject_contradiction

#: The options of a question about a pair, in the order of `Completion.logprobs`.
ANSWERS = (Answer.MATCH, Answer.NO_MATCH)


@dataclass(frozen=True, slots=True)
class Question:
    """A conversation, and the options that may follow `**Verdict:** ` in the answer."""

    messages: Sequence[Message]
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's answer to a question.

    Attributes:
        text: the generated text; empty in fast mode, where only the options are scored.
        logprobs: natural log-probability of each option at the position of the verdict; None if the model reached no
            verdict or reports no probabilities.
        seconds: this answer's share of the processing time.
        tokens_in: prompt tokens, cached ones included.
        tokens_out: generated tokens.
        failed: whether the request failed; everything else is empty then.
    """

    text: str
    logprobs: tuple[float, ...] | None
    seconds: float
    tokens_in: int
    tokens_out: int
    failed: bool = False


@runtime_checkable
class LanguageModel(Protocol):
    """A model that completes conversations."""

    @property
    def name(self) -> str:
        """Everything besides the question that an answer depends on."""
        ...

    def complete(self, questions: Iterable[Question]) -> Iterator[Completion]:
        """Yield one completion per question, in input order, each as soon as it is available.

        Raises:
            ModelError: the model is unavailable or fails altogether.
        """
        ...


def verdict_question(context: PairContext, mode: str = "reasoned") -> Question:
    """The question whether the two listings of a pair are the same product; a brief one in the mode `short`."""
    return Question((short_messages if mode == "short" else pair_messages)(context), tuple(ANSWERS))


def verdict_from_completion(completion: Completion, judge: str) -> Verdict:
    """The verdict of a completion about a pair.

    A text without a valid verdict line gives no answer, and neither does one whose verdict contradicts its
    log-probabilities. Without a text, the log-probabilities decide.
    """
    log_odds = None if completion.logprobs is None else log_odds_from_logprobs(*completion.logprobs)
    if completion.text:
        answer = parse_verdict(completion.text)
        log_odds = None if answer is None else log_odds
    elif log_odds is not None:
        answer = Answer.MATCH if log_odds > 0 else Answer.NO_MATCH
    else:
        answer = None
    return reject_contradiction(
        Verdict(
            answer, None if log_odds is None else sigmoid(log_odds), log_odds, completion.text, judge,
            completion.seconds, completion.tokens_in, completion.tokens_out, completion.failed,
        )
    )  # fmt: skip
