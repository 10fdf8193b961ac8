"""The words of pack and count statements: English, German, French and Spanish, in lower case and without accents.

Each constant is the alternatives of a regular expression. Words that mean something else in another of the languages
are left out: `once` is eleven in Spanish, `elf` in German.
"""

#: Numbers that are written as words.
NUMERALS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12,
    "zwei": 2, "drei": 3, "vier": 4, "funf": 5, "fuenf": 5, "sechs": 6, "sieben": 7, "acht": 8, "neun": 9, "zehn": 10,
    "zwolf": 12, "zwoelf": 12,
    "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "sept": 7, "huit": 8, "neuf": 9, "dix": 10, "onze": 11, "douze": 12,
    "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "siete": 7, "ocho": 8, "nueve": 9, "diez": 10, "doce": 12,
}  # fmt: skip

#: Names of packs by their size, before `pack`: twin pack, Doppelpack.
NAMES = {
    "twin": 2, "double": 2, "dual": 2, "duo": 2, "bi": 2, "triple": 3, "tri": 3, "trio": 3, "quad": 4, "doppel": 2,
    "doble": 2,
}  # fmt: skip
#: The same in German, also before `set`: Dreierpack, Sechser-Set.
GERMAN_NAMES = {
    "zweier": 2, "dreier": 3, "vierer": 4, "funfer": 5, "fuenfer": 5, "sechser": 6, "achter": 8, "zehner": 10,
    "zwolfer": 12, "zwoelfer": 12,
}  # fmt: skip

#: Packs that a number stands before: 24-pack, 2 Packungen.
PACKS = r"packs?|pks?|packages?|pkgs?|packets?|packung(?:en)?|pckg|pakete?|paquete?s?"
#: Behind a German number with its ending, alone or in a compound: 12er Pack, 6er-Sparpack, 4er-Set. A 12er Schlüssel
#: is a wrench of size 12.
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
#: What holds several items: pack of 24, Packung mit 6, lot de 6, caja de 12.
OUTERS = (
    r"packs?|pks?|packages?|pkgs?|packets?|cases?|cartons?|ctns?|boxe?s?|sets?|lots?|bundles?|bags?|multi-?packs?"
    rf"|trays?|crates?|tubs?|kits?|{_GERMAN_OUTERS}|{_FRENCH_OUTERS}|{_SPANISH_OUTERS}"
)
#: A `box mit 2` has two of anything, and `a` is an English word: fewer words stand before those.
MIT_OUTERS = rf"packs?|sets?|{_GERMAN_OUTERS}"
A_OUTERS = rf"packs?|{_GERMAN_OUTERS}"
CON_OUTERS = rf"packs?|sets?|{_SPANISH_OUTERS}"

#: A container of which the text says what it holds: 24/box, 50 per box, 10 je Packung.
CONTAINERS = (
    r"pack|pk|package|pkg|box|bx|carton|ctn|case|cs|set|bag|roll|dozen|ct|tub|jar|tube"
    r"|packung|pckg|karton|beutel|schachtel|kiste|boite|paquete?|sachet|lote?|caja|bolsa"
)
#: Items that are counted one by one: 10 Stück, 12 uds, 5-teilig, 24 ct. The first ones also count 1.000 Stück; 1.250 ct
#: are carats.
EUROPEAN_PIECES = (
    r"pieces?|pces?|st(?:u|ue)cke?|stck|stk|teile|teilige?[mnrs]?|tlg"
    r"|piezas?|pzas?|pzs?|unid(?:ad|ades|s)?|uds?|unites?"
)
PIECES = rf"ct|cnt|count|pcs|units|{EUROPEAN_PIECES}"
#: What a label names before a count: qty: 3, Anzahl: 10. A thread count is another thing.
LABELS = (
    r"qty|quantity|pack\ssize|pieces|anzahl|menge|st(?:u|ue)ck(?:zahl)?|vpe|ve|quantite|qte|cantidad|piezas|unidades"
)
#: Things that are sold by number, where neither a pack nor a count is said: 100 caplets.
SOLD_BY_NUMBER = (
    "cans|bottles|capsules|caplets|tablets|softgels|pods|gummies|wipes|diapers"
    "|dosen|flaschen|kapseln|weichkapseln|tabletten|filmtabletten|kautabletten|lutschtabletten|brausetabletten|beutel"
    "|teebeutel|windeln|tucher|feuchttucher"
    "|kaffeepads|canettes|bouteilles|gelules|comprimes|dosettes|sachets|couches|lingettes"
    "|latas|botellas|capsulas|comprimidos|tabletas|panales|toallitas|sobres"
)
#: What pharmacies name behind `20 St`.
REMEDIES = "filmtabletten|tabletten|kapseln|dragees|beutel|ampullen|pflaster|pack|packung"

DOZENS = r"dozens?|dutzend|douzaines?|docenas?"
HALVES = r"half(?:\sa)?|(?:ein\s)?halbes|demi|media"
PAIRS = r"pairs?|paare?|paires?|pares"

#: Every statement of a count has one of these in it, or a digit with one of `PIECES` behind it.
STEMS = (
    "pack|pk|pckg|paq|paket|case|carton|karton|ctn|box|bx|cs|set|satz|lot|bundle|bag|tray|trager|crate|tub|kit"
    "|kist|kasten|beutel|tute|schachtel|gebinde|blister|bund|stange|boite|coffret|jeu|sachet|caiss|ensemble|etui"
    "|barquette|caja|juego|conjunto|bolsa|estuche|roll|jar|count|units|unid|pie[cz]|stuc?k|stueck|teil|qty|vpe|vendu|[:=]"
    "|dozen|dutzend|douzaine|docena|pair|paar|pares"
)
