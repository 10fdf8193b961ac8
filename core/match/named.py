"""What a file says of pairs: it names products by the retailers' own ids, the catalogue knows which they are."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from core.catalog.pair_table import SHAPE, PairLine, labelled_lines, pair_lines
from core.errors import CatalogError
from core.search.build import Corpus
from labels.exchange.ids import normalize_id
from labels.model import Decision, Pair, ProductRef


def named_pairs(corpus: Corpus, path: Path) -> list[Pair]:
    """The pairs of a file, in its order.

    Raises:
        LabelsError: it is no file of pairs.
        CatalogError: an id is not in the catalogue, or stands in two sources.
    """
    return _named(corpus, path, pair_lines(path))


def named_labels(corpus: Corpus, path: Path) -> dict[Pair, bool]:
    """The labelled pairs of a file.

    Raises:
        LabelsError: it is no file of labels.
        CatalogError: as `named_pairs`.
    """
    labels = labelled_lines(path)
    return dict(zip(_named(corpus, path, list(labels)), labels.values(), strict=True))


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


def refs_by_id(refs: Iterable[ProductRef], role: str) -> dict[str, ProductRef]:
    """Products by the retailer's own id, which is how files name them.

    Raises:
        CatalogError: two sources of one role share an id, so that a file cannot say which is meant.
    """
    found: dict[str, ProductRef] = {}
    for ref in refs:
        if found.setdefault(ref.id, ref) != ref:
            raise CatalogError(
                f"The {role} id {ref.id} stands in two sources, {found[ref.id].source} and {ref.source}.",
                "Files of ids need one source for each role; keep the other in a workspace of its own.",
            )
    return found


def _named(corpus: Corpus, path: Path, lines: Sequence[PairLine]) -> list[Pair]:
    queries = refs_by_id((q.ref for q in corpus.queries), "query")
    products = refs_by_id((p.ref for p in corpus.products), "catalog")
    found = []
    for line in lines:
        query, product = _known(line.query, queries), _known(line.candidate, products)
        for place, id_, ref in (("query", line.query, query), ("candidate", line.candidate, product)):
            if ref is None:
                raise CatalogError(
                    f"{path}, line {line.number}: there is no {place} {id_} in the catalogue.",
                    f"{SHAPE} Products that are missing are imported first.",
                )
        if query and product:
            found.append(Pair(query, product))
    return found


def _known(id_: str, refs: Mapping[str, ProductRef]) -> ProductRef | None:
    """The product of an id, as it is written or as every import writes it."""
    return refs.get(id_) or refs.get(normalize_id(id_))
