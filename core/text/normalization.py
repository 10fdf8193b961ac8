"""Cleaning of listing texts: removes artefacts of exports, web pages and wrong encodings, and recognises placeholders.

`clean_text` makes these changes:

| what | becomes |
| --- | --- |
| terminal escape sequences: `ESC[31m`, `ESC]0;title BEL` | nothing |
| HTML entities, also escaped twice: `55&amp;quot;`, `M&amp;M&#39;s` | the character |
| HTML tags and comments: `<b>`, `<br>`; `5 < 6` and `<3` stay | nothing, or a space where a tag breaks a line |
| text decoded with the wrong encoding, where it is certain: `CafÃ©` | `Café` (ftfy) |
| C1 control characters | what Windows-1252 has there (ftfy) |
| combining sequences | their composed form (NFC) |
| full-width forms: `５５ＴＶ` | ASCII |
| no-break, thin and ideographic spaces, tabs, line ends, several spaces | one space |
| zero-width spaces, soft hyphens, byte-order marks, direction marks | nothing |

Quotation marks stay as they are, since a curly one may mean inches. So do the other format characters, such as the
joiners that Indic scripts need.

`Placeholders` recognises values that stand for a missing one: `nan`, `N/A`, `Unbranded`, `Does not apply`, `-`. The
list is `core/text/data/placeholders.toml`. A workspace's `vocabulary.toml` adds to the table `placeholders`, and
removes entries with a group named `none`.
"""

import html
import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.text.escapes import without_escapes
from core.text.vocabulary import IGNORED_GROUP, merge_entries, packaged_entries, read_entries

if TYPE_CHECKING:
    from collections.abc import Callable


#: ASCII text without a match is clean: entities, tags, escape sequences, white space at an end, repeated, or other than
#: a space.
_SUSPECT = re.compile(r"[&<\t-\r\x1b-\x1f]|^ | $|  ")
#: Entities, also without a semicolon for the names that exports truncate; `R&copyright` is not one.
_ENTITY = re.compile(
    r"&(?:#[0-9]{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]{1,30};|(?:amp|quot|lt|gt|nbsp)(?![\w=]))"
)
_BEL = "\x07"
_CONTROL_ENTITY = re.compile(r"&#(?:0*27|[xX]0*1[bB]|(?P<bel>0*7|[xX]0*7));")
#: Maximum number of times that a text may have been escaped.
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

#: A necessary condition for wrongly decoded text: two non-ASCII characters in a row, or one of these.
_MISREAD = re.compile("[^\x00-\x7f]{2}|[\x80-\x9fÂÃ]")
#: Repairs that ftfy does not make: the trade mark sign, and a closing quotation mark whose last byte (9D, undefined in
#: Windows-1252) an export dropped.
_EXTRA_REPAIRS = ((re.compile("â„¢"), "™"), (re.compile("â€(?:\x9d|(?=\\s|$))"), "”"))
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]|(?<=[\u0000-\u024f])[\u200c\u200d]")
_SPACES = re.compile(r"\s+")
_WIDE = {point: point - 0xFEE0 for point in range(0xFF01, 0xFF5F)}
_HAS_WIDE = re.compile("[\uff01-\uff5e]")


def clean_text(text: str) -> str:
    """A text without artefacts; see the module's docstring. Idempotent unless escaped more than four times."""
    if text.isascii() and not _SUSPECT.search(text):
        return text
    text = without_escapes(text)
    if "&" in text:
        text = without_escapes(_unescaped(text)).replace(_BEL, "")
    if "<" in text:
        text = _without_tags(text)
    if not text.isascii():
        text = _repaired(text)
    return _SPACES.sub(" ", text).strip()


def _unescaped(text: str) -> str:
    for _ in range(_MAX_ESCAPES):
        before, text = text, _ENTITY.sub(lambda found: _character(found[0]), text)
        if text == before:
            break
    return text


def _character(entity: str) -> str:
    """The character of an entity. ESC and BEL, which `html.unescape` drops, show what to remove with them."""
    if control := _CONTROL_ENTITY.fullmatch(entity):
        return _BEL if control["bel"] else "\x1b"
    return html.unescape(entity if entity.endswith(";") else entity + ";")


