"""What a person types into the search box, as ranges of ids and GTINs that begin with it."""

from core.catalog.gtin import GTIN_LENGTH, bare_digits, normalize_gtin

#: Bounds of text in SQLite's binary order: from the first one on, and before the second.
Range = tuple[str, str]

#: Fewer digits are a size or a price more often than the beginning of a trade item number.
_SHORTEST_GTIN = 6
_LAST = "\U0010ffff"


def id_ranges(text: str) -> list[Range]:
    """The ids that begin with the text, in its case, upper or lower; the id itself comes first in its range."""
    start = text.strip()
    # SQLite cannot hold half of a surrogate pair.
    start = start.encode("utf-8", "replace").decode("utf-8")
    return [(each, each + _LAST) for each in dict.fromkeys((start, start.upper(), start.lower()))] if start else []


def gtin_ranges(text: str) -> list[Range]:
    """The GTIN-14s that the text is, in any notation, or that its digits begin, whatever zeros stand before them."""
    whole = normalize_gtin(text)
    # ":" follows "9".
    found = [(whole, whole + ":")] if whole else []
    digits = bare_digits(text)
    if _SHORTEST_GTIN <= len(digits) <= GTIN_LENGTH and (significant := digits.lstrip("0")):
        starts = ("0" * zeros + significant for zeros in range(GTIN_LENGTH - len(significant) + 1))
        found += [(start, start + ":") for start in starts]
    return found


def is_like_identifier(text: str) -> bool:
    """Whether the text is more likely an id or a number than words: one word, or one number, with a digit in it."""
    return any(map(str.isdigit, text)) and (len(text.split()) == 1 or bool(bare_digits(text)))
