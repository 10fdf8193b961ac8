"""What a person types into the search box, as an FTS5 query that always parses."""

import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from core.catalog.gtin import GTIN_LENGTH, bare_digits, normalize_gtin
from core.catalog.product import Product

# FTS5 refuses expressions deeper than 256; nobody types this many words, but people paste.
_MOST_WORDS = 32


def match_expression(text: str) -> str:
    """The FTS5 expression for: every word, in any order, and the last one perhaps unfinished.

    Each word is quoted, so that operators, brackets and column filters lose their meaning. A word with
    punctuation inside (`en-el14`) is then a phrase of its parts.

    Returns:
        The expression, or an empty string where the text holds nothing that could be found.
    """
    quoted = ['"' + word.replace('"', '""') + '"' for word in search_words(text)]
    return " ".join(quoted) + " *" if quoted else ""


def search_words(text: str) -> list[str]:
    """The words of it that could be found."""
    # SQLite reads the expression up to a NUL, and cannot hold half of a surrogate pair.
    plain = text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
    return [word for word in plain.split() if any(character.isalnum() for character in word)][:_MOST_WORDS]


#: Scripts that put no spaces between words: Thai and Lao, Tibetan, Burmese, Hangul (whose particles stick to the word),
#: Khmer, Kana, Han with its extensions, compatibility forms. Ranges of Unicode's blocks.
_UNSPACED = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3100-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = re.compile(f"[{_UNSPACED}]+")
_PARTS = re.compile(f"([{_UNSPACED}]+)")
#: The fields that a search reads.
_FIELDS = ("title", "brand", "model", "category")
_PAGE = 1000

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS grams (key INTEGER PRIMARY KEY, grams TEXT NOT NULL)",
    # Marks belong to their letters: a Thai vowel is one.
    """
    CREATE VIRTUAL TABLE IF NOT EXISTS grams_fts USING fts5 (
        grams, content = 'grams', content_rowid = 'key', prefix = '1 2',
        tokenize = "unicode61 remove_diacritics 0 categories 'L* N* Co M*'"
    )
    """,
    """
    CREATE TRIGGER IF NOT EXISTS grams_added AFTER INSERT ON grams BEGIN
        INSERT INTO grams_fts (rowid, grams) VALUES (new.key, new.grams);
    END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS grams_removed AFTER DELETE ON grams BEGIN
        INSERT INTO grams_fts (grams_fts, rowid, grams) VALUES ('delete', old.key, old.grams);
    END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS products_removed_grams AFTER DELETE ON products BEGIN
        DELETE FROM grams WHERE key = old.key;
    END
    """,
)


def has_unspaced_script(text: str) -> bool:
    """Whether there is a run in it that is written without spaces."""
    return not text.isascii() and _RUN.search(text) is not None


def spaced(text: str) -> str:
    """The text with a space around each character of such a run."""
    return _RUN.sub(lambda run: f" {' '.join(run[0])} ", text) if has_unspaced_script(text) else text


def grams_of(text: str) -> str:
    """What the index has of a text: the pairs of each run and its last character, everything else as words."""
    parts = _PARTS.split(_folded(text))
    return " ".join(" ".join([*_pairs(part), part[-1]]) if _RUN.fullmatch(part) else part for part in parts)


def grams_expression(words: Iterable[str]) -> str:
    """The FTS5 expression for products that hold every word, the last one perhaps unfinished; empty for no words."""
    phrases = [phrase for word in words for phrase in _phrases(word)]
    if not phrases:
        return ""
    return " AND ".join(phrases) + ("" if phrases[-1].endswith("*") else " *")


def index_grams(db: sqlite3.Connection, key: int, texts: Iterable[str]) -> None:
    """Bring the index up to date with the fields of a product that was just written."""
    text = " ".join(texts)
    db.execute("DELETE FROM grams WHERE key = ?", (key,))
    if has_unspaced_script(text):
        db.execute("INSERT INTO grams (key, grams) VALUES (?, ?)", (key, grams_of(text)))


def index_all_grams(db: sqlite3.Connection) -> None:
    """Index the products that were there before this index; the caller has begun a transaction."""
    last = -1
    while rows := db.execute(
        f"SELECT key, {', '.join(_FIELDS)} FROM products WHERE key > ? ORDER BY key LIMIT ?",  # noqa: S608 - our names
        (last, _PAGE),
    ).fetchall():
        for key, *texts in rows:
            index_grams(db, key, texts)
        last = rows[-1][0]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)]


def _phrases(word: str) -> Iterator[str]:
    for part in _PARTS.split(_folded(word)):
        if _RUN.fullmatch(part):
            # Of one character, every pair that begins with it.
            yield f'"{" ".join(_pairs(part))}"' if len(part) > 1 else f'"{part}" *'
        elif any(character.isalnum() for character in part):
            yield '"' + part.replace('"', '""') + '"'


#: A hit in the model number says most, one in the category least.
_WEIGHTS = {"model": 3.0, "title": 2.0, "brand": 1.0, "category": 0.5}
#: BM25 with the constants that SQLite's FTS5 has (k1 and b of Robertson & Zaragoza 2009, "The Probabilistic Relevance
#: Framework"), and without the rarity of words: every product here has all of them, so it would tell little. FTS5's
#: own function counts the whole index for it, which takes a second for a common word among a million products.
_K1, _B = 1.2, 0.75
#: The last word may be unfinished: a word that only begins with it is worth less than the word itself.
_BEGUN = 0.5

_WORD = re.compile(r"[^\W_]+")


def ranked(products: Iterable[Product], text: str) -> list[Product]:
    """The products, best first; equals stay in their order.

    Args:
        products: each holds every word of the text, the last one perhaps only as a beginning.
        text: what was searched for.
    """
    wanted = _words(text)
    read = [(product, {name: _words(getattr(product, name)) for name in _WEIGHTS}) for product in products]
    lengths = [sum(map(len, fields.values())) for _, fields in read]
    mean = sum(lengths) / len(lengths) if lengths else 1.0
    scores = [_score(fields, wanted, length / mean) for (_, fields), length in zip(read, lengths, strict=True)]
    order = sorted(range(len(read)), key=lambda at: -scores[at])
    return [read[at][0] for at in order]


def _score(fields: dict[str, list[str]], wanted: Sequence[str], length: float) -> float:
    score = 0.0
    for place, word in enumerate(wanted):
        unfinished = place == len(wanted) - 1
        often = 0.0
        for name, words in fields.items():
            whole = words.count(word)
            begun = sum(other.startswith(word) for other in words) - whole if unfinished else 0
            often += _WEIGHTS[name] * (whole + _BEGUN * begun)
        score += often * (_K1 + 1) / (often + _K1 * (1 - _B + _B * length))
    return score


def _words(text: str) -> list[str]:
    """The words as the full-text index has them: without accents, in lower case; characters without spaces singly."""
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return _WORD.findall(spaced(text.casefold()))


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


def looks_like_identifier(text: str) -> bool:
    """Whether the text is more likely an id or a number than words: one word, or one number, with a digit in it."""
    return any(map(str.isdigit, text)) and (len(text.split()) == 1 or bool(bare_digits(text)))
