"""How many evaluation queries a promotion takes, and the way to them."""

from dataclasses import replace

import pytest

from core.splits.evaluation_size import EvaluationSize

#: A tenth of 400 queries was drawn, half of them are answered, and half of those have a match.
SIZE = EvaluationSize(queries=10, needed=50, manual=True, answered=20, drawn=40, population=400, share=0.1)


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        (replace(SIZE, queries=50), ""),
        (
            replace(SIZE, drawn=200, share=0.5),
            "No retrain can promote yet: only 10 validation queries have a known match, 40 fewer than"
            " retrain.min_queries (50). Answer about 80 more validation queries: samesku review --stream validation",
        ),
        (
            SIZE,
            "No retrain can promote yet: only 10 validation queries have a known match, 40 fewer than"
            " retrain.min_queries (50). Set validation.share to 0.25, so that samesku index draws enough validation"
            " queries, and answer them: samesku review --stream validation",
        ),
        (
            replace(SIZE, queries=2, manual=False, answered=0, drawn=0, population=2000),
            "No retrain can promote yet: only 2 held-out queries have a known match, 48 fewer than"
            " retrain.min_queries (50). samesku index draws validation queries; answer them: samesku review --stream"
            " validation",
        ),
        (
            replace(SIZE, population=90),
            "No retrain can promote yet: only 10 validation queries have a known match, 40 fewer than"
            " retrain.min_queries (50). The catalogue has too few queries for that: lower retrain.min_queries, and"
            " expect wider intervals.",
        ),
        (
            replace(SIZE, queries=1, manual=False, answered=0, drawn=60),
            "No retrain can promote yet: only 1 held-out query has a known match, 49 fewer than"
            " retrain.min_queries (50). Answer more validation queries: samesku review --stream validation",
        ),
    ],
)
def test_the_way_to_enough_queries(size: EvaluationSize, sentence: str) -> None:
    assert size.sentence == sentence
    assert size.missing == max(0, 50 - size.queries)
