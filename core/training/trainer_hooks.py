"""The trainer's steps, losses and metrics, told to a reporter."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.jobs.progress import Reporter
from core.retrieval.candidates import Candidate
from core.splits.split import Splits
from core.stats.sampling import shuffled
from labels.model import ProductRef

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


#: The mean of 1/rank of a query's best match.
METRIC = "MRR"

#: The wrong candidates that a match is ranked among: the first ones, which are the hardest.
_WRONG = 4

#: Values in a run, the one before the first step among them.
_MOST_VALUES = 4

#: What watching may cost, as a share of a run's work; but fewer queries than these show nothing at all.
_SHARE = 0.02
_FEWEST, _MOST = 12, 64


@dataclass(frozen=True, slots=True)
class Question:
    """The texts of a query, of what it matches, and of candidates that it does not match."""

    query: str
    matches: tuple[str, ...]
    wrong: tuple[str, ...]


def affordable(encodings: int) -> int:
    """How many questions a run of so many encodings can afford."""
    texts = _SHARE * encodings / _MOST_VALUES
    return max(_FEWEST, min(_MOST, int(texts / (2 + _WRONG))))


def questions_of(
    splits: Splits,
    mined: Mapping[ProductRef, Sequence[Candidate]],
    anchors: Mapping[ProductRef, str],
    products: Mapping[ProductRef, str],
    *,
    most: int,
    seed: int,
) -> list[Question]:
    """Some of the judged queries, drawn at random, each with its matches and the first wrong candidates.

    Args:
        splits: which queries are judged on, and what they match.
        mined: the candidates of each query by the last index run, best first.
        anchors: the texts of the queries, prefix on.
        products: the texts of what they may equal, prefix on.
        most: how many.
        seed: of the draw.
    """
    questions = []
    for query in shuffled((ref for ref in splits.eval_queries if ref in anchors), seed):
        matches = [products[ref] for ref in sorted(splits.matches[query]) if ref in products]
        others = (c.ref for c in mined.get(query, ()) if c.ref in products and c.ref not in splits.matches[query])
        wrong = [products[ref] for ref in others][:_WRONG]
        if matches and wrong:
            questions.append(Question(anchors[query], tuple(matches), tuple(wrong)))
    return questions[:most]


def mean_reciprocal_rank(model: "SentenceTransformer", questions: Sequence[Question]) -> float:
    """The mean of 1/rank of the first match among a query's candidates, in [0, 1]; the model trains on afterwards."""
    training = model.training
    texts = sorted({text for q in questions for text in (q.query, *q.matches, *q.wrong)}, key=len)
    vectors = dict(zip(texts, model.encode(texts, normalize_embeddings=True, show_progress_bar=False), strict=True))
    model.train(training)
    total = 0.0
    for question in questions:
        query = vectors[question.query]
        best = max(float(query @ vectors[text]) for text in question.matches)
        # A wrong one that is as near stands before the match: a model that tells nothing apart earns nothing.
        total += 1 / (1 + sum(float(query @ vectors[text]) >= best for text in question.wrong))
    return total / len(questions)


def is_due(epoch: int, epochs: int) -> bool:
    """Whether to measure after an epoch, counted from 1: after the last one, and a few times before."""
    return epoch == epochs or epoch % max(1, -(-epochs // (_MOST_VALUES - 1))) == 0


#: Measures the model as it is now.
Measure = Callable[[], float]


def reporting_callback(reporter: Reporter, stage: str, measure: Measure | None = None) -> Any:
    """A `TrainerCallback` that reports every step, and what `measure` says before the first and after some epochs."""
    from transformers import TrainerCallback

    class Reporting(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            reporter.stage(stage, total=state.max_steps)
            self._measure(state)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            reporter.advance(state.global_step)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            if logs and "loss" in logs:
                reporter.loss(state.global_step, float(logs["loss"]))

        def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if is_due(round(state.epoch), round(args.num_train_epochs)):
                self._measure(state)

        def _measure(self, state: Any) -> None:
            if measure is not None:
                reporter.metric(state.global_step, METRIC, measure())

    return Reporting()
