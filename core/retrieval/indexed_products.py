"""The products of the last index run, and how they differ from the current catalogue."""

from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from core.catalog.product import Role, has_role
from core.catalog.store import CatalogStore
from core.derived_db import derived_cache
from core.retrieval.corpus import Corpus
from core.text.safe import safe
from labels.model import ProductRef
from labels.wording import counted

#: Ids listed in a sentence at most.
_MAX_LISTED = 10


@dataclass(frozen=True, slots=True)
class IndexState:
    """Differences between the catalogue and the last index run.

    Attributes:
        new_queries: imported since; they have no candidates.
        new_products: imported since; they are not candidates of any query.
        changed: queries and products with new content; their scores are from the old content.
        removed: queries and products that were deleted, or lost a role.
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
        """What is out of date and how to update it, as sentences; empty if the index is current."""
        found = []
        if self.changed:
            found.append(
                f"{counted(len(self.changed), 'product')} changed since the last index run; similarity, probability and"
                f" band are from before the change: {_list_refs(sorted(self.changed))}."
            )
        if self.removed:
            found.append(
                f"{counted(len(self.removed), 'product')} left the catalogue since the last index run: left out."
            )
        if self.new_queries:
            queries = counted(len(self.new_queries), "new query is", "new queries are")
            found.append(f"{queries} not indexed yet, without candidates: {_list_refs(self.new_queries)}.")
        if self.new_products:
            products = counted(len(self.new_products), "new product is", "new products are")
            found.append(f"{products} not indexed yet, and candidates of no query.")
        return [*found, "Run `samesku index`."] if found else []

    def as_dict(self) -> dict[str, object]:
        """Counts and the first ids, for JSON."""
        return {
            "changed": len(self.changed),
            "removed": len(self.removed),
            "new_queries": len(self.new_queries),
            "new_products": len(self.new_products),
            "changed_first": [list(ref) for ref in sorted(self.changed)[:_MAX_LISTED]],
            "new_queries_first": [list(ref) for ref in self.new_queries[:_MAX_LISTED]],
        }


class IndexedProducts:
    """Table in derived.db of the products of the last index run, with role and content hash."""

    def __init__(self, path: Path) -> None:
        self._cache = derived_cache(path)

    def close(self) -> None:
        """Close the file."""
        self._cache.close()

    @property
    def mark(self) -> str | None:
        """The catalogue version at the last index run; None if that run recorded no products.

        Raises:
            DamagedError: the file is damaged. CoreError: it cannot be read.
        """
        with self._cache.reading() as connection:
            row = connection.execute("SELECT mark FROM indexed_run").fetchone()
        return None if row is None else str(row[0])

    def read(self) -> dict[ProductRef, tuple[str, str]]:
        """Role and content hash by product.

        Raises:
            DamagedError: the file is damaged. CoreError: it cannot be read.
        """
        with self._cache.reading() as connection:
            rows = connection.execute("SELECT source, id, role, hash FROM indexed").fetchall()
        return {ProductRef(str(r[0]), str(r[1])): (str(r[2]), str(r[3])) for r in rows}

    def listed(self) -> set[tuple[ProductRef, Role]]:
        """All queries with candidates, and all candidates, each with its role.

        Raises:
            DamagedError: the file is damaged. CoreError: it cannot be read.
        """
        with self._cache.reading() as connection:
            queries = connection.execute("SELECT DISTINCT query_source, query_id FROM candidates").fetchall()
            products = connection.execute("SELECT DISTINCT candidate_source, candidate_id FROM candidates").fetchall()
        found: set[tuple[ProductRef, Role]] = {(ProductRef(str(r[0]), str(r[1])), "query") for r in queries}
        return found | {(ProductRef(str(r[0]), str(r[1])), "catalog") for r in products}

    def replace(self, corpus: Corpus, touched: Collection[ProductRef] | None = None) -> None:
        """Record the products of a corpus instead of the previous ones; only differences are written.

        Args:
            corpus: that was indexed.
            touched: listings that may differ from the recorded ones; by default all are compared.

        Raises:
            DamagedError: the file is damaged. CoreError: it cannot be written.
        """
        by_role: tuple[tuple[Role, list[ProductRef]], ...] = (
            ("query", corpus.query_refs),
            ("catalog", corpus.product_refs),
        )
        present = {
            ref: ("both" if ref.source in corpus.both else role, corpus.digests[ref])
            for role, side in by_role
            for ref in side
            if touched is None or ref in touched
        }
        before = self.read() if touched is None else dict.fromkeys(touched)
        with self._cache.writing() as connection:
            connection.executemany(
                "DELETE FROM indexed WHERE (source, id) = (?, ?)", (ref for ref in before if ref not in present)
            )
            connection.executemany(
                "INSERT OR REPLACE INTO indexed VALUES (?, ?, ?, ?)",
                ((*ref, *facts) for ref, facts in present.items() if before.get(ref) != facts),
            )
            connection.execute("INSERT OR REPLACE INTO indexed_run VALUES (1, ?)", [corpus.mark])


def index_state(derived: Path, catalog: CatalogStore) -> IndexState:
    """Compare the catalogue with the last index run; a constant-time check if there was no import since.

    For runs of earlier versions, which recorded no products, only removals are detected.

    Raises:
        DamagedError: derived.db is damaged. CoreError: one of the files cannot be read.
    """
    with closing(IndexedProducts(derived)) as indexed:
        mark = indexed.mark
        if mark is not None and mark == catalog.mark:
            return IndexState()
        now = catalog.digests()
        if not now:
            return IndexState()  # damaged or empty, which other verbs report
        if mark is None:
            removed = (ref for ref, role in indexed.listed() if ref not in now or not has_role(now[ref][0], role))
            return IndexState(removed=frozenset(removed))
        before = indexed.read()

    def new(side: Role) -> tuple[ProductRef, ...]:
        """The products that had no such role."""
        return tuple(
            ref
            for ref, (role, _) in now.items()
            if has_role(role, side) and not (ref in before and has_role(before[ref][0], side))
        )

    return IndexState(
        new_queries=new("query"),
        new_products=new("catalog"),
        changed=frozenset(
            ref for ref, facts in now.items() if ref in before and before[ref][0] == facts[0] and before[ref] != facts
        ),
        removed=frozenset(
            ref for ref, (role, _) in before.items() if ref not in now or now[ref][0] not in {role, "both"}
        ),
    )


def _list_refs(refs: Collection[ProductRef]) -> str:
    """The first ids, escaped for display, with their source if there are several sources."""
    some = list(refs)[:_MAX_LISTED]
    several = len({ref.source for ref in refs}) > 1
    more = " and others" if len(refs) > len(some) else ""
    return safe(", ".join(f"{ref.source} {ref.id}" if several else ref.id for ref in some) + more)
