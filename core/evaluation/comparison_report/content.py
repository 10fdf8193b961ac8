"""What a report says: table cells, examples and false positives, as text for the template to escape."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.evaluation.comparison import Comparison, JudgedQuery, Outcome
from core.evaluation.metric_info import PAIR_METRICS, RETRIEVAL_METRICS, MetricInfo, cost_texts, p_text
from core.evaluation.model_comparison import Difference, Estimate, ModelComparison, ModelResult
from core.evaluation.similarity_metrics import Confusion
from core.text.safe import safe
from core.text.title_diff import Span, mark_differences
from labels.model import ProductRef
from labels.wording import counted

#: Listed per model; the count is always given.
MAX_EXAMPLES, MAX_FALSE_POSITIVES = 30, 200

#: Characters of a title, more than any real one has.
_MAX_TITLE_CHARS = 300

#: The ranking that examples and headlines are about: the encoder's own.
_RANKING = "encoder"
_HEADLINE = next(info for info in RETRIEVAL_METRICS if info.name == "mrr@10")

#: Rows for rankings that other signals contribute to.
_OTHER_RANKINGS = {"fused": "Hybrid ranking", "matched": "Matcher ranking"}
_OTHER_METRICS = tuple(info for info in RETRIEVAL_METRICS if info.name in {"recall@1", "recall@10", "mrr@10"})


@dataclass(frozen=True, slots=True)
class Cell:
    """A value in the table.

    Attributes:
        interval, change, p: texts, empty where there are none.
        direction: 1 for a significant improvement, -1 for a significant loss, else 0.
        best: whether no model has a better value.
    """

    value: str
    interval: str = ""
    change: str = ""
    p: str = ""
    direction: int = 0
    best: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A metric with a cell per model."""

    label: str
    meaning: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Rows under a common heading."""

    heading: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Headline:
    """One model against the reference, at a glance."""

    model: str
    verdict: str
    direction: int
    metric: str
    value: str
    change: str
    moves: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A title with its differences marked."""

    name: str
    id: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """Listings to be compared, the query first.

    Attributes:
        note: ranks or similarity.
    """

    note: str
    listings: tuple[Listing, ...]


@dataclass(frozen=True, slots=True)
class ExampleList:
    """Examples under a heading.

    Attributes:
        count: of all; more than listed where there are too many.
    """

    heading: str
    count: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class ConfusionTable:
    """The confusion matrix of one model."""

    model: str
    threshold: str
    counts: Confusion
    precision: str
    recall: str


def shown(text: str) -> str:
    """Untrusted text of bounded length without control characters; the template escapes it."""
    text = safe(text)
    return text if len(text) <= _MAX_TITLE_CHARS else f"{text[: _MAX_TITLE_CHARS - 1]}…"


def headlines(comparison: ModelComparison) -> tuple[Headline, ...]:
    """A headline for each model but the reference."""
    return tuple(
        _headline(model, change) for model, change in zip(comparison.models[1:], comparison.changes, strict=True)
    )


def _headline(model: ModelResult, change: Comparison) -> Headline:
    estimate = model.rankings[_RANKING][_HEADLINE.name]
    direction = _HEADLINE.direction(estimate.difference)
    counts = change.counts(_RANKING)
    difference = estimate.difference or Difference(0.0, None, None)
    interval = _HEADLINE.signed_interval(difference.interval)
    return Headline(
        model=shown(model.id),
        verdict={1: "significantly better", -1: "significantly worse", 0: "no significant difference"}[direction],
        direction=direction,
        metric=_HEADLINE.label,
        value=_HEADLINE.text(estimate.value),
        change=_HEADLINE.signed(difference.by) + (f" (95 %: {interval})" if interval else ""),
        moves=f"match ranks higher for {counted(counts[Outcome.BETTER], 'query', 'queries')}, lower for"
        f" {counts[Outcome.WORSE]:,}",
    )


def row_groups(comparison: ModelComparison) -> tuple[RowGroup, ...]:
    """The table of all metrics."""
    models = comparison.models
    groups = [
        RowGroup("Dense retrieval", _rows(RETRIEVAL_METRICS, [model.rankings[_RANKING] for model in models])),
        RowGroup("Pairs and clusters", _rows(PAIR_METRICS, [model.pairs for model in models])),
        *(
            RowGroup(heading, _rows(_OTHER_METRICS, [model.rankings.get(name, {}) for model in models]))
            for name, heading in _OTHER_RANKINGS.items()
        ),
        RowGroup("Training", _cost_rows(models)),
    ]
    return tuple(group for group in groups if group.rows)


