"""Words that hang from a sign: their further lines begin under the first word."""

from textual.content import Content


def hanging(sign: Content, words: Content, width: int) -> list[Content]:
    """The lines of some words after a sign, each as wide as `width` at most."""
    indent = sign.cell_length
    first, *rest = words.wrap(max(10, width - indent)) or [Content.empty()]
    return [sign + first, *(Content(" " * indent) + line for line in rest)]
