"""The words of statements of counts, and which kinds of statements a text can make by its words.

The lists are alternatives of regular expressions, for English, German, French and Spanish, in lower case and without
accents. Words with another meaning in one of the other languages are left out: `once` is eleven in Spanish, `elf` in
German.
"""

import re
from functools import lru_cache
from typing import Literal

#: Number words.
NUMERALS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12,
    "zwei": 2, "drei": 3, "vier": 4, "funf": 5, "fuenf": 5, "sechs": 6, "sieben": 7, "acht": 8, "neun": 9, "zehn": 10,
    "zwolf": 12, "zwoelf": 12,
    "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "sept": 7, "huit": 8, "neuf": 9, "dix": 10, "onze": 11, "douze": 12,
    "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "siete": 7, "ocho": 8, "nueve": 9, "diez": 10, "doce": 12,
}  # fmt: skip

#: Prefixes of `pack` → number of items: twin pack, Doppelpack.
NAMES = {
    "twin": 2, "double": 2, "dual": 2, "duo": 2, "bi": 2, "triple": 3, "tri": 3, "trio": 3, "quad": 4, "doppel": 2,
    "doble": 2,
}  # fmt: skip
#: The same in German, also with `set`: Dreierpack, Sechser-Set.
GERMAN_NAMES = {
    "zweier": 2, "dreier": 3, "vierer": 4, "funfer": 5, "fuenfer": 5, "sechser": 6, "achter": 8, "zehner": 10,
    "zwolfer": 12, "zwoelfer": 12,
}  # fmt: skip

#: Words for a pack after a number: 24-pack, 2 Packungen.
PACKS = r"packs?|pks?|packages?|pkgs?|packets?|packung(?:en)?|pckg|pakete?|paquete?s?"
#: Words for a pack after a German number in -er, alone or in a compound: 12er Pack, 6er-Sparpack, 4er-Set.
NUMBERED_PACKS = (
    r"(?:[a-z]{2,12}[\s-]?)?pack(?:s|ung|ungen)?|sets?|satz|kit|box|kartons?|kisten?|kasten|beutel|tuten?|schachteln?"
    r"|trays?|trager|bundles?|blister|gebinde|bund|stangen?"
)
_GERMAN_OUTERS = (
    r"[a-z]{0,12}packung(?:en)?|[a-z]{2,12}pack|pakete?|pckg|satz|kartons?|kisten?|kasten|beutel|tuten?|schachteln?"
    r"|gebinde"
)
_FRENCH_OUTERS = r"paquets?|boites?|coffrets?|jeux?|sachets?|caisses?|ensembles?|etuis?|barquettes?"
_SPANISH_OUTERS = r"paquetes?|paqs?|lotes?|cajas?|juegos?|conjuntos?|bolsas?|estuches?"
#: Words for a pack before a number: pack of 24, Packung mit 6, lot de 6, caja de 12.
OUTERS = (
    r"packs?|pks?|packages?|pkgs?|packets?|cases?|cartons?|ctns?|boxe?s?|sets?|lots?|bundles?|bags?|multi-?packs?"
    rf"|trays?|crates?|tubs?|kits?|{_GERMAN_OUTERS}|{_FRENCH_OUTERS}|{_SPANISH_OUTERS}"
)
#: Fewer words count before some prepositions: a `box mit 2` has two of anything, and `a` is also an English word.
MIT_OUTERS = rf"packs?|sets?|{_GERMAN_OUTERS}"
A_OUTERS = rf"packs?|{_GERMAN_OUTERS}"
CON_OUTERS = rf"packs?|sets?|{_SPANISH_OUTERS}"

#: Containers after a number of items: 24/box, 50 per box, 10 je Packung.
CONTAINERS = (
    r"pack|pk|package|pkg|box|bx|carton|ctn|case|cs|set|bag|roll|dozen|ct|tub|jar|tube"
    r"|packung|pckg|karton|beutel|schachtel|kiste|boite|paquete?|sachet|lote?|caja|bolsa"
)
#: Words for items: 10 Stück, 12 uds, 5-teilig, 24 ct. The European ones also follow numbers such as 1.000; 1.250 ct are
#: carats.
EUROPEAN_PIECES = (
    r"pieces?|pces?|st(?:u|ue)cke?|stck|stk|teile|teilige?[mnrs]?|tlg"
    r"|piezas?|pzas?|pzs?|unid(?:ad|ades|s)?|uds?|unites?"
)
PIECES = rf"ct|cnt|count|pcs|units|{EUROPEAN_PIECES}"
#: Labels before a count: qty: 3, Anzahl: 10. Not `count`, which may be a thread count.
LABELS = (
    r"qty|quantity|pack\ssize|pieces|anzahl|menge|st(?:u|ue)ck(?:zahl)?|vpe|ve|quantite|qte|cantidad|piezas|unidades"
)
#: Things that are sold by number, used if no pack or count is stated: 100 caplets.
SOLD_BY_NUMBER = (
    "cans|bottles|capsules|caplets|tablets|softgels|pods|gummies|wipes|diapers"
    "|dosen|flaschen|kapseln|weichkapseln|tabletten|filmtabletten|kautabletten|lutschtabletten|brausetabletten|beutel"
    "|teebeutel|windeln|tucher|feuchttucher"
    "|kaffeepads|canettes|bouteilles|gelules|comprimes|dosettes|sachets|couches|lingettes"
    "|latas|botellas|capsulas|comprimidos|tabletas|panales|toallitas|sobres"
)
#: Words after `20 St` in listings of pharmacies.
REMEDIES = "filmtabletten|tabletten|kapseln|dragees|beutel|ampullen|pflaster|pack|packung"