def _rows(metrics: Sequence[MetricInfo], found: Sequence[Mapping[str, Estimate]]) -> tuple[Row, ...]:
    def rows() -> Iterator[Row]:
        for info in metrics:
            estimates = [each.get(info.name) for each in found]
            if any(estimates):
                yield Row(info.label, info.meaning, tuple(_cell(info, each, estimates) for each in estimates))

    return tuple(rows())


def _cell(info: MetricInfo, estimate: Estimate | None, all_estimates: Sequence[Estimate | None]) -> Cell:
    if estimate is None:
        return Cell("–")
    values = [info.text(each.value) for each in all_estimates if each is not None]
    best = (max if info.higher_is_better else min)(each.value for each in all_estimates if each is not None)
    difference = estimate.difference
    return Cell(
        value=info.text(estimate.value),
        interval=info.interval(estimate.interval),
        change=info.signed(difference.by) if difference else "",
        p=p_text(difference) if difference else "",
        direction=info.direction(difference),
        best=len(set(values)) > 1 and info.text(estimate.value) == info.text(best),
    )


def _cost_rows(models: Sequence[ModelResult]) -> tuple[Row, ...]:
    texts = cost_texts([model.cost for model in models])
    return tuple(Row(label, "", tuple(map(Cell, cells))) for label, cells in texts.items())


def confusion_tables(comparison: ModelComparison) -> tuple[ConfusionTable, ...]:
    """The confusion matrix of every model at its best threshold."""
    return tuple(
        ConfusionTable(
            model=shown(model.id),
            threshold=f"{model.threshold:.3f}",
            counts=counts,
            precision=_share(counts.true_positives, counts.false_positives),
            recall=_share(counts.true_positives, counts.false_negatives),
        )
        for model in comparison.models
        if model.threshold is not None and (counts := model.confusion) is not None
    )


def _share(part: int, rest: int) -> str:
    return f"{part / (part + rest):.3f}" if part + rest else "–"


def changed_examples(comparison: ModelComparison) -> tuple[tuple[str, tuple[ExampleList, ...]], ...]:
    """Per model but the reference: queries whose first candidate is a match now and was not, and the reverse."""
    found = []
    for change in comparison.changes:
        moves = [(query, query.moves[_RANKING]) for query in change.queries]
        fixed = [query for query, move in moves if move.after.rank == 1 != move.before.rank]
        broken = [query for query, move in moves if move.before.rank == 1 != move.after.rank]
        lists = (
            ExampleList("Fixed", len(fixed), tuple(_example(each, fixed=True) for each in fixed[:MAX_EXAMPLES])),
            ExampleList("Broken", len(broken), tuple(_example(each, fixed=False) for each in broken[:MAX_EXAMPLES])),
        )
        found.append((shown(change.after), lists))
    return tuple(found)


def _example(query: JudgedQuery, *, fixed: bool) -> Example:
    move = query.moves[_RANKING]
    wrong = (move.before if fixed else move.after).first
    ranks = [str(place.rank or ">10") for place in (move.before, move.after)]
    match = _listing("match", query.match, query.match_title, query.title)
    listings = [_listing("query", query.query, query.title, query.match_title), match]
    if wrong:
        listings.append(_listing("first before" if fixed else "first now", None, wrong, query.title))
    return Example(f"rank of the match {ranks[0]} → {ranks[1]}", tuple(listings))


def _listing(name: str, ref: ProductRef | None, title: str, other: str) -> Listing:
    return Listing(name, shown(f"{ref.source} {ref.id}") if ref else "", mark_differences(shown(title), shown(other)))


def false_positives(comparison: ModelComparison) -> tuple[ExampleList, ...]:
    """Per model: the non-matches at or above its best threshold, the most similar first."""
    data = comparison.evaluated_on
    lists = []
    for model in comparison.models:
        if model.threshold is None:
            continue
        wrong = [
            (float(cosine), pair)
            for cosine, pair, label in zip(model.cosines, data.pairs, data.labels, strict=True)
            if not label and cosine >= model.threshold
        ]
        wrong.sort(key=lambda each: (-each[0], each[1]))
        examples = tuple(
            Example(
                f"{cosine:.3f}",
                (
                    _listing("query", pair.query, data.titles[pair.query], data.titles[pair.candidate]),
                    _listing("candidate", pair.candidate, data.titles[pair.candidate], data.titles[pair.query]),
                ),
            )
            for cosine, pair in wrong[:MAX_FALSE_POSITIVES]
        )
        lists.append(ExampleList(shown(model.id), len(wrong), examples))
    return tuple(lists)
