"""Generated offers of many shops: titles only, in several languages, with boilerplate, and families of near-duplicates.

An offer is one shop's listing of an item. Items of a family differ in one or two details: colour, size, gender,
edition, or one character of the model number. Shops write in their own language, leave details out, add slogans,
prices and language tags, and join or split words. Nouns, kits, editions and some colours are not in `core/text/data`;
the plain colours and the genders are, since there are no others.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

from core.catalog.product import Product

_LANGUAGES = ("en", "en", "en", "de", "fr", "es", "it")
#: Language → word, by English word; what is absent is written in English.
TRANSLATIONS: dict[str, dict[str, str]] = {
    "de": {
        "black": "schwarz", "white": "weiß", "red": "rot", "blue": "blau", "green": "grün", "silver": "silber",
        "grey": "grau", "pink": "rosa", "yellow": "gelb", "brown": "braun", "gold": "gold", "purple": "lila",
        "men": "Herren", "women": "Damen", "kids": "Kinder", "shoe": "Schuh", "sneaker": "Turnschuh", "watch": "Uhr",
        "camera": "Kamera", "lens": "Objektiv", "printer": "Drucker", "laptop": "Notebook", "drill": "Bohrmaschine",
        "headphones": "Kopfhörer", "boot": "Stiefel", "body only": "Gehäuse", "with case": "mit Tasche",
        "limited edition": "Sonderedition", "refill": "Nachfüllpack", "small": "klein", "large": "groß",
    },
    "fr": {
        "black": "noir", "white": "blanc", "red": "rouge", "blue": "bleu", "green": "vert", "silver": "argent",
        "grey": "gris", "pink": "rose", "yellow": "jaune", "brown": "marron", "gold": "or", "purple": "violet",
        "men": "homme", "women": "femme", "kids": "enfant", "shoe": "chaussure", "sneaker": "basket",
        "watch": "montre", "camera": "appareil photo", "lens": "objectif", "printer": "imprimante",
        "laptop": "ordinateur portable", "drill": "perceuse", "headphones": "casque", "boot": "bottes",
        "body only": "boîtier nu", "with case": "avec étui", "limited edition": "édition limitée",
        "refill": "recharge", "small": "petit", "large": "grand",
    },
    "es": {
        "black": "negro", "white": "blanco", "red": "rojo", "blue": "azul", "green": "verde", "silver": "plata",
        "grey": "gris", "pink": "rosa", "yellow": "amarillo", "brown": "marrón", "gold": "oro", "purple": "morado",
        "men": "hombre", "women": "mujer", "kids": "niños", "shoe": "zapato", "sneaker": "zapatilla",
        "watch": "reloj", "camera": "cámara", "lens": "objetivo", "printer": "impresora", "laptop": "portátil",
        "drill": "taladro", "headphones": "auriculares", "boot": "botas", "body only": "solo cuerpo",
        "with case": "con funda", "limited edition": "edición limitada", "refill": "recambio", "small": "pequeño",
        "large": "grande",
    },
    "it": {
        "black": "nero", "white": "bianco", "red": "rosso", "blue": "blu", "green": "verde", "silver": "argento",
        "grey": "grigio", "pink": "rosa", "yellow": "giallo", "brown": "marrone", "gold": "oro", "purple": "viola",
        "men": "uomo", "women": "donna", "kids": "bambini", "shoe": "scarpa", "sneaker": "sneaker",
        "watch": "orologio", "camera": "fotocamera", "lens": "obiettivo", "printer": "stampante",
        "laptop": "portatile", "drill": "trapano", "headphones": "cuffie", "boot": "stivali",
        "body only": "solo corpo", "with case": "con custodia", "limited edition": "edizione limitata",
        "refill": "ricarica", "small": "piccolo", "large": "grande",
    },
}  # fmt: skip
_SLOGANS = {
    "en": ("Buy online", "Free Shipping", "best price", "Review", "on sale now", "Official Store", "page {n} of 14",
           "wholesale", "compare prices", "only ${n}.99", "fast delivery", "Shop"),
    "de": ("günstig kaufen", "nur {n},00 €", "online bestellen", "Preisvergleich", "versandkostenfrei", "Angebot"),
    "fr": ("pas cher", "achat en ligne", "livraison gratuite", "meilleur prix", "à {n},90 €"),
    "es": ("comprar online", "al mejor precio", "envío gratis", "oferta {n} €"),
    "it": ("acquista online", "miglior prezzo", "spedizione gratuita", "offerta {n} €"),
}  # fmt: skip
_SHOP_STARTS = (
    "Mega", "Foto", "Techno", "Prime", "Nova", "Urban", "Digi", "Alpha", "Euro", "City", "Smart", "Blue", "Top", "Net",
)  # fmt: skip
_SHOP_ENDS = ("Store", "Mart", "Shop", "World", "Express", "Outlet", "Direct", "Haus", "Market", "Zone", "24", "Planet")
_SYLLABLES = ("ka", "ve", "lo", "ri", "tan", "mo", "sel", "dra", "nix", "per", "zu", "hel", "ora", "vin", "tek", "qua")
_COLOURS = (
    "black", "white", "red", "blue", "green", "silver", "grey", "pink", "yellow", "brown", "gold", "purple", "navy",
    "teal", "burgundy", "coral", "charcoal", "ivory", "volt", "anthracite", "onyx", "mint", "bordeaux", "cognac",
)  # fmt: skip
#: Kind of thing → its nouns and the details of which its families vary one or two.
_KINDS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("shoe", "sneaker", "boot"), ("colour", "gender", "code")),
    (("watch",), ("colour", "gender", "code", "size")),
    (("camera", "lens"), ("code", "kit", "colour", "edition")),
    (("laptop", "printer"), ("code", "storage", "edition")),
    (("headphones", "drill"), ("code", "colour", "kit")),
)
_VALUES: dict[str, tuple[str, ...]] = {
    "colour": _COLOURS,
    "gender": ("men", "women", "kids"),
    "size": ("38mm", "40mm", "42mm", "44mm"),
    "storage": ("128GB", "256GB", "512GB", "1TB"),
    "kit": ("", "body only", "with case", "18-55mm kit", "2er-Set", "twin pack"),
    "edition": ("", "II", "III", "Pro", "limited edition", "Plus", "2015"),
}
#: Probability that an offer's title leaves the detail out.
_LEFT_OUT = {"colour": 0.25, "gender": 0.3, "size": 0.2, "storage": 0.15, "kit": 0.15, "edition": 0.1, "code": 0.35}

#: Share of a shop's titles with its boilerplate.
_DECORATED = 0.8


@dataclass(frozen=True)
class _Item:
    family: int
    brand: str
    line: str
    noun: str
    code: str
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Shop:
    """How a shop writes titles: its language, what it puts around a product's name, and a language tag."""

    name: str
    language: str
    prefix: str
    suffix: str
    tag: bool
    upper: bool

    def decorate(self, name: str, draw: random.Random) -> str:
        """The title of an offer: the product's name, mostly with the shop's boilerplate."""
        name = name.upper() if self.upper else name
        title = f"{self.prefix}{name}{self.suffix}" if draw.random() < _DECORATED else name
        title = title.replace("{n}", str(draw.randint(9, 199)))
        return f'"{title}"@{self.language}' if self.tag else title


