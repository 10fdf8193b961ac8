"""Full-text search over the catalogue: FTS5 queries from free text, an n-gram index, ranking, and id and GTIN ranges.

SQLite's full-text index takes a run of text without spaces (Chinese, Japanese, Korean, Thai and the like) for one word,
of which it finds only the beginning. Products with such runs are therefore indexed a second time, in `grams`: each run
as its overlapping pairs of characters in order, so that a phrase of pairs is found anywhere. Products without such runs
are not in that index.
"""

import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from core.catalog.gtin import GTIN_LENGTH, bare_digits, normalize_gtin
from core.catalog.product import Product

#: Maximum words of a search. FTS5 refuses expressions deeper than 256, and pasted text may be long.
_MAX_WORDS = 32


def match_expression(text: str) -> str:
    """An FTS5 expression for texts with all words of the search, the last one as a prefix.

    Words are quoted, so that operators, brackets and column filters have no effect. A word with punctuation inside
    (`en-el14`) becomes a phrase of its parts.

    Returns:
        The expression; empty if the text has no word.
    """
    quoted = ['"' + word.replace('"', '""') + '"' for word in search_words(text)]
    return " ".join(quoted) + " *" if quoted else ""


def search_words(text: str) -> list[str]:
    """The words of a search that have a letter or digit, up to a maximum number."""
    # SQLite stops at a NUL, and cannot store lone surrogates.
    plain = text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
    return [word for word in plain.split() if any(character.isalnum() for character in word)][:_MAX_WORDS]


#: Unicode blocks of scripts without spaces between words: Thai and Lao, Tibetan, Burmese, Hangul (whose particles are
#: attached to words), Khmer, Kana, Han with its extensions and compatibility forms.
_UNSPACED = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3100-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = re.compile(f"[{_UNSPACED}]+")
_PARTS = re.compile(f"([{_UNSPACED}]+)")
#: The searched fields.
_FIELDS = ("title", "brand", "model", "category")
_PAGE = 1000

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS grams (key INTEGER PRIMARY KEY, grams TEXT NOT NULL)",
    # Combining marks are part of a word: Thai vowels are such.
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
    """Whether a text has a run of a script without spaces."""
    return not text.isascii() and _RUN.search(text) is not None


def with_spaces(text: str) -> str:
    """The text with a space around each character of a script without spaces."""
    return _RUN.sub(lambda run: f" {' '.join(run[0])} ", text) if has_unspaced_script(text) else text


def grams_of(text: str) -> str:
    """The index entry of a text: each run as its character pairs and last character, everything else as words."""
    parts = _PARTS.split(_folded(text))
    return " ".join(" ".join([*_pairs(part), part[-1]]) if _RUN.fullmatch(part) else part for part in parts)


def grams_expression(words: Iterable[str]) -> str:
    """The FTS5 expression over `grams` for products with all words, the last one as a prefix; empty for no words."""
    phrases = [phrase for word in words for phrase in _phrases(word)]
    if not phrases:
        return ""
    return " AND ".join(phrases) + ("" if phrases[-1].endswith("*") else " *")


def index_grams(db: sqlite3.Connection, key: int, texts: Iterable[str]) -> None:
    """Update the n-gram index for the fields of a product that was just written."""
    text = " ".join(texts)
    db.execute("DELETE FROM grams WHERE key = ?", (key,))
    if has_unspaced_script(text):
        db.execute("INSERT INTO grams (key, grams) VALUES (?, ?)", (key, grams_of(text)))