def _without_tags(text: str) -> str:
    text = _CDATA.sub(r"\1", _HIDDEN.sub(" ", text))
    return _TAG.sub("", _BLOCK.sub(" ", text))


def _repaired(text: str) -> str:
    if _MISREAD.search(text):
        for misread, intended in _EXTRA_REPAIRS:
            text = misread.sub(intended, text)
        text = _fix_encoding()(text)
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    if _HAS_WIDE.search(text):
        text = text.translate(_WIDE)
    return _INVISIBLE.sub("", text)


@cache
def _fix_encoding() -> "Callable[[str], str]":
    """The encoding repair of ftfy, without its other steps.

    Those are off on purpose: quotation marks, ligatures and line ends stay as they are, entities are decoded in this
    module, and `core.text.safe` makes terminal escapes harmless.
    """
    import ftfy

    options: dict[str, Any] = {
        "unescape_html": False, "remove_terminal_escapes": False, "fix_latin_ligatures": False,
        "fix_character_width": False, "uncurl_quotes": False, "fix_line_breaks": False, "fix_surrogates": False,
        "remove_control_chars": False, "normalization": None, "explain": False,
    }  # fmt: skip
    config = ftfy.TextFixerConfig(**options)
    return lambda text: ftfy.fix_encoding(text, config)


#: Groups of placeholders for all values, and for all fields of a product. Other groups are named after a field.
_ANY, _FIELD = "any", "field"
#: Characters that may surround a placeholder.
_SURROUNDING = " \t()[]{}<>*'\"`.,:;!?_~-–—/\\|"
#: Abbreviations are written with and without spaces: `n. v.`, `k.A.`, `N / A`.
_SPACED_SIGN = re.compile(r" ?([./]) ?")


class Placeholders:
    """Recognises values that stand for a missing one. Created by `load`.

    Args:
        spellings: group → placeholders.
    """

    def __init__(self, spellings: dict[str, tuple[str, ...]]) -> None:
        self._by_name = {
            name.casefold(): frozenset(_key(spelling) for spelling in of)
            for name, of in spellings.items()
            if name != IGNORED_GROUP
        }
        # With room for surrounding characters. Longer values, such as most titles, are no placeholders.
        self._max_length = 2 * max((len(key) for keys in self._by_name.values() for key in keys), default=0)

    @classmethod
    def load(cls, extra: Path | None = None) -> "Placeholders":
        """The packaged list, extended by a workspace's vocabulary if that file exists.

        Raises:
            SettingsError: a file cannot be read or an entry does not fit.
        """
        files = [*packaged_entries("placeholders")]
        if extra is not None and extra.exists():
            files.append(read_entries(extra))
        return cls(merge_entries(files)["placeholders"])

    def is_missing(self, text: str, field: str, *, further: bool = False) -> bool:
        """Whether a value is a placeholder.

        Args:
            text: the value.
            field: name of the product's field or further attribute.
            further: whether it is a further attribute, for which fewer placeholders apply.
        """
        if not any(map(str.isalnum, text)):
            return True
        if len(text) > self._max_length:
            return False
        key = _key(text)
        names = (_ANY, field.casefold()) if further else (_ANY, _FIELD, field)
        return any(key in self._by_name.get(name, ()) for name in names)


def _key(text: str) -> str:
    """A value without case, accents, surrounding characters, and spaces beside a full stop or slash.

    A value of surrounding characters alone keeps them.
    """
    folded = _SPACES.sub(" ", _without_accents(text.casefold())).strip()
    if folded == "\\n":
        return folded
    return _SPACED_SIGN.sub(r"\1", folded.strip(_SURROUNDING)) or folded


def _without_accents(text: str) -> str:
    """Text without accents, which some exports drop: `neant`, `non specifie`."""
    if text.isascii():
        return text
    return "".join(each for each in unicodedata.normalize("NFD", text) if not unicodedata.combining(each))