@dataclass(frozen=True)
class Offers:
    """Offers and labelled pairs of them.

    Attributes:
        products: the offers, titles only.
        pairs: two places in `products` each, the earlier offer first, and whether both are one item.
        families: the family of each offer's item.
    """

    products: list[Product]
    pairs: list[tuple[int, int, bool]]
    families: list[int]


def generated_offers(seed: int, families: int = 260) -> Offers:
    """The offers of some families, and pairs of them: one match to about three hard and one easy non-match."""
    draw = random.Random(seed)
    known = shops(draw, 40)
    items = [item for family in range(families) for item in _family(draw, family)]
    products: list[Product] = []
    item_of: list[int] = []
    for place, item in enumerate(items):
        for shop in draw.sample(known, draw.choice((1, 2, 2, 3, 4))):
            title = _title(draw, item, shop)
            products.append(Product("offers", f"o{len(products)}", title, "", "", "", None))
            item_of.append(place)
    pairs = _pairs(draw, items, item_of)
    return Offers(products, pairs, [items[place].family for place in item_of])


def shops(draw: random.Random, count: int) -> list[Shop]:
    """Some shops with names, languages and habits of their own."""
    return [_shop(draw) for _ in range(count)]


def _word(draw: random.Random, low: int = 2, high: int = 3) -> str:
    return "".join(draw.choice(_SYLLABLES) for _ in range(draw.randint(low, high))).capitalize()


def _code(draw: random.Random) -> str:
    letters = "".join(draw.choice("ABCDEFGHKLMNPRSTVWXZ") for _ in range(draw.randint(1, 3)))
    digits = "".join(draw.choice("0123456789") for _ in range(draw.randint(2, 5)))
    return draw.choice((f"{letters}{digits}", f"{letters}-{digits}", f"{digits}{letters}", f"{letters}{digits}-001"))