def index_all_grams(db: sqlite3.Connection) -> None:
    """Index all existing products, for the migration; the caller has begun a transaction."""
    last = -1
    while rows := db.execute(
        f"SELECT key, {', '.join(_FIELDS)} FROM products WHERE key > ? ORDER BY key LIMIT ?",  # noqa: S608 - constants
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
            # For a single character, all pairs that begin with it.
            yield f'"{" ".join(_pairs(part))}"' if len(part) > 1 else f'"{part}" *'
        elif any(character.isalnum() for character in part):
            yield '"' + part.replace('"', '""') + '"'


#: Weights of the fields.
_WEIGHTS = {"model": 3.0, "title": 2.0, "brand": 1.0, "category": 0.5}
#: Constants of BM25 as in SQLite's FTS5 (k1 and b of Robertson & Zaragoza 2009, "The Probabilistic Relevance
#: Framework"). There is no inverse document frequency, since all products to rank have all words. FTS5's own bm25()
#: scans the whole index for it, which takes a second for a common word among a million products.
_K1, _B = 1.2, 0.75
#: Weight of a word of which the last search word is only a prefix, relative to an exact match.
_PREFIX_WEIGHT = 0.5

_WORD = re.compile(r"[^\W_]+")


def rank_products(products: Iterable[Product], text: str) -> list[Product]:
    """Rank search results by weighted BM25, best first; ties keep their order.

    Args:
        products: products with all words of the search, the last one as a prefix.
        text: the search.
    """
    search = _words(text)
    documents = [(product, {name: _words(getattr(product, name)) for name in _WEIGHTS}) for product in products]
    lengths = [sum(map(len, fields.values())) for _, fields in documents]
    mean = sum(lengths) / len(lengths) if lengths else 1.0
    scores = [_bm25(fields, search, length / mean) for (_, fields), length in zip(documents, lengths, strict=True)]
    order = sorted(range(len(documents)), key=lambda at: -scores[at])
    return [documents[at][0] for at in order]


def _bm25(fields: dict[str, list[str]], search: Sequence[str], length: float) -> float:
    """BM25 of a document, given its words by field and its length relative to the mean."""
    score = 0.0
    for place, word in enumerate(search):
        is_last = place == len(search) - 1
        frequency = 0.0
        for name, words in fields.items():
            exact = words.count(word)
            prefixed = sum(other.startswith(word) for other in words) - exact if is_last else 0
            frequency += _WEIGHTS[name] * (exact + _PREFIX_WEIGHT * prefixed)
        score += frequency * (_K1 + 1) / (frequency + _K1 * (1 - _B + _B * length))
    return score


def _words(text: str) -> list[str]:
    """The words of a text as in the full-text index: lower case, without accents, unspaced characters singly."""
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return _WORD.findall(with_spaces(text.casefold()))


#: A half-open interval [start, end) of texts in SQLite's binary order.
Range = tuple[str, str]

#: Minimum digits of the beginning of a GTIN; fewer are more often a size or a price.
_MIN_GTIN_DIGITS = 6
_LAST_CHARACTER = "\U0010ffff"


def id_ranges(text: str) -> list[Range]:
    """Ranges of ids that begin with the text as written, in upper or in lower case."""
    start = text.strip()
    # SQLite cannot store lone surrogates.
    start = start.encode("utf-8", "replace").decode("utf-8")
    return (
        [(each, each + _LAST_CHARACTER) for each in dict.fromkeys((start, start.upper(), start.lower()))]
        if start
        else []
    )


def gtin_ranges(text: str) -> list[Range]:
    """Ranges of GTIN-14s: the text itself in any notation, and those that begin with its digits after leading zeros."""
    whole = normalize_gtin(text)
    # ":" follows "9" in ASCII.
    found = [(whole, whole + ":")] if whole else []
    digits = bare_digits(text)
    if _MIN_GTIN_DIGITS <= len(digits) <= GTIN_LENGTH and (significant := digits.lstrip("0")):
        starts = ("0" * zeros + significant for zeros in range(GTIN_LENGTH - len(significant) + 1))
        found += [(start, start + ":") for start in starts]
    return found


def looks_like_identifier(text: str) -> bool:
    """Whether a search is more likely for an id or a GTIN than for words: it is one word or number, with a digit."""
    return any(map(str.isdigit, text)) and (len(text.split()) == 1 or bool(bare_digits(text)))
