"""What a file says of pairs: it names products by the retailers' own ids, the catalogue knows which they are."""

from collections.abc import Sequence
from pathlib import Path

from core.catalog.pair_table import SHAPE, PairLine, labelled_lines, pair_lines
from core.catalog.references import References
from core.errors import CatalogError
from core.search.build import Corpus
from labels.model import Decision, Pair


def named_pairs(corpus: Corpus, path: Path) -> list[Pair]:
    """The pairs of a file, in its order.

    Raises:
        LabelsError: it is no file of pairs.
        CatalogError: an id is not in the catalogue, or stands in several sources and the file does not say which.
    """
    return _named(corpus, path, pair_lines(path))


def named_labels(corpus: Corpus, path: Path) -> dict[Pair, bool]:
    """The labelled pairs of a file.

    Raises:
        LabelsError: it is no file of labels.
        CatalogError: as `named_pairs`.
    """
    labels = labelled_lines(path)
    found: dict[Pair, bool] = {}
    for line, pair, match in zip(labels, _named(corpus, path, list(labels)), labels.values(), strict=True):
        if found.setdefault(pair, match) is not match:
            raise CatalogError(
                f"{path}, line {line.number}: the pair {line.query},{line.candidate} has both labels.",
                "Keep one of its lines.",
            )
    return found


def named_matches(corpus: Corpus, path: Path) -> list[Pair]:
    """The pairs of a file; where its header names a `label`, those that it calls matches.

    Raises:
        LabelsError: it is no file of pairs.
        CatalogError: as `named_pairs`, or there is no match.
    """
    lines = [line for line in pair_lines(path) if line.label is None or line.decision is Decision.MATCH]
    if not lines:
        raise CatalogError(f"{path} holds no match.", "A match has the label 1; without labels all pairs are matches.")
    return _named(corpus, path, lines)


def _named(corpus: Corpus, path: Path, lines: Sequence[PairLine]) -> list[Pair]:
    queries = References((query.ref for query in corpus.queries), "query")
    products = References((product.ref for product in corpus.products), "candidate")
    hint = f"{SHAPE} Products that are missing are imported first."
    return [
        Pair(
            queries.of(path, line.number, line.query, line.query_source, hint),
            products.of(path, line.number, line.candidate, line.candidate_source, hint),
        )
        for line in lines
    ]
