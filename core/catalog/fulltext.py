"""What a person types into the search box, as an FTS5 query that always parses."""

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
