"""What an item costs at each retailer: near to each other for one item, not equal."""

from core.catalog.demo.chance import fraction, happens
from core.catalog.demo.family import Item
from core.catalog.demo.notation import amount

# More in a pack is cheaper by the piece.
BULK_EXPONENT = 0.65
RENEWED = 0.72
BUNDLED = 1.18
NEWER = 1.09
UNPRICED_SHARE = 0.07
ORDERED_AXES = frozenset({"year", "generation"})
# Axes that say how much one gets; a model number or a diaper size begins with a digit too, and does not.
AMOUNT_AXES = frozenset(
    {
        *("screen", "storage", "memory", "count", "rolls", "pieces", "volume", "weight"),
        *("length", "watts", "volts", "quarts", "measure"),
    }
)


def walmart_price(item: Item) -> float | None:
    """In dollars, most often ending in 97 or 88 cents from twenty dollars on; None now and then."""
    if happens(UNPRICED_SHARE, "walmart price", item.key):
        return None
    price = _list_price(item)
    ending = 0.97 if happens(0.6, "cents", item.key) else 0.88
    return float(int(price)) + ending if price >= 20 else round(price, 2)


def amazon_price(item: Item, seller: str) -> float | None:
    """In dollars, up to 12 % beside Walmart's whoever sells it; None now and then."""
    if happens(UNPRICED_SHARE, "amazon price", seller, item.key):
        return None
    beside = 0.88 + 0.24 * fraction("beside", seller, item.key)
    return round(_list_price(item) * beside, 2)


def _list_price(item: Item) -> float:
    price = item.family.price
    for axis, values in item.family.axes:
        price *= _factor(axis, values, item.value(axis))
    return price


def _factor(axis: str, values: tuple[str, ...], value: str) -> float:
    """How much dearer the value makes the item than the first value on its axis."""
    if axis == "condition":
        return RENEWED if value == "renewed" else 1.0
    if axis == "bundle":
        return BUNDLED if value else 1.0
    if axis in ORDERED_AXES:
        return float(NEWER ** values.index(value))
    first, here = amount(values[0]), amount(value)
    if axis not in AMOUNT_AXES or first is None or here is None:
        return 1.0
    return float((here / first) ** BULK_EXPONENT)
