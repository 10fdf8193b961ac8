"""The products that the last index run saw, and what of them the catalogue says otherwise since."""

from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from core.catalog.product import Product, Role
from core.catalog.store import CatalogStore
from core.catalog.upsert import product_digest
from core.derived_db import derived_cache
from core.text.safe import safe
from labels.model import ProductRef
from labels.wording import counted

#: So many ids are named in a sentence.
_NAMED = 10


@dataclass(frozen=True, slots=True)
class IndexState:
    """How far candidates and index are behind the catalogue.

    Attributes:
        new_queries: queries that came in since, and have no candidates.
        new_products: products that came in since, and are candidates of no query.
        changed: queries and products that say something else; their scores are of what they said before.
        removed: queries and products that the catalogue has no more, or not on the side that they were on.
    """

    new_queries: tuple[ProductRef, ...] = ()
    new_products: tuple[ProductRef, ...] = ()
    changed: frozenset[ProductRef] = frozenset()
    removed: frozenset[ProductRef] = frozenset()

    @property
    def is_current(self) -> bool:
        """Whether nothing changed since the last index run."""
        return not (self.new_queries or self.new_products or self.changed or self.removed)

    def sentences(self) -> list[str]:
        """What is out of date, and how it is brought up to date; nothing where it is current."""
        found = []
        if self.changed:
            found.append(
                f"{counted(len(self.changed), 'product')} changed since the last index run: similarity, probability and"
                f" band are of what was said before: {_names(sorted(self.changed))}."
            )
        if self.removed:
            found.append(
                f"{counted(len(self.removed), 'product')} left the catalogue since the last index run: left out."
            )
        if self.new_queries:
            queries = counted(len(self.new_queries), "new query is", "new queries are")
            found.append(f"{queries} not indexed yet, without candidates: {_names(self.new_queries)}.")
        if self.new_products:
            products = counted(len(self.new_products), "new product is", "new products are")
            found.append(f"{products} not indexed yet, and candidates of no query.")
        return [*found, "Run `samesku index`."] if found else []

    def as_dict(self) -> dict[str, object]:
        """The counts, and the first ids, for JSON."""
        return {
            "changed": len(self.changed),
            "removed": len(self.removed),
            "new_queries": len(self.new_queries),
            "new_products": len(self.new_products),
            "changed_first": [list(ref) for ref in sorted(self.changed)[:_NAMED]],
            "new_queries_first": [list(ref) for ref in self.new_queries[:_NAMED]],
        }


class IndexedProducts:
    """The table in derived.db that an index run leaves: every product with its role and fingerprint."""

    def __init__(self, path: Path) -> None:
        self._cache = derived_cache(path)

    def close(self) -> None:
        """Let go of the file."""
        self._cache.close()

    @property
    def mark(self) -> str | None:
        """The catalogue's mark at the time of the last index run; None where that left no list of products.

        Raises:
            DamagedError: the file is damaged. CoreError: it cannot be read.
        """
        with self._cache.reading() as connection:
            row = connection.execute("SELECT mark FROM indexed_run").fetchone()
        return None if row is None else str(row[0])

    def read(self) -> dict[ProductRef, tuple[str, str]]:
        """Role and fingerprint by product.

        Raises:
            DamagedError: the file is damaged. CoreError: it cannot be read.
        """
        with self._cache.reading() as connection:
            rows = connection.execute("SELECT source, id, role, hash FROM indexed").fetchall()
        return {ProductRef(str(r[0]), str(r[1])): (str(r[2]), str(r[3])) for r in rows}

    def listed(self) -> set[tuple[ProductRef, Role]]:
        """The queries that have candidates, and those candidates, each with its role.

        Raises:
            DamagedError: the file is damaged. CoreError: it cannot be read.
        """
        with self._cache.reading() as connection:
            queries = connection.execute("SELECT DISTINCT query_source, query_id FROM candidates").fetchall()
            products = connection.execute("SELECT DISTINCT candidate_source, candidate_id FROM candidates").fetchall()
        found: set[tuple[ProductRef, Role]] = {(ProductRef(str(r[0]), str(r[1])), "query") for r in queries}
        return found | {(ProductRef(str(r[0]), str(r[1])), "catalog") for r in products}

    def replace(self, mark: str, queries: Iterable[Product], products: Iterable[Product]) -> None:
        """Put the products of an index run in the place of those of the last one.

        Args:
            mark: the catalogue's, read before the products were.
            queries: those under review.
            products: those that they may equal.

        Raises:
            DamagedError: the file is damaged. CoreError: it cannot be written.
        """
        sides: tuple[tuple[Role, Iterable[Product]], ...] = (("query", queries), ("catalog", products))
        with self._cache.writing() as connection:
            connection.execute("DELETE FROM indexed")
            for role, side in sides:
                connection.executemany(
                    "INSERT INTO indexed VALUES (?, ?, ?, ?)",
                    ((*each.ref, role, product_digest(each)) for each in side),
                )
            connection.execute("INSERT OR REPLACE INTO indexed_run VALUES (1, ?)", [mark])


def index_state(derived: Path, catalog: CatalogStore) -> IndexState:
    """Compare the catalogue with what the last index run saw. Costs nothing where no import came in between.

    Of runs of earlier versions, which left no list of products, only what is gone from the catalogue is known.

    Raises:
        DamagedError: derived.db is damaged. CoreError: one of the files cannot be read.
    """
    with closing(IndexedProducts(derived)) as indexed:
        mark = indexed.mark
        if mark is not None and mark == catalog.mark:
            return IndexState()
        now = catalog.digests()
        if not now:
            return IndexState()  # damaged, or never imported into: other verbs say so
        if mark is None:
            removed = (ref for ref, role in indexed.listed() if ref not in now or now[ref][0] != role)
            return IndexState(removed=frozenset(removed))
        before = indexed.read()
    new = [ref for ref, (role, _) in now.items() if ref not in before or before[ref][0] != role]
    return IndexState(
        new_queries=tuple(ref for ref in new if now[ref][0] == "query"),
        new_products=tuple(ref for ref in new if now[ref][0] == "catalog"),
        changed=frozenset(
            ref for ref, facts in now.items() if ref in before and before[ref][0] == facts[0] and before[ref] != facts
        ),
        removed=frozenset(ref for ref, (role, _) in before.items() if ref not in now or now[ref][0] != role),
    )


def _names(refs: Collection[ProductRef]) -> str:
    """The first ids, safe to show, with their source where there are several."""
    some = list(refs)[:_NAMED]
    several = len({ref.source for ref in refs}) > 1
    more = " and others" if len(refs) > len(some) else ""
    return safe(", ".join(f"{ref.source} {ref.id}" if several else ref.id for ref in some) + more)
