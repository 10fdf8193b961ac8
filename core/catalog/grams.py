"""Search inside runs of text that are written without spaces: Chinese, Japanese, Korean, Thai and the like.

SQLite's full-text index takes such a run for one word, of which only the beginning is found. So every product that has
one is indexed a second time, each run as its overlapping pairs of characters, in their order: a phrase of pairs is
found wherever it stands. Products without such a run are not in this index, and cost nothing.
"""

import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator

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


def is_unspaced(text: str) -> bool:
    """Whether there is a run in it that is written without spaces."""
    return not text.isascii() and _RUN.search(text) is not None


def spaced(text: str) -> str:
    """The text with a space around each character of such a run."""
    return _RUN.sub(lambda run: f" {' '.join(run[0])} ", text) if is_unspaced(text) else text


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


def note_grams(db: sqlite3.Connection, key: int, texts: Iterable[str]) -> None:
    """Bring the index up to date with the fields of a product that was just written."""
    text = " ".join(texts)
    db.execute("DELETE FROM grams WHERE key = ?", (key,))
    if is_unspaced(text):
        db.execute("INSERT INTO grams (key, grams) VALUES (?, ?)", (key, grams_of(text)))


def fill_grams(db: sqlite3.Connection) -> None:
    """Index the products that were there before this index; the caller has begun a transaction."""
    last = -1
    while rows := db.execute(
        f"SELECT key, {', '.join(_FIELDS)} FROM products WHERE key > ? ORDER BY key LIMIT ?",  # noqa: S608 - our names
        (last, _PAGE),
    ).fetchall():
        for key, *texts in rows:
            note_grams(db, key, texts)
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
