import base64
import random
from urllib.parse import quote

import pytest

from core.judge.openai_server.redaction import REDACTION_MARK, RedactedStream, Redactor

KEY = "sk-secret-0123+456/789-ABCdef_xyz"


def in_base64() -> dict[str, str]:
    """The key at each alignment, standard and URL-safe, with and without padding."""
    found = {}
    for before in (b"", b"a", b"ab", b"Bearer ", b"Authorization: Bearer "):
        for after in (b"", b"c", b"cd"):
            text = base64.b64encode(before + KEY.encode() + after).decode()
            name = f"base64 {before!r} {after!r}"
            found |= {name: text, f"{name}, URL-safe": text.translate(str.maketrans("+/", "-_")).rstrip("=")}
            found[f"{name}, in lines"] = "\n".join(text[at : at + 20] for at in range(0, len(text), 20))
    return found


FORMS = {
    "as it is": KEY,
    "in capitals": KEY.upper(),
    "percent-encoded": quote(KEY, safe=""),
    "percent-encoded, every character": "".join(f"%{ord(letter):02X}" for letter in KEY),
    "percent-encoded twice": "".join(f"%25{ord(letter):02x}" for letter in KEY),
    "as JSON escapes": "".join(f"\\u{ord(letter):04x}" for letter in KEY),
    "as references": "".join(f"&#{ord(letter)};" for letter in KEY),
    "hexadecimal": KEY.encode().hex(),
    "hexadecimal, capitals": KEY.encode().hex().upper(),
    "in two lines": f"{KEY[:15]}\n  {KEY[15:]}",
    "with nothing between": "\u200b".join(KEY),
    **in_base64(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_key_is_redacted_whole_and_streamed(form: str) -> None:
    redactor = Redactor(KEY)
    text = f"The same model. It was {form}, I was told.\n**Verdict:** MATCH"
    redacted = redactor.redact(text)
    assert redacted.startswith("The same model. It was ")
    assert redacted.endswith(", I was told.\n**Verdict:** MATCH")
    assert redacted.count(REDACTION_MARK) == 1
    # In base64, what stands before the key, up to `Authorization: Bearer `, is no secret.
    assert len(redacted) <= len(text) - len(form) + len(REDACTION_MARK) + 36
    for seed in range(20):
        rng = random.Random(seed)
        stream, at, pieces = RedactedStream(redactor), 0, []
        while at < len(text):
            step = rng.choice([1, 1, 2, 3, 7, 40])
            pieces.append(stream.feed(text[at : at + step]))
            at += step
        assert "".join([*pieces, stream.flush()]) == redacted


@pytest.mark.parametrize("start", range(0, len(KEY) - 8, 3))
def test_part_of_the_key_is_redacted(start: int) -> None:
    assert Redactor(KEY).redact(f"so {KEY[start : start + 8]}*** it is") == f"so {REDACTION_MARK}*** it is"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Similarities:\n- Samsung; 50% off & more\n\nDifferences:\n- 55 inch = 1.397 m\n\n**Verdict:** NO MATCH",
        "%", "%2", "&#", "\\u00", "100 %", "sk-secr", "é\ud83d\u200b",
    ],
)  # fmt: skip
def test_other_texts_are_unchanged(text: str) -> None:
    redactor = Redactor(KEY)
    assert redactor.redact(text) == text
    stream = RedactedStream(redactor)
    assert "".join([*(stream.feed(letter) for letter in text), stream.flush()]) == text


@pytest.mark.parametrize("key", ["", "none", "EMPTY", "dummy"])
def test_dummy_keys_are_not_redacted(key: str) -> None:
    text = "- none\nThe box is EMPTY, a dummy."
    assert Redactor(key).redact(text) == text
    assert RedactedStream(Redactor(key)).feed(text) == text


def test_text_that_cannot_begin_the_key_is_shown_at_once() -> None:
    stream = RedactedStream(Redactor(KEY))
    assert stream.feed("Same model, ") == "Same model, "
    assert stream.feed("sk-sec") == ""
    assert stream.feed("ond. ") == "sk-second. "
    assert (stream.feed(KEY[:20]), stream.feed(KEY[20:]), stream.flush()) == ("", "", REDACTION_MARK)


def test_repeated_key_is_shown_as_marks() -> None:
    stream = RedactedStream(Redactor(KEY))
    shown = "".join(stream.feed(KEY) for _ in range(500)) + stream.flush()
    assert set(shown.split(REDACTION_MARK)) == {""}
