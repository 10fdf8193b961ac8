"""Text of a listing as its author meant it: without what exports, web pages and wrong encodings added to it.

| what | becomes |
| --- | --- |
| HTML entities, also escaped twice: `55&amp;quot;`, `M&amp;M&#39;s` | the character |
| HTML tags and comments: `<b>`, `<br>`; `5 < 6` and `<3` stay | nothing, or a space where a tag breaks a line |
| text decoded with the wrong encoding, where it is certain: `CafÃ©` | `Café` (ftfy) |
| C1 control characters | what Windows-1252 has there (ftfy) |
| combining sequences | their composed form (NFC) |
| full-width forms: `５５ＴＶ` | ASCII |
| no-break, thin and ideographic spaces, tabs, line ends, several spaces | one space |
| zero-width spaces, soft hyphens, byte-order marks, direction marks | nothing |

Quotation marks stay as they are: a curly one may be an inch. So do the other format characters, such as the joiners
that Indic scripts need.
"""

import html
import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.text.vocabulary import IGNORED_GROUP, merged, packaged, read

if TYPE_CHECKING:
    from collections.abc import Callable


#: ASCII text without any of these is clean: an entity, a tag, a space at an end, two in a row, or another kind of one.
_SUSPECT = re.compile(r"[&<\t-\r\x1c-\x1f]|^ | $|  ")
#: Names without a semicolon are those that exports cut off; any other would turn `R&copyright` into a sign.
_ENTITY = re.compile(
    r"&(?:#[0-9]{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]{1,30};|(?:amp|quot|lt|gt|nbsp)(?![\w=]))"
)
#: How often a text may have been escaped.
_MAX_ESCAPES = 4
_BLOCKS = (
    "address|article|aside|blockquote|body|br|caption|center|dd|div|dl|dt|fieldset|figcaption|figure|footer|form"
    "|h[1-6]|head|header|hr|html|iframe|img|input|legend|li|link|main|meta|nav|ol|option|p|pre|section|select|table"
    "|tbody|td|tfoot|th|thead|title|tr|ul|video"
)
_INLINE = (
    "a|abbr|acronym|b|big|button|cite|code|del|em|font|i|ins|kbd|label|mark|q|s|samp|small|span|strike|strong|sub|sup"
    "|tt|u|var|wbr|[a-z]{1,10}:[a-z]{1,20}"
)
_HIDDEN = re.compile(r"<(script|style)\b[^<>]*>.*?</\1\s*>|<!--.*?-->|<!doctype[^<>]*>|<\?xml[^<>]*\?>", re.I | re.S)
_BLOCK = re.compile(rf"</?(?:{_BLOCKS})(?:\s[^<>]*|/)?>", re.I)
_TAG = re.compile(rf"</?(?:{_INLINE})(?:\s[^<>]*|/)?>", re.I)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.S)

#: Wrong decoding leaves two characters beyond ASCII in a row, or one of these before a space; the rest is spared the
#: search.
_MISREAD = re.compile("[^\x00-\x7f]{2}|[\x80-\x9fÂÃ]")
#: What ftfy leaves or cannot know: the sign for trademarks, and a closing quotation mark whose last byte (9D, which
#: Windows-1252 does not have) an export dropped.
_MISSED = ((re.compile("â„¢"), "™"), (re.compile("â€(?:\x9d|(?=\\s|$))"), "”"))
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]|(?<=[\u0000-\u024f])[\u200c\u200d]")
_SPACES = re.compile(r"\s+")
_WIDE = {point: point - 0xFEE0 for point in range(0xFF01, 0xFF5F)}
_HAS_WIDE = re.compile("[\uff01-\uff5e]")


def clean_text(text: str) -> str:
    """The text as its author meant it; see the module for what changes.

    `clean_text(clean_text(text)) == clean_text(text)` unless it was escaped more than four times.
    """
    if text.isascii() and not _SUSPECT.search(text):
        return text
    if "&" in text:
        text = _unescaped(text)
    if "<" in text:
        text = _without_tags(text)
    if not text.isascii():
        text = _repaired(text)
    return _SPACES.sub(" ", text).strip()


