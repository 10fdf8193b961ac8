"""Trainer callback that reports steps, losses, and an MRR and the loss on a small set of probe queries."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.jobs.progress import Reporter
from core.retrieval.candidates import Candidate
from core.stats.sampling import shuffled
from core.training.examples import Example
from core.training.loss_watch import LossWatch
from labels.model import ProductRef

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


#: Name of the probe metric: the mean of 1/rank of a query's best match.
METRIC = "MRR"

#: Non-matching candidates per probe query: the top-ranked ones, which are the hardest.
_WRONG_PER_QUERY = 4

#: Name of the loss on the probe queries.
VALIDATION_LOSS = "validation loss"

#: Measurements per run, including the one before the first step.
_MAX_MEASUREMENTS = 4

#: Share of a run's cost that the measurements of the MRR may take, within a minimum for a meaningful value and a
#: maximum. The loss takes about as much again.
_COST_SHARE = 0.02
_MIN_PROBES, _MAX_PROBES = 12, 64


@dataclass(frozen=True, slots=True)
class ProbeQuery:
    """Texts of a query, of its matches, and of non-matching candidates."""

    query: str
    matches: tuple[str, ...]
    wrong: tuple[str, ...]


def affordable_probes(encodings: int) -> int:
    """Number of probe queries for a run that costs some number of encodings."""
    texts = _COST_SHARE * encodings / _MAX_MEASUREMENTS
    return max(_MIN_PROBES, min(_MAX_PROBES, int(texts / (2 + _WRONG_PER_QUERY))))


def draw_probes(
    gold: Mapping[ProductRef, Collection[ProductRef]],
    candidates: Mapping[ProductRef, Sequence[Candidate]],
    anchors: Mapping[ProductRef, str],
    products: Mapping[ProductRef, str],
    *,
    count: int,
    seed: int,
) -> list[ProbeQuery]:
    """Draw evaluation queries at random, each with its matches and its top-ranked non-matches.

    Args:
        gold: the products that count as found, of each evaluation query.
        candidates: of each query in the last index run, best first.
        anchors: query texts including the prefix.
        products: candidate texts including the prefix.
        count: maximum number of probe queries.
        seed: of the draw.
    """
    probes = []
    for query in shuffled((ref for ref in gold if ref in anchors), seed):
        matches = [products[ref] for ref in sorted(gold[query]) if ref in products]
        others = (c.ref for c in candidates.get(query, ()) if c.ref in products and c.ref not in gold[query])
        wrong = [products[ref] for ref in others][:_WRONG_PER_QUERY]
        if matches and wrong:
            probes.append(ProbeQuery(anchors[query], tuple(matches), tuple(wrong)))
    return probes[:count]


def mean_reciprocal_rank(model: "SentenceTransformer", probes: Sequence[ProbeQuery]) -> float:
    """Mean of 1/rank of the first match among a probe's texts, in [0, 1]. Restores the training mode of the model."""
    training = model.training
    texts = sorted({text for q in probes for text in (q.query, *q.matches, *q.wrong)}, key=len)
    vectors = dict(zip(texts, model.encode(texts, normalize_embeddings=True, show_progress_bar=False), strict=True))
    model.train(training)
    total = 0.0
    for probe in probes:
        query = vectors[probe.query]
        best = max(float(query @ vectors[text]) for text in probe.matches)
        # Ties and NaN rank the non-match first, so that a constant or a broken model scores low.
        total += 1 / (1 + sum(not float(query @ vectors[text]) < best for text in probe.wrong))
    return total / len(probes)


def is_measured_after(epoch: int, epochs: int) -> bool:
    """Whether to measure after an epoch, counted from 1: after the last one and at a few regular intervals."""
    return epoch == epochs or epoch % max(1, -(-epochs // (_MAX_MEASUREMENTS - 1))) == 0


def validation_examples(probes: Sequence[ProbeQuery], negatives: int) -> list[Example]:
    """The probe queries as examples for the loss, with as many negatives as the training data if they have them."""
    count = min(negatives, _WRONG_PER_QUERY)
    return [Example(q.query, q.matches[0], q.wrong[:count]) for q in probes if len(q.wrong) >= count]


class _LogReport:
    """Passes the log of a training on to a reporter, with warnings about the losses.

    Args:
        reporter: receives losses, metrics and warnings.
        steps: of the whole training.
        history: entries before an interruption, whose warnings were reported.
    """

    def __init__(self, reporter: Reporter, steps: int, history: Iterable[Mapping[str, Any]]) -> None:
        self._reporter = reporter
        self._watch = LossWatch(steps)
        for entry in history:
            self._warning(int(entry["step"]), entry)

    def add(self, step: int, entry: Mapping[str, Any]) -> None:
        """Report an entry."""
        if "loss" in entry:
            self._reporter.loss(step, float(entry["loss"]))
        for key, name in ((f"eval_{METRIC}", METRIC), ("eval_loss", VALIDATION_LOSS)):
            if key in entry:
                self._reporter.metric(step, name, float(entry[key]))
        if warning := self._warning(step, entry):
            self._reporter.message(warning)

    def _warning(self, step: int, entry: Mapping[str, Any]) -> str:
        if "loss" in entry:
            return self._watch.training(step, float(entry["loss"]))
        return self._watch.validation(step, float(entry["eval_loss"])) if "eval_loss" in entry else ""


#: Computes the probe metric of the current model.
Measure = Callable[[], float]


def reporting_callback(
    reporter: Reporter, stage: str, measure: Measure | None = None, *, every_epoch: bool = False
) -> Any:
    """A `TrainerCallback` that reports every step, and has the trainer evaluate after some epochs.

    Args:
        reporter: receives steps, losses, metrics, and warnings about the losses.
        stage: name of the training stage.
        measure: for the value before the first step; None to measure nothing.
        every_epoch: evaluate after every epoch.
    """
    from transformers import TrainerCallback

    class Reporting(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            reporter.stage(stage, total=state.max_steps)
            self._log = _LogReport(reporter, state.max_steps, state.log_history)
            if state.global_step:
                reporter.advance(state.global_step)
            elif measure is not None:
                reporter.metric(0, METRIC, measure())

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            reporter.advance(state.global_step)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            self._log.add(state.global_step, logs or {})

        def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            epoch, epochs = round(state.epoch), round(args.num_train_epochs)
            if measure is not None and (every_epoch or is_measured_after(epoch, epochs)):
                control.should_evaluate = True

    return Reporting()