DOZENS = r"dozens?|dutzend|douzaines?|docenas?"
HALVES = r"half(?:\sa)?|(?:ein\s)?halbes|demi|media"
PAIRS = r"pairs?|paare?|paires?|pares"

#: Stems of which every statement of a count has one, unless it is a digit followed by one of `PIECES`.
STEMS = (
    "pack|pk|pckg|paq|paket|case|carton|karton|ctn|box|bx|cs|set|satz|lot|bundle|bag|tray|trager|crate|tub|kit"
    "|kist|kasten|beutel|tute|schachtel|gebinde|blister|bund|stange|boite|coffret|jeu|sachet|caiss|ensemble|etui"
    "|barquette|caja|juego|conjunto|bolsa|estuche|roll|jar|count|units|unid|pie[cz]|stuc?k|stueck|teil|qty|vpe|vendu|[:=]"
    "|dozen|dutzend|douzaine|docena|pair|paar|pares"
)

#: A kind of statement, each with a pattern of its own in `core.text.packs`.
Statement = Literal["packs", "items", "named", "sold", "dozen", "pair", "multiplier"]

_WORD = re.compile(r"[a-z]+")
#: A number word may stand directly before a word, behind an x.
_NUMBERED = rf"x?(?:{'|'.join(NUMERALS)})?"
#: What a word can be in a statement: role → words. The last word of several stands for all.
_ROLES = {
    role: re.compile(words)
    for role, words in {
        "pack": rf"{_NUMBERED}(?:{PACKS})|casepacks?",
        "er": rf"er(?:{NUMBERED_PACKS}|[a-z]{{2,12}})?",
        "outer": rf"{OUTERS}|vendue?s?",
        "preposition": r"of|de|zu|von|mit|a|con|c|par",
        "name": "|".join([*NAMES, *GERMAN_NAMES]),
        "named pack": r"packs?|pk|packung|set",
        "named": rf"(?:{'|'.join([*NAMES, *GERMAN_NAMES])})(?:packs?|pk|packung|set)",
        "piece": rf"{_NUMBERED}(?:{PIECES})|pc|st",
        "label": r"qty|vpe",
        "container": CONTAINERS,
        "per": rf"{_NUMBERED}(?:per|pro|je|par|por)|a",
        "bare": r"box|carton|set",
        "sold": SOLD_BY_NUMBER,
        "dozen": DOZENS,
        "pair": PAIRS,
    }.items()
}


def possible_statements(text: str) -> frozenset[Statement]:
    """The kinds of statements that a text can make by its words: a cheap necessary condition for their patterns.

    Args:
        text: in lower case, without accents.
    """
    roles: set[str] = set().union(*map(_roles, _WORD.findall(text)))
    found: set[Statement] = set()
    if "outer" in roles or any(sign in text for sign in "x×*"):
        found.add("multiplier")
    if not roles and ":" not in text and "=" not in text:
        return frozenset(found)
    if roles & {"pack", "er"} or roles >= {"outer", "preposition"}:
        found.add("packs")
    if "named" in roles or roles >= {"name", "named pack"}:
        found.add("named")
    stored = "container" in roles and ("/" in text or "per" in roles)
    if roles & {"piece", "label", "bare"} or stored or ":" in text or "=" in text:
        found.add("items")
    if "sold" in roles:
        found.add("sold")
    if "dozen" in roles:
        found.add("dozen")
    if "pair" in roles:
        found.add("pair")
    return frozenset(found)


@lru_cache(maxsize=2**15)  # catalogues repeat their words
def _roles(word: str) -> frozenset[str]:
    return frozenset(role for role, words in _ROLES.items() if words.fullmatch(word))
