"""A query's candidates as they stand on the screen, before anybody decided on them."""

from collections.abc import Collection
from dataclasses import replace

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.derived import CURE
from core.errors import DamagedError
from core.match.bands import Band, band_of
from core.queue.item import Option
from core.queue.rescored import Rescored
from core.search.candidates import Candidate, CandidateStore, Standing
from core.settings import BandSettings
from labels.model import ProductRef


def options_of(
    query: ProductRef,
    candidates: CandidateStore,
    catalog: CatalogStore,
    bands: BandSettings,
    standing: Standing | None,
    live: Rescored | None,
    removed: Collection[ProductRef] = (),
) -> list[Option]:
    """The query's candidates, best first: by the matcher, and where none has spoken as they were retrieved.

    Args:
        query: which.
        candidates: as the last index run left them.
        catalog: what they are.
        bands: where the cosine is cut while no matcher has spoken.
        standing: what the probabilities are worth; None while no matcher has spoken.
        live: the word of the latest refit.
        removed: products that are candidates no more.

    Raises:
        DamagedError: the candidates are damaged, or those of all queries are gone.
    """
    found = candidates.of(query)
    if not found and candidates.model is None:
        # To show a query without its candidates would be to ask for an answer that nobody can give.
        raise DamagedError("The candidates in derived.db are gone.", CURE)
    if standing is None:
        found.sort(key=lambda c: c.rank)
    elif live is not None and query in live.probabilities:
        told = live.probabilities[query]
        found = [replace(c, probability=told.get(c.ref, c.probability)) for c in found]
        found.sort(key=lambda c: (-(c.probability if c.probability is not None else -1.0), c.rank))
    products = catalog.get_many(c.ref for c in found)
    known = [c for c in found if c.ref in products and c.ref not in removed]
    return [_option(products[c.ref], place, c, bands, standing) for place, c in enumerate(known, 1)]


def found_by_search(product: Product) -> Option:
    """A product that is not among the candidates, as an option."""
    return Option(product, None, None, None, None, Band.LOW)


def _option(
    product: Product, place: int, candidate: Candidate, bands: BandSettings, standing: Standing | None
) -> Option:
    if standing is None or candidate.probability is None:
        band = band_of(candidate.similarity, bands.high, bands.medium)
    else:
        band = band_of(candidate.probability, standing.high, standing.low)
    probability = candidate.probability if standing is not None and standing.calibrated else None
    return Option(
        product, place, candidate.similarity, candidate.dense_rank, candidate.lexical_rank, band,
        probability=probability, retrieved=candidate.rank,
    )  # fmt: skip
