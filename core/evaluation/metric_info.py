"""Names, meanings and formats of the metrics of a model comparison, for tables on the terminal and in reports."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.evaluation.model_comparison import Difference
from core.evaluation.training_cost import TrainingCost


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """How a metric is displayed.

    Attributes:
        name: its key in the results.
        meaning: half a sentence.
        digits: after the decimal point.
        higher_is_better: the direction of an improvement.
    """

    name: str
    label: str
    meaning: str
    digits: int = 3
    higher_is_better: bool = True

    def text(self, value: float) -> str:
        """A value of the metric."""
        return f"{value:,.{self.digits}f}"

    def signed(self, value: float) -> str:
        """A difference of the metric."""
        return f"{value:+,.{self.digits}f}"

    def interval(self, ends: tuple[float, float] | None) -> str:
        """An interval; empty if there is none."""
        return "" if ends is None else f"{self.text(ends[0])} to {self.text(ends[1])}"

    def signed_interval(self, ends: tuple[float, float] | None) -> str:
        """An interval of a difference; empty if there is none."""
        return "" if ends is None else f"{self.signed(ends[0])} to {self.signed(ends[1])}"

    def direction(self, difference: Difference | None) -> int:
        """1 for a significant improvement, -1 for a significant loss, else 0."""
        if difference is None or not difference.significant:
            return 0
        return 1 if (difference.by > 0) is self.higher_is_better else -1


RETRIEVAL_METRICS = (
    MetricInfo("recall@1", "Recall@1", "share of a query's known matches that rank first"),
    MetricInfo("recall@5", "Recall@5", "share of them in the top five"),
    MetricInfo("recall@10", "Recall@10", "share of them in the top ten"),
    MetricInfo("mrr@10", "MRR@10", "mean of 1 / rank of the first match, 0 beyond ten"),
    MetricInfo("ndcg@10", "nDCG@10", "gain discounted by log2(rank + 1), relative to the best order"),
)

PAIR_METRICS = (
    MetricInfo("spearman", "Spearman", "rank correlation of similarity and label"),
    MetricInfo("margin", "Similarity margin", "mean similarity of matches less that of non-matches"),
    MetricInfo("auc_roc", "AUC-ROC", "share of match and non-match pairs in the right order"),
    MetricInfo("average_precision", "Average precision", "area under the precision-recall curve"),
    MetricInfo("cohens_d", "Cohen's d", "similarity margin in pooled standard deviations", digits=2),
    MetricInfo("best_f1", "Best F1", "F1 at the threshold that maximizes it on these pairs"),
    MetricInfo(
        "false_positives", "False positives", "non-matches at or above that threshold", digits=0, higher_is_better=False
    ),
    MetricInfo("cluster_purity", "Cluster purity", "share of matched products that HDBSCAN puts with their own group"),
)

#: Text of a p-value below what the number of resamplings can show.
_MIN_P = 0.002


def p_text(difference: Difference) -> str:
    """The p-value of a difference; empty if it is undefined."""
    if difference.p_value is None:
        return ""
    return f"p < {_MIN_P}" if difference.p_value < _MIN_P else f"p = {difference.p_value:.3f}"


def cost_texts(costs: Sequence[TrainingCost]) -> dict[str, list[str]]:
    """What training each model took, by name; an empty text where it is unknown. Without what is unknown for all."""
    texts = {
        "Trained parameters": [f"{c.trained_parameters:,}" if c.trained_parameters is not None else "" for c in costs],
        "Adapter": [_size_text(cost.adapter_bytes) for cost in costs],
        "Training time": [duration_text(cost.training_seconds) for cost in costs],
        "Peak memory": [_size_text(cost.peak_memory_bytes) for cost in costs],
    }
    return {name: each for name, each in texts.items() if any(each)}


def _size_text(count: int | None) -> str:
    """A number of bytes in binary units; empty if unknown."""
    if count is None:
        return ""
    value, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:,.{0 if unit == 'B' else 1}f} {unit}"


def duration_text(seconds: float | None) -> str:
    """A duration: `42 s`, `7 min 05 s`, `2 h 05 min`; empty if unknown."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
