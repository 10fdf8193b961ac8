"""Texts that try to act, in groups, and how to tell that they did; where they are planted stands in `hostile_home`."""

import re
import unicodedata
from itertools import cycle, islice

GROUPS: dict[str, tuple[str, ...]] = {
    "ANSI": (
        "\x1b[38;5;123;7mpainted\x1b[0m",
        "\x1b[2J\x1b[3Jcleared",
        "\x1b[1;1Hhome",
        "\x1b[?1049lout of the desk",
        "\x1b[?25hcursor \x1b[s\x1b[u",
        "\x1b[5;10r\x1b[?6hmargins",
        "\x1b[200~pasted\x1b[201~",
        "\x1b[6n\x1b[c\x1b[>0qasks back",
        "\x1bcreset",
        "\x1b(0lines\x1b)B",
        "\x1b#8filled \x1b7\x1b8",
        "half a sequence \x1b[",
        "a lone escape \x1b",
    ),
    "OSC": (
        "\x1b]0;window\x07title",
        "\x1b]2;window\x1b\\title",
        "\x1b]8;;https://example.org/\x1b\\link\x1b]8;;\x1b\\",
        "\x1b]52;c;ZXZpbA==\x07clipboard",
        "\x1b]52;p;?\x1b\\asks for the clipboard",
        "\x1b]4;1;rgb:00/00/00\x1b\\palette",
        "\x1b]1337;File=inline=1:AAAA\x07picture",
        "\x1b]9;4;1;50\x07progress",
    ),
    "DCS and the like": (
        "\x1bPq#0;2;0;0;0~~\x1b\\sixel",
        "\x1bP$q\"p\x1b\\asks back",
        "\x1bPtmux;\x1b\x1b]52;c;eA==\x07\x1b\\through",
        "\x1b_Ga=T;AAAA\x1b\\picture",
        "\x1b^privacy\x1b\\message",
        "\x1bXstring\x1b\\start",
        "\x1bktitle\x1b\\of screen",
    ),
    "C1": ("\x9b2Jcleared", "\x9d52;c;eA==\x9cclipboard", "\x90q~~\x9csixel", "\x85next line \x8d\x8e\x8f", "Kid\x92s"),
    "C0": (
        "nul\x00byte",
        "bell\x07 backspace\x08\x08\x08 delete\x7f",
        "line\nbreak\tand tab",
        "carriage\rreturn",
        "page\x0cfeed \x0bup",
        "shift\x0eout\x0fin",
        "\x11\x13flow \x1aend",
    ),
    "bidi": (
        "\u202egnp.exe reversed",
        "\u202dforced\u202c",
        "\u2066isolated\u2069 \u200fmark\u200e",
        "\u061cArabic \u0627\u0644\u0639\u0631\u0628\u064a\u0629 mark",
        "\u05e9\u05dc\u05d5\u05dd 55 inch",
    ),
    "without width": (
        "zero\u200bwidth\u200c\u2060s",
        "soft\xadhyphen \ufeffmark",
        "\u3164\u115f filler \uffa0",
        "\u180e vowel \u2800 braille",
        "\U000e0001\U000e0068\U000e0069 hidden",
        "para\u2029graph line\u2028separator",
        "\ufff9anno\ufffatat\ufffbion",
    ),
    "combining": (
        "z\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309algo",
        "\u0301bare \u0489",
        "e\u0301 = \u00e9",
        "\u0939\u093f\u0928\u094d\u0926\u0940 \u0e20\u0e32\u0e29\u0e32",
        "a" + "\u20dd" * 200 + "round",
    ),
    "wide": (
        "\u96fb\u8996 55\u540b \U0001f4fa wide",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 family",
        "\U0001f44d\U0001f3fd \U0001f1e9\U0001f1ea \u2665\ufe0f \U0001f3fd",
        "\uff26\uff35\uff2c\uff2c \uff76\uff9e\uac01 width",
        "\u2630\u268a\U0001d306 either",
        "\u96fb" * 60,
    ),
    "markup": (
        "[Large] shirt",
        "[/] closes nothing",
        "[/b] wrong tag [b]bold[/b]",
        "[red on blue]paint [$error]variable",
        "[@click=app.quit]press me[/]",
        "[@click='screen.accept']a[/]",
        "[link=https://example.org]link[/link]",
        "\\[escaped] [[double]] \\",
        "[" * 30 + "]" * 30,
        "| table | *star* `code` # head <b>&amp;</b>",
    ),
    "elsewhere": (
        "%s {0} {name} $HOME `ls` $(id)",
        "'; DROP TABLE events; --",
        "=HYPERLINK(1)",
        "-rf --help",
        "../../etc/passwd",
        "\ue000private \uffff\ufdd0 \U0001ffff",
    ),
}  # fmt: skip

HOSTILE = [text for group in GROUPS.values() for text in group]

#: As long as a book; only spaces.
BOOK = "\x1b[7m" + "word [/] \u202e" * 10_000
SPACES = " " * 400

#: What no text may put on the screen: controls, formats, breaks, what has no shape.
ACTING = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)

#: What no file of text may hold as it is: controls other than line feeds, bidi controls, U+2028, U+2029, the BOM.
_OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

#: The sequences that the desk means to send, and what may stand between them: nothing that is not a character.
_MEANT = re.compile(
    r"""
      \x1b\[ \d* (?: ; \d+ )* [HCm]             # to a place; to the right; colours
    | \x1b\[J                                  # clear, on leaving
    | \x1b\[ \? (?: 1000 | 1003 | 1004 | 1006 | 1015 | 1016 | 1049 | 2004 | 2026 | 2048 | 25 | 7 ) [hl]
    | \x1b\[ \? (?: 2026 | 2048 ) \$p           # whether the terminal has these modes
    | \x1b\[ > \d+ u | \x1b\[ < u | \x1b\[ \? u # the keyboard protocol
    | \x1b\]22; [a-z-]+ \x07                  # the pointer's shape
    | \x1b\]52;c;[A-Za-z0-9+/=]*\x07            # a copy, which somebody asked for
    """,
    re.VERBOSE,
)


def stray(written: str) -> list[str]:
    """What a program wrote to its terminal that it cannot have meant: each with a little of what follows."""
    rest = _MEANT.sub("", written).replace("\r\n", "")
    # Each character is looked up once, as there are few different ones in many screens.
    found = {character for character in set(rest) if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
    return [rest[at : at + 20] for at, character in enumerate(rest) if character in found] if found else []


def acting(written: str) -> list[str]:
    """What a terminal would obey in a file of text that people look at, each with a little of what follows."""
    return [written[found.start() : found.start() + 20] for found in _OBEYED.finditer(written)]


def squeezed(text: str) -> str:
    """Without what wrapping and padding change."""
    return re.sub(r"\s+", "", text)


def some(start: int, count: int) -> str:
    """So many of the texts in a row, from one of them on."""
    return " ".join(islice(cycle(HOSTILE), start % len(HOSTILE), start % len(HOSTILE) + count))
