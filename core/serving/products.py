"""Products of requests: given inline, which are read as by an import, or by their ids in the workspace."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus

from core.catalog.importer import RowValues, check_source
from core.catalog.prices import Price, PriceNote, read_price
from core.catalog.product import Product, Role, ordered_pair, without_escape_sequences
from core.catalog.readers.rows import as_text
from core.catalog.store import CatalogStore
from core.errors import CatalogError
from core.serving.problems import ProblemError
from core.serving.schemas import ProductInput
from core.text.normalization import Placeholders
from core.workspace import Workspace
from labels.exchange.fields import normalize_id
from labels.model import Pair, ProductRef
from labels.names import has_control_characters

_FIELDS = ("brand", "category", "model", "upc")
#: Ids that a message lists at most, and characters of a value that it quotes.
_MAX_LISTED, _MAX_QUOTED = 5, 60


class ProductSource:
    """The products of a workspace, and those that requests bring along.

    Args:
        workspace: with the vocabulary.
        catalog: the imported products; thread-safe.
    """

    def __init__(self, workspace: Workspace, catalog: CatalogStore) -> None:
        self._catalog = catalog
        self._values = RowValues(Placeholders.load(workspace.vocabulary))

    def inline(self, given: Sequence[ProductInput]) -> list[Product]:
        """The products that a request has brought along.

        Raises:
            ProblemError: one has no title that says anything, or it is not clear of which source it is.
        """
        sources = self._catalog.sources_in("query")
        return [self._inline(place, each, sources) for place, each in enumerate(given)]

    def _inline(self, place: int, given: ProductInput, sources: Sequence[str]) -> Product:
        where = f"products[{place}]"
        source = given.source
        if source is None:
            if len(sources) != 1:
                raise _invalid(
                    f"{where}.source is missing: the workspace has queries of {', '.join(sources) or 'none'}."
                )
            source = sources[0]
        try:
            check_source(source)
        except CatalogError as error:
            raise _invalid(f"{where}.source: {error.message}") from error
        if has_control_characters(given.id):
            raise _invalid(f"{where}.id has a control character.")
        title = self._values.field("title", given.title)
        if not title:
            raise _invalid(f"{where}.title says nothing.")
        price = self._price(where, given)
        fields = {
            name: self._values.field(name, getattr(given, name)) for name in ("brand", "category", "model", "upc")
        }
        attributes = ((name, self._values.attribute(name, text)) for name, text in given.attributes.items())
        return without_escape_sequences(
            Product(
                source,
                normalize_id(given.id),
                title,
                price=price.amount,
                currency=price.currency,
                extra={name: text for name, text in attributes if text},
                **fields,
            )
        )

    def _price(self, where: str, given: ProductInput) -> Price:
        text = given.price if isinstance(given.price, str) else as_text(given.price)
        price = read_price(text, given.currency)
        if price.note is PriceNote.UNREADABLE:
            raise _invalid(
                f"{where}.price is not one price: {text[:_MAX_QUOTED]!a}.", "Leave it out where there is none."
            )
        return price

    def require_candidate_sources(self, names: Sequence[str]) -> None:
        """Require that sources have candidates.

        Raises:
            ProblemError: one has none.
        """
        known = self._catalog.sources_in("catalog")
        if unknown := [name for name in names if name not in known]:
            raise _invalid(
                f"filters.sources: there is no source of candidates {unknown[0]!a}; there are {', '.join(known)}."
            )

    def named(self, names: Sequence[str], role: Role) -> list[Product]:
        """The products of the workspace with these ids, in a role.

        Args:
            names: SOURCE/ID, or the id alone.
            role: that they must have.

        Raises:
            ProblemError: some are not in the workspace, or in several sources.
        """
        sources = self._catalog.sources_in(role)
        wanted = {name: self._refs(name, sources) for name in names}
        known = self._catalog.get_many(ref for refs in wanted.values() for ref in refs)
        found = {name: [known[ref] for ref in refs if ref in known] for name, refs in wanted.items()}
        if missing := [name for name, products in found.items() if not products]:
            more = f" and {len(missing) - _MAX_LISTED} more" if len(missing) > _MAX_LISTED else ""
            kind = "query" if role == "query" else "candidate"
            raise ProblemError(
                HTTPStatus.NOT_FOUND,
                f"There is no {kind} {', '.join(missing[:_MAX_LISTED])}{more} in the workspace.",
                "Products that are not in it are given inline." if role == "query" else "",
            )
        for name, products in found.items():
            if len(products) > 1:
                refs = " and ".join(f"{product.source}/{product.id}" for product in products)
                raise _invalid(f"The id {name} is in several sources: {refs}.")
        return [found[name][0] for name in names]

    def pair(self, query: str, candidate: str) -> tuple[Product, Product]:
        """Two products of the workspace, in the order in which they are labelled.

        Args:
            query: as of `named`.
            candidate: likewise.

        Raises:
            ProblemError: one is not in the workspace, or in several sources; or the two are one listing.
        """
        (one,), (other,) = self.named([query], "query"), self.named([candidate], "catalog")
        if one.ref == other.ref:
            raise _invalid(f"{query} and {candidate} are one listing.")
        pair = ordered_pair(Pair(one.ref, other.ref), self._catalog.sources_in("both"))
        return (one, other) if pair.query == one.ref else (other, one)

    def _refs(self, name: str, sources: Sequence[str]) -> list[ProductRef]:
        """What a name may mean: an id with its source, which comes first, or an id that several sources may have."""
        with_source = [
            ProductRef(source, name.removeprefix(f"{source}/")) for source in sources if name.startswith(f"{source}/")
        ]
        if with_source and self._catalog.get_many(with_source):
            return with_source
        return [ProductRef(source, name) for source in sources]

    def get_many(self, refs: Iterable[ProductRef]) -> dict[ProductRef, Product]:
        """The existing ones of these products of the workspace."""
        return self._catalog.get_many(refs)

    def one(self, ref: ProductRef) -> tuple[Role, Product]:
        """A product of the workspace with its role.

        Raises:
            ProblemError: there is none.
        """
        product, role = self._catalog.get(ref), self._catalog.role_of(ref.source)
        if product is None or role is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"There is no product {ref.source}/{ref.id} in the workspace.")
        return role, product


def _invalid(sentence: str, hint: str = "") -> ProblemError:
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, sentence, hint)
