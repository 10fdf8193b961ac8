"""Product text in a prompt: data between marks that it cannot imitate.

Whoever writes a title may write `ignore the above`, a verdict line, or the tokens with which a chat template begins
another turn. None of it may leave the place where a title stands. So what comes from a catalogue is one line, as long
as a title needs to be, made visible by `safe`, and without the characters that begin or end a tag or a control token.
What it still says in plain words is for the model to see through; what the model answers is parsed strictly.
"""

import re

from core.text.safe import safe

#: Characters that a title needs at most, and any other value; five times what Walmart-Amazon's longest have.
LONGEST_TITLE, LONGEST_VALUE = 600, 160

#: `<|im_start|>`, `</s>`, `<start_of_turn>` and XML tags all begin with one of these.
_MARKS = str.maketrans({"<": "‹", ">": "›", "＜": "‹", "＞": "›", "`": "'"})
#: `[INST]` and its like, which some chat templates have as control tokens.
_CONTROL = re.compile(r"\[(/?[A-Z_]{2,})\]")
#: `**Verdict:**` is the model's to write.
_EMPHASIS = re.compile(r"\*{2,}")


def enclosed(text: str, longest: int = LONGEST_VALUE) -> str:
    """The text as a value in a prompt; one that is too long ends in an ellipsis."""
    line = " ".join(safe(text[: 4 * longest]).split())
    line = _EMPHASIS.sub("*", _CONTROL.sub(r"(\1)", line.translate(_MARKS)))
    return line if len(line) <= longest and len(text) <= 4 * longest else line[: longest - 1].rstrip() + "…"
