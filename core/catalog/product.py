"""A product: one listing of one retailer."""

from dataclasses import dataclass, field

from labels.model import ProductRef


@dataclass(frozen=True, slots=True)
class Product:
    """One listing.

    Attributes:
        source: the retailer's catalogue, such as `walmart`.
        id: the retailer's own id; unique within the source.
        price: in the catalogue's currency; None where unknown (0 in a file means unknown).
        extra: further attributes by their column's name, none of them empty.
    """

    source: str
    id: str
    title: str
    brand: str = ""
    category: str = ""
    model: str = ""
    price: float | None = None
    upc: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def ref(self) -> ProductRef:
        """The product's key in every file of a workspace."""
        return ProductRef(self.source, self.id)
