"""What a file says of pairs: it names products by the retailers' own ids, the catalogue knows which they are."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from core.catalog.pair_table import PAIR_FORMAT, PairLine, labelled_lines, pair_lines
from core.catalog.references import References, did_you_mean
from core.catalog.store import CatalogStore
from core.errors import CatalogError, CoreError
from core.retrieval.index_run import Corpus
from core.text.safe import safe
from core.workspace import Workspace
from labels.model import Decision, Pair, ProductRef


def read_named_pairs(corpus: Corpus, path: Path) -> list[Pair]:
    """The pairs of a file, in its order.

    Raises:
        LabelsError: it is no file of pairs.
        CatalogError: an id is not in the catalogue, or stands in several sources and the file does not say which.
    """
    return _named(corpus, path, pair_lines(path))


def read_named_labels(corpus: Corpus, path: Path) -> dict[Pair, bool]:
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


def read_named_matches(corpus: Corpus, path: Path) -> list[Pair]:
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
    hint = f"{PAIR_FORMAT} Products that are missing are imported first."
    return [
        Pair(
            queries.resolve(path, line.number, line.query, line.query_source, hint),
            products.resolve(path, line.number, line.candidate, line.candidate_source, hint),
        )
        for line in lines
    ]


def queries_named(workspace: Workspace, name: str, indexed: Iterable[ProductRef]) -> list[ProductRef]:
    """The indexed queries of an id: one of each source that has it.

    Args:
        workspace: with the catalogue.
        name: the id, or `SOURCE/ID` where several sources have it.
        indexed: the queries that have candidates.

    Raises:
        CoreError: there is none; it says why, and which id may be meant.
    """
    refs = list(dict.fromkeys(indexed))
    found = [ref for ref in refs if ref.id == name] or [ref for ref in refs if f"{ref.source}/{ref.id}" == name]
    if found:
        return found
    raise _unknown(workspace, name)


def _unknown(workspace: Workspace, name: str) -> CoreError:
    with CatalogStore(workspace.catalog) as catalog:
        sides = {ref: role for ref, (role, _) in catalog.digests().items()}
    roles = {role for ref, role in sides.items() if name in {ref.id, f"{ref.source}/{ref.id}"}}
    shown = safe(name)
    if "query" in roles:
        return CoreError(f"The query {shown} has no candidates: it came in after the last index run.",
                         "Run `samesku index`.")  # fmt: skip
    if "catalog" in roles:
        return CoreError(f"{shown} is a candidate, not a query.", "`samesku match --out FILE` lists the queries.")
    hint = did_you_mean(name, {ref.id for ref, role in sides.items() if role == "query"})
    return CoreError(f"There is no query {shown}.", safe(hint) or "`samesku match --out FILE` lists them all.")
