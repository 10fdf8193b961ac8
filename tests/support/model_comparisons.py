"""A model comparison made by hand, with any titles: figures that nobody measured, cosines that fit the labels."""

from collections.abc import Sequence

import numpy as np

from core.evaluation.comparison import Change, Comparison, Figure, JudgedQuery, Move, Place
from core.evaluation.metric_info import PAIR_METRICS, RETRIEVAL_METRICS
from core.evaluation.model_comparison import Difference, Estimate, EvaluationSet, ModelComparison, ModelResult
from core.evaluation.similarity_metrics import best_threshold, calibration, confusion
from core.evaluation.training_cost import TrainingCost
from labels.model import Pair, ProductRef

_NO_COST = TrainingCost()

TITLES = [f"Canon EOS Rebel T{number} DSLR Camera {number * 50} mm" for number in range(1, 25)]

#: What titles may hold to get out of the page's text, its attributes, its chart data or its template.
ATTACKS = [
    "<script>window.hacked = 1</script>",
    "</script><script>window.hacked = 1</script>",
    "</SCRIPT ><svg/onload=window.hacked=1>",
    "<!--<script>",
    "]]> --> <![CDATA[",
    '" onmouseover="window.hacked=1" x="',
    "' autofocus onfocus=window.hacked=1 '",
    '<img src=x onerror="window.hacked=1">',
    '<a href="javascript:window.hacked=1">press</a>',
    '<a href="https://example.org/">link</a>',
    "javascript:window.hacked=1",
    "{{ 7 * 7 }}{{ config }}{% for x in y %}",
    "${7*7} #{7*7} <%= 7*7 %>",
    "%{customdata} %{x:.3f}<extra></extra>",
    "<b>bold</b><br>break<span style='color:red'>red</span>",
    "$\\alpha$ \\u003c \\",
    "\u202egnp.exe \u2066isolated\u2069 \u200fmark\u200e",
    "line\u2028separator\u2029 \x00\x1b[2J\x85",
    "&lt;script&gt; &amp; &#x3c;",
    "</style><style>*{display:none}</style>",
    "</title></head><body>",
    "NaN Infinity __proto__ constructor",
    "word " * 5000,
    "",
]


def evaluation_set(titles: Sequence[str], name: str = "validation@1") -> EvaluationSet:
    """A query per title, with a match of the same title and two non-matches with the titles that follow."""
    queries = [ProductRef("walmart", f"q{number}") for number in range(len(titles))]
    candidates = [ProductRef("amazon", f"c{number}") for number in range(len(titles))]
    truth = {
        Pair(query, candidates[(number + step) % len(titles)]): step == 0
        for number, query in enumerate(queries)
        for step in range(3)
    }
    groups = tuple(zip(candidates, queries, strict=True))
    return EvaluationSet(
        name=name,
        gold={query: frozenset({candidate}) for query, candidate in zip(queries, candidates, strict=True)},
        pairs=tuple(truth),
        labels=np.array(list(truth.values())),
        groups=groups,
        map_groups=groups,
        titles=dict(zip([*queries, *candidates], [*titles, *titles], strict=True)),
    )


def result(model_id: str, data: EvaluationSet, skill: float, *, reference: bool, cost: TrainingCost) -> ModelResult:
    """A model whose cosines of matches are `skill` above those of non-matches."""
    generator = np.random.default_rng(round(skill * 1000))
    cosines = np.clip(generator.normal(0.5, 0.12, len(data.labels)) + skill * data.labels, -1, 1)
    threshold = best_threshold(data.labels, cosines)
    products = sum(map(len, data.map_groups))

    def estimate(value: float) -> Estimate:
        difference = None if reference else Difference(skill / 4, (skill / 10, skill / 2), 0.001)
        return Estimate(value, (value - 0.05, value + 0.04), difference)

    return ModelResult(
        id=model_id,
        rankings={"encoder": {info.name: estimate(0.6 + skill / 3) for info in RETRIEVAL_METRICS}},
        pairs={info.name: estimate(12.0 if info.digits == 0 else 0.5 + skill) for info in PAIR_METRICS},
        threshold=threshold,
        confusion=confusion(data.labels, cosines, threshold),
        calibration=calibration(data.labels, cosines, data.queries_of_pairs),
        cosines=cosines,
        positions=generator.random((products, 2)),
        cost=cost,
    )


def change(data: EvaluationSet, before: str, after: str) -> Comparison:
    """A third of the queries fixed, a third broken, the rest the same."""
    queries = []
    for number, (query, matches) in enumerate(data.gold.items()):
        (match,) = matches
        title, other = data.titles[query], data.titles[data.pairs[(3 * number + 1) % len(data.pairs)].candidate]
        right, wrong = Place(1, title), Place(None, other)
        move = (Move(wrong, right), Move(right, wrong), Move(right, right))[number % 3]
        queries.append(JudgedQuery(query, title, match, title, {"encoder": move}))
    figures = {name: Change(Figure(0.6, None), Figure(0.7, None), 0.1, (0.05, 0.15)) for name in ("hit@1", "mrr@10")}
    return Comparison(
        before, after, "2026-01-01T12:30:00+00:00", 1.5, data.name, ("encoder",), {"encoder": figures}, tuple(queries)
    )


def model_comparison(
    titles: Sequence[str], ids: Sequence[str] = ("base-1234", "lora-1"), name: str = "validation@1"
) -> ModelComparison:
    """As many models as ids, each better than the one before."""
    data = evaluation_set(titles, name)
    models = tuple(
        result(
            model_id, data, 0.1 + 0.15 * number, reference=number == 0,
            cost=TrainingCost(887_808, 3_551_232, 422.0, 3 * 2**30) if number else _NO_COST,
        )
        for number, model_id in enumerate(ids)
    )  # fmt: skip
    return ModelComparison(
        "2026-01-01T12:30:00+00:00", 93.4, data, models, tuple(change(data, ids[0], each) for each in ids[1:])
    )
