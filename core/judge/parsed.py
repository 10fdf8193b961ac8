"""Reading an answer: the last line, and nothing else."""

import re

from core.judge.prompt import LETTERS
from core.judge.verdict import Answer

#: `in` would read NO MATCH as a match, and any line would do for a title that holds one.
_VERDICT = re.compile(r"\*\*Verdict:\*\* (MATCH|NO MATCH)\.?")
_CHOICE = re.compile(r"\*\*Verdict:\*\* (NONE|[A-Z])\.?")


def answer_of(text: str) -> Answer | None:
    """What the last line that is not empty says; None where that is no verdict."""
    found = _VERDICT.fullmatch(_last_line(text))
    return Answer(found[1]) if found else None


def choice_of(text: str, count: int) -> int | None:
    """Which of `count` candidates the last line names, from 1, 0 for none of them; None where that is no verdict."""
    found = _CHOICE.fullmatch(_last_line(text))
    if found is None:
        return None
    named = 0 if found[1] == "NONE" else LETTERS.find(found[1]) + 1
    return named if found[1] == "NONE" or 0 < named <= count else None


def _last_line(text: str) -> str:
    stripped = text.strip()
    return stripped.rpartition("\n")[2].strip()
