"""How the two retailers present an item: Walmart in few words, Amazon in as many as fit.

The words are tuned so that a general encoder finds most answers but not all of them: with all-MiniLM-L6-v2
about seven in ten come first, and nearly all are among the first ten.

A listing never hides what tells its item from the others: values of all axes are in every title, and the
brand is in the title or in its own field.
"""

from core.catalog.demo.chance import happens, pick, shuffled
from core.catalog.demo.family import Item
from core.catalog.demo.identifiers import amazon_id, universal_product_code, walmart_id
from core.catalog.demo.notation import amazon_notation, walmart_notation
from core.catalog.demo.prices import amazon_price, walmart_price
from core.catalog.product import Product

# How many listings give a fact that may be missing.
WALMART_BRAND_SHARE = 0.85
AMAZON_BRAND_SHARE = 0.8
MODEL_FIELD_SHARE = 0.65
MODEL_TITLE_SHARE = 0.35
UPC_SHARE = 0.35
# A seller words a whole family alike, except for so many listings that were written on another day.
OWN_WORDS_SHARE = 0.06

# Axes whose value can stand before the noun: "55 inch TV", but not "for Canon battery".
LEADING_AXES = frozenset({"screen", "storage", "colour", "flavour", "watts", "volts", "quarts", "generation"})

# Orders of an Amazon title's parts, and what stands between them.
AMAZON_STYLES = (
    (", ", ("head", "facts", "keywords")),
    (" - ", ("facts", "head", "keywords")),
    (" | ", ("head", "keywords", "facts")),
    (", ", ("keywords", "head", "facts")),
)


def walmart_listing(item: Item) -> Product:
    """The item at Walmart: "brand, item, size", and little more."""
    key = item.key
    has_brand_field = happens(WALMART_BRAND_SHARE, "walmart brand", key)
    in_title = not has_brand_field or happens(0.85, "walmart title brand", key)
    return Product(
        source="walmart",
        id=walmart_id(key),
        title=_walmart_title(item, brand=item.brand if in_title else ""),
        brand=item.brand if has_brand_field else "",
        category=item.department.walmart_category,
        model=item.model if happens(MODEL_FIELD_SHARE, "walmart model", key) else "",
        price=walmart_price(item),
        upc=_code_on_listing(item, "walmart"),
        extra={"color": item.value("colour")} if item.value("colour") else {},
    )


def amazon_listing(item: Item, seller: str) -> Product:
    """The item as `seller` offers it at Amazon; another seller words and prices it another way."""
    key = f"{seller}/{item.key}"
    has_brand_field = happens(AMAZON_BRAND_SHARE, "amazon brand", key)
    return Product(
        source="amazon",
        id=amazon_id(key),
        title=_amazon_title(item, seller),
        brand=item.brand if has_brand_field else "",
        category=item.department.amazon_category,
        model=item.model if happens(MODEL_FIELD_SHARE, "amazon model", key) else "",
        price=amazon_price(item, seller),
        upc=_code_on_listing(item, f"amazon {seller}"),
        extra={"seller": seller},
    )


def _walmart_title(item: Item, *, brand: str) -> str:
    key = item.key
    spoken = [(axis, walmart_notation(axis, value, key)) for axis, value in item.values]
    spoken = [(axis, words) for axis, words in spoken if words]
    lead = ""
    if spoken and spoken[0][0] in LEADING_AXES and happens(0.5, "walmart lead", key):
        lead = spoken.pop(0)[1]
    head = _join(" ", brand, item.family.line, lead, item.family.walmart_noun)
    model = item.model if happens(MODEL_TITLE_SHARE, "walmart title model", key) else ""
    return _join(", ", head, *(words for _, words in spoken), model)


def _amazon_title(item: Item, seller: str) -> str:
    key = f"{seller}/{item.key}"
    family = item.family
    words = key if happens(OWN_WORDS_SHARE, "amazon words", key) else f"{seller}/{family.name}"
    spoken = {axis: amazon_notation(axis, value, words) for axis, value in item.values}
    phrases = shuffled(family.keywords, "amazon keywords", words)
    model = item.model if happens(MODEL_TITLE_SHARE, "amazon title model", key) else ""
    separator, order = pick(AMAZON_STYLES, "amazon style", words)
    parts = {
        "head": _join(" ", item.brand, family.line, model, family.amazon_noun),
        "facts": _join(", ", *(spoken[axis] for axis in shuffled(spoken, "amazon facts", words))),
        "keywords": _join(", ", *phrases[: pick((1, 2, 3), "amazon length", words)]),
    }
    return _join(separator, *(parts[part] for part in order))


def _code_on_listing(item: Item, shop: str) -> str:
    if not happens(UPC_SHARE, "upc", shop, item.key):
        return ""
    return universal_product_code(item.brand, item.key)


def _join(separator: str, *words: str) -> str:
    return separator.join(word for word in words if word)