def _sibling_code(draw: random.Random, code: str) -> str:
    """The code with one digit changed, or a letter more at the end."""
    place = draw.choice([i for i, letter in enumerate(code) if letter.isdigit()])
    changed = code[:place] + draw.choice("0123456789") + code[place + 1 :]
    return draw.choice((changed, changed, f"{code}{draw.choice('DXWSB')}"))


def _family(draw: random.Random, family: int) -> list[_Item]:
    nouns, axes = draw.choice(_KINDS)
    brands = random.Random(family // 12)
    brand, line = _word(brands), " ".join([_word(draw), *draw.choice(([], [str(draw.randint(2, 990))]))])
    noun, code = draw.choice(nouns), _code(draw)
    first = {axis: draw.choice(_VALUES[axis]) for axis in axes if axis != "code"}
    items = [_Item(family, brand, line, noun, code, first)]
    for _ in range(draw.choice((0, 1, 2, 3, 4))):
        details, changed = dict(first), draw.sample(axes, draw.choice((1, 1, 2)))
        for axis in changed:
            if axis != "code":
                details[axis] = draw.choice(_VALUES[axis])
        # A code of its own for each item of some makers; one for the whole family of others.
        own = "code" in changed or family % 2 == 0
        item = _Item(family, brand, line, noun, _sibling_code(draw, code) if own else code, details)
        if all((item.code, item.details) != (other.code, other.details) for other in items):
            items.append(item)
    return items


def _shop(draw: random.Random) -> Shop:
    language = draw.choice(_LANGUAGES)
    name = draw.choice(_SHOP_STARTS) + draw.choice(("", " ")) + draw.choice(_SHOP_ENDS)
    slogan = draw.choice(_SLOGANS[language])
    prefix = draw.choice(("", "", "", f"{name}: ", f"{slogan} ", "NEW "))
    joint = draw.choice((" | ", " - ", " @ ", ", ", " – "))
    suffix = draw.choice(("", f"{joint}{name}", f"{joint}{slogan}", f" {slogan}{joint}{name}", f"{joint}{name}.com"))
    return Shop(name, language, prefix, suffix, draw.random() < 0.2, draw.random() < 0.15)


def _title(draw: random.Random, item: _Item, shop: Shop) -> str:
    words = TRANSLATIONS.get(shop.language, {})
    details = [words.get(v, v) for a, v in item.details.items() if v and draw.random() >= _LEFT_OUT[a]]
    draw.shuffle(details)
    code = "" if draw.random() < _LEFT_OUT["code"] else draw.choice((item.code, item.code, item.code.replace("-", "")))
    line = item.line.replace(" ", "") if draw.random() < 0.15 else item.line
    noun = "" if draw.random() < 0.2 else words.get(item.noun, item.noun)
    middle = [line, noun, *details, code]
    if draw.random() < 0.4:
        middle = [line, code, *details, noun]
    if draw.random() < 0.15:
        draw.shuffle(middle)
    brand = "" if draw.random() < 0.08 else item.brand
    return shop.decorate(" ".join(part for part in (brand, *middle) if part), draw)


def _pairs(draw: random.Random, items: Sequence[_Item], item_of: Sequence[int]) -> list[tuple[int, int, bool]]:
    offers_of: dict[int, list[int]] = {}
    for offer, item in enumerate(item_of):
        offers_of.setdefault(item, []).append(offer)
    of_family: dict[int, list[int]] = {}
    for offer, item in enumerate(item_of):
        of_family.setdefault(items[item].family, []).append(offer)
    found = [(a, b, True) for offers in offers_of.values() for a, b in combinations(offers, 2)]
    siblings = [(a, b, False) for offers in of_family.values() for a, b in combinations(offers, 2)
                if item_of[a] != item_of[b]]  # fmt: skip
    found += draw.sample(siblings, min(len(siblings), 2 * len(found)))
    matches = sum(match for _, _, match in found)
    while len(found) < 5 * matches:
        offer = draw.randrange(len(item_of))
        family = items[item_of[offer]].family
        # A near family has the same brand.
        near = of_family.get(family // 12 * 12 + draw.randrange(12), [])
        other = draw.choice(near) if near and draw.random() < 0.7 else draw.randrange(len(item_of))
        if items[item_of[other]].family != family:
            found.append((min(offer, other), max(offer, other), False))
    found = sorted(set(found))
    draw.shuffle(found)
    return found
