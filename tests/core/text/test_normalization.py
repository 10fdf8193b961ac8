"""Text as its author meant it."""

import ast
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text.normalization import clean_text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("55&quot; TV", '55" TV'),
        ("55&amp;quot; TV", '55" TV'),
        ("M&amp;M&#39;s &#x26; more", "M&M's & more"),
        ("it&#146;s", "it’s"),
        ("Black&amp White", "Black& White"),
        ("<b>Bold</b> TV<br>black<br/>new", "Bold TV black new"),
        ("&lt;p&gt;One&lt;/p&gt;&lt;p&gt;Two&lt;/p&gt;", "One Two"),
        ("10 m<sup>2</sup> <span style='color:red'>rug</span>", "10 m2 rug"),
        ("<script>alert(1)</script>TV<!-- note -->", "TV"),
        ("<![CDATA[Sony TV]]>", "Sony TV"),
        ("CafÃ© â€œGourmetâ€\x9d", "Café “Gourmet”"),
        ("LEGOÂ® Barbieâ„¢ 3Â½ â€“ 90Â°", "LEGO® Barbie™ 3½ – 90°"),
        ("CafÃƒÂ©", "Café"),
        ("&Atilde;&copy;", "é"),
        ("55â€ TV", "55” TV"),
        ("\x93Hi\x94", "“Hi”"),
        ("Cafe\u0301", "Café"),
        ("５５ＴＶ（黒）", "55TV(黒)"),
        ("a\u00a0b\u2009c\u3000d\te  f\n g", "a b c d e f g"),
        ("\u200eSony\u200b Bra\u00advia\ufeff ", "Sony Bravia"),
    ],
)
def test_what_exports_and_wrong_encodings_added_goes(text: str, clean: str) -> None:
    assert clean_text(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "5 < 6", "I <3 tea > coffee", "3 < 4 > 2", "R&D", "AT&T", "Black&notebook", "&copy 2020", "a &unknown; b",
        "size <m> shirt", "Sony “Bravia” 55” TV, dad’s 3′ cable", "Crème brûlée", "ÄÖÜ ß größe", "MANHÃ TARDE",
        "Señor ¿Qué?", "日本語", "क्\u200dष", "Fußball – ½ × 3″", "plain ASCII 55\"", "Ærø Øl Å", "naïve café™",
    ],
)  # fmt: skip
def test_what_is_meant_stays(text: str) -> None:
    assert clean_text(text) == text


@given(st.text(max_size=40) | st.text("&<>;#aâÃ€™ bquot/", max_size=30))
def test_any_text_becomes_text_without_odd_spaces(text: str) -> None:
    clean = clean_text(text)
    assert clean == " ".join(clean.split())


def test_plain_text_needs_no_library() -> None:
    code = (
        "import sys; from core.text.normalization import clean_text;"
        " plain = clean_text('Nestlé 55\" TV &amp; <b>'); before = 'ftfy' in sys.modules;"
        " print(ascii([plain, before, clean_text('CafÃ©'), 'ftfy' in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ast.literal_eval(done.stdout) == [clean_text('Nestlé 55" TV &amp; <b>'), False, "Café", True]
