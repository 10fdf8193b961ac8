"""Pairs and queries named by retailer ids, in files and on the command line, resolved by the catalogue."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from core.catalog.pair_table import PAIR_FORMAT, PairLine, labelled_lines, pair_lines
from core.catalog.product import has_role, ordered_pair
from core.catalog.references import References, did_you_mean
from core.catalog.store import CatalogStore
from core.errors import CatalogError, CoreError
from core.retrieval.corpus import Corpus
from core.text.safe import safe
from core.workspace import Workspace
from labels.model import Decision, Pair, ProductRef


def read_named_pairs(corpus: Corpus, path: Path) -> list[Pair]:
    """The pairs of a file, in its order; each pair of listings in both roles as of `ordered_pair`.

    Raises:
        LabelsError: the file is not a file of pairs.
        CatalogError: an id is not in the catalogue, or is in several sources and the file does not name one; or a
            product is paired with itself.
    """
    return _resolve(corpus, path, pair_lines(path))


def read_named_labels(corpus: Corpus, path: Path) -> dict[Pair, bool]:
    """The labelled pairs of a file.

    Raises:
        LabelsError: the file is not a file of labels.
        CatalogError: as `read_named_pairs`, or a pair has both labels.
    """
    labels = labelled_lines(path)
    found: dict[Pair, bool] = {}
    for line, pair, match in zip(labels, _resolve(corpus, path, list(labels)), labels.values(), strict=True):
        if found.setdefault(pair, match) is not match:
            raise CatalogError(
                f"{path}, line {line.number}: the pair {line.query},{line.candidate} has both labels.",
                "Keep one of its lines.",
            )
    return found


def read_named_matches(corpus: Corpus, path: Path) -> list[Pair]:
    """The matches in a file: pairs with the label 1, or all pairs where there is no `label` column.

    Raises:
        LabelsError: the file is not a file of pairs.
        CatalogError: as `read_named_pairs`, or no pair is a match.
    """
    lines = [line for line in pair_lines(path) if line.label is None or line.decision is Decision.MATCH]
    if not lines:
        raise CatalogError(
            f"No pair in {path} is a match.", "A match has the label 1; without labels all pairs are matches."
        )
    return _resolve(corpus, path, lines)


def _resolve(corpus: Corpus, path: Path, lines: Sequence[PairLine]) -> list[Pair]:
    queries = References((query.ref for query in corpus.queries), "query")
    products = References((product.ref for product in corpus.products), "candidate")
    hint = f"{PAIR_FORMAT} Import missing products first."
    found = []
    for line in lines:
        pair = Pair(
            queries.resolve(path, line.number, line.query, line.query_source, hint),
            products.resolve(path, line.number, line.candidate, line.candidate_source, hint),
        )
        if pair.query == pair.candidate:
            raise CatalogError(
                f"{path}, line {line.number}: {safe(line.query)} is paired with itself.", "Remove the line."
            )
        found.append(ordered_pair(pair, corpus.both))
    return found


def indexed_queries_named(workspace: Workspace, name: str, indexed: Iterable[ProductRef]) -> list[ProductRef]:
    """The indexed queries with an id, one per source.

    Args:
        workspace: with the catalogue.
        name: the id, or `SOURCE/ID` where several sources have it.
        indexed: the queries that have candidates; and the candidates that are queries.

    Raises:
        CoreError: there is none; the message gives the reason and a similar id.
    """
    refs = list(dict.fromkeys(indexed))
    found = [ref for ref in refs if ref.id == name] or [ref for ref in refs if f"{ref.source}/{ref.id}" == name]
    if found:
        return found
    raise _unknown_query(workspace, name)


def _unknown_query(workspace: Workspace, name: str) -> CoreError:
    with CatalogStore(workspace.catalog) as catalog:
        sides = {ref: role for ref, (role, _) in catalog.digests().items()}
    roles = {role for ref, role in sides.items() if name in {ref.id, f"{ref.source}/{ref.id}"}}
    shown = safe(name)
    if any(has_role(role, "query") for role in roles):
        return CoreError(f"The query {shown} has no candidates: it was imported after the last index run.",
                         "Run `samesku index`.")  # fmt: skip
    if "catalog" in roles:
        return CoreError(f"{shown} is a candidate, not a query.", "`samesku match --out FILE` lists the queries.")
    hint = did_you_mean(name, {ref.id for ref, role in sides.items() if has_role(role, "query")})
    return CoreError(f"There is no query {shown}.", safe(hint) or "`samesku match --out FILE` lists them all.")