def _unescaped(text: str) -> str:
    for _ in range(_MAX_ESCAPES):
        before, text = text, _ENTITY.sub(lambda found: html.unescape(_complete(found[0])), text)
        if text == before:
            break
    return text


def _complete(entity: str) -> str:
    return entity if entity.endswith(";") else entity + ";"


def _without_tags(text: str) -> str:
    text = _CDATA.sub(r"\1", _HIDDEN.sub(" ", text))
    return _TAG.sub("", _BLOCK.sub(" ", text))


def _repaired(text: str) -> str:
    if _MISREAD.search(text):
        for misread, meant in _MISSED:
            text = misread.sub(meant, text)
        text = _fix_encoding()(text)
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    if _HAS_WIDE.search(text):
        text = text.translate(_WIDE)
    return _INVISIBLE.sub("", text)


@cache
def _fix_encoding() -> "Callable[[str], str]":
    """Ftfy's repair of wrongly decoded text, and nothing else of what it can do.

    Its other steps are off on purpose: quotation marks stay curly, ligatures and line ends stay, entities are decoded
    above, and terminal escapes are shown harmlessly by `core.text.safe`.
    """
    import ftfy

    options: dict[str, Any] = {
        "unescape_html": False, "remove_terminal_escapes": False, "fix_latin_ligatures": False,
        "fix_character_width": False, "uncurl_quotes": False, "fix_line_breaks": False, "fix_surrogates": False,
        "remove_control_chars": False, "normalization": None, "explain": False,
    }  # fmt: skip
    config = ftfy.TextFixerConfig(**options)
    return lambda text: ftfy.fix_encoding(text, config)


#: A group of this name holds for every value, one for all fields of a product.
_ANY, _FIELD = "any", "field"
#: What may stand around a value without being a part of it.
_AROUND = " \t()[]{}<>*'\"`.,:;!?_~-–—/\\|"
#: Abbreviations are written with and without spaces: `n. v.`, `k.A.`, `N / A`.
_SPACED_SIGN = re.compile(r" ?([./]) ?")


class Placeholders:
    """Which values are missing ones. Made once by `load`.

    Args:
        spellings: by the name of their group.
    """

    def __init__(self, spellings: dict[str, tuple[str, ...]]) -> None:
        self._by_name = {
            name.casefold(): frozenset(_key(spelling) for spelling in of)
            for name, of in spellings.items()
            if name != IGNORED_GROUP
        }
        # With room for what may stand around: a title is longer, and not looked at.
        self._longest = 2 * max((len(key) for keys in self._by_name.values() for key in keys), default=0)

    @classmethod
    def load(cls, extra: Path | None = None) -> "Placeholders":
        """The packaged list, and a workspace's vocabulary over it where there is one.

        Raises:
            SettingsError: a file cannot be read or an entry does not fit.
        """
        files = packaged("placeholders")
        if extra is not None and extra.exists():
            files.append(read(extra))
        return cls(merged(files)["placeholders"])

    def is_missing(self, text: str, field: str, *, further: bool = False) -> bool:
        """Whether a value stands for none.

        Args:
            text: the value.
            field: of a product; or the name of a further attribute.
            further: whether it is a further attribute, of which less is taken for missing.
        """
        if not any(map(str.isalnum, text)):
            return True
        if len(text) > self._longest:
            return False
        key = _key(text)
        names = (_ANY, field.casefold()) if further else (_ANY, _FIELD, field)
        return any(key in self._by_name.get(name, ()) for name in names)


def _key(text: str) -> str:
    """The value without case, accents, spaces beside a full stop or slash, and without what stands around it.

    Where nothing else is left, what stands around is the value.
    """
    folded = _SPACES.sub(" ", _without_accents(text.casefold())).strip()
    if folded == "\\n":
        return folded
    return _SPACED_SIGN.sub(r"\1", folded.strip(_AROUND)) or folded


def _without_accents(text: str) -> str:
    """Exports lose accents: `neant`, `non specifie`."""
    if text.isascii():
        return text
    return "".join(each for each in unicodedata.normalize("NFD", text) if not unicodedata.combining(each))
